"""The arithmetic of `domain.rates` as Valkey runs it: several takings at once, each of them whole or not at all.

What it is told of each is a word, the call, how long a place is kept in microseconds, and the number of
its buckets; then for each bucket the ticks that are taken or given back, and its flow, size, unit of time
and how many of those a full one takes to run empty. A flow of 0 is one of places, whose ticks are places.
"""

from __future__ import annotations

TAKE, GIVE_BACK, KEEP = "take", "back", "keep"

SCRIPT = """
local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]

local function whole(number)
  return string.format('%.0f', number)
end

local function level(key, flow, unit, drained)
  if flow == 0 then
    redis.call('ZREMRANGEBYSCORE', key, '-inf', whole(now_us))
    return redis.call('ZCARD', key)
  end
  local stored = redis.call('GET', key)
  if not stored then return 0 end
  local at, ticks = string.match(stored, '^(%d+):(%d+)$')
  local elapsed = math.floor(now_us / unit) - tonumber(at)
  if elapsed <= 0 then return tonumber(ticks) end
  if elapsed >= drained then return 0 end
  return math.max(0, tonumber(ticks) - elapsed * flow)
end

local function put(key, ticks, flow, unit)
  if ticks == 0 then
    redis.call('DEL', key)
    return
  end
  local lasts_ms = math.ceil(math.ceil(ticks / flow) * unit / 1000) + 1
  redis.call('SET', key, whole(math.floor(now_us / unit)) .. ':' .. whole(ticks), 'PX', whole(lasts_ms))
end

local function keep(key, call, lease_us)
  redis.call('ZADD', key, whole(now_us + lease_us), call)
  redis.call('PEXPIRE', key, whole(math.ceil(lease_us / 1000)))
end

local said = {}
local at, key_at = 1, 0
while at <= #ARGV do
  local what, call, lease_us, buckets = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  at = at + 4
  local levels, fits = {}, 1
  for i = 1, buckets do
    local base = at + (i - 1) * 5
    local ticks, flow, size = tonumber(ARGV[base]), tonumber(ARGV[base + 1]), tonumber(ARGV[base + 2])
    local unit, drained = tonumber(ARGV[base + 3]), tonumber(ARGV[base + 4])
    levels[i] = level(KEYS[key_at + i], flow, unit, drained)
    if what == 'take' and levels[i] + ticks > size then fits = 0 end
  end
  for i = 1, buckets do
    local base = at + (i - 1) * 5
    local key = KEYS[key_at + i]
    local ticks, flow, unit = tonumber(ARGV[base]), tonumber(ARGV[base + 1]), tonumber(ARGV[base + 3])
    if what == 'take' and fits == 1 then
      levels[i] = levels[i] + ticks
      if flow == 0 then keep(key, call, lease_us) else put(key, levels[i], flow, unit) end
    elseif what == 'back' then
      if flow == 0 then
        redis.call('ZREM', key, call)
      else
        put(key, math.max(0, levels[i] - ticks), flow, unit)
      end
    elseif what == 'keep' then
      keep(key, call, lease_us)
    end
  end
  at = at + buckets * 5
  key_at = key_at + buckets
  table.insert(levels, 1, fits)
  said[#said + 1] = levels
end
return said
"""
