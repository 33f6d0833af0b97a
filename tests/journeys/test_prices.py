"""What calls cost, through the door: kinds of tokens, long prompts, tiers and tenants' own prices; and made anew."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any

import pytest

from journeys.caller import calling
from journeys.gateway import TARGET, Gateway, ask, gateway, now_ms, until
from journeys.provider import Asked, Provider, completion, json_response, provider
from tollhouse.control import prices
from tollhouse.control.prices import EVERYBODYS, Rates, Whose
from tollhouse.control.recompute import recompute

pytestmark = pytest.mark.req("OT-28", "OT-32", "P-9", "P-15")

NAMES = itertools.count()
RATES = Rates(
    "3",
    "15",
    cache_read="0.3",
    kinds={"audio_input": "40", "reasoning": "20"},
    tiers=[{"above": 200, "input": "6", "output": "22.5"}],
)
PRIORITY = Rates("6", "30", cache_read="0.6")
USAGES: dict[str, dict[str, Any]] = {
    "plain": {"prompt_tokens": 10, "completion_tokens": 2},
    "cached": {
        "prompt_tokens": 100,
        "completion_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 60},
    },
    "heard": {
        "prompt_tokens": 100,
        "completion_tokens": 10,
        "prompt_tokens_details": {"audio_tokens": 80},
        "completion_tokens_details": {"reasoning_tokens": 4},
    },
    "long": {
        "prompt_tokens": 201,
        "completion_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 1},
    },
}
OWED = {
    "plain": 10 * 3_000 + 2 * 15_000,
    "cached": 40 * 3_000 + 60 * 300 + 2 * 15_000,
    "heard": 20 * 3_000 + 80 * 40_000 + 6 * 15_000 + 4 * 20_000,
    "long": 200 * 6_000 + 1 * 300 + 2 * 22_500,
}


async def test_each_call_owes_what_its_usage_comes_to_and_is_made_anew(tmp_path: Path) -> None:
    async with provider() as up, gateway(tmp_path, up.url) as door:
        up.script = _as_asked
        for target, rates in ((TARGET, RATES), (f"{TARGET}@priority", PRIORITY)):
            await _set(door, target, rates)
        await _is_known(door, OWED["plain"])

        owed = {name: await _owed(door, name) for name in USAGES}
        given = await _owed(door, "plain", service_tier="priority")
        up.script = _in_the_usual_tier
        not_given = await _owed(door, "plain", service_tier="priority")

        assert owed == OWED
        assert (given, not_given) == (10 * 6_000 + 2 * 30_000, OWED["plain"])
        found = await door.on_store(recompute)
        assert found.differences == []
        assert found.calls == len(await door.rows("SELECT id FROM calls"))
        assert (found.owed, found.apart) == (found.recomputed, 0)


async def test_a_tenants_own_price_comes_before_everybodys(tmp_path: Path) -> None:
    async with provider() as up, gateway(tmp_path, up.url) as door:
        up.script = _as_asked

        await _set(door, TARGET, Rates("1", "1"), Whose("acme", now_ms() + 3_600_000))

        await _is_known(door, 12_000)


async def _set(door: Gateway, target: str, rates: Rates, whose: Whose = EVERYBODYS) -> None:
    await door.on_store(lambda store: prices.set_price(store, target, rates, None, now_ms(), whose))


async def _is_known(door: Gateway, owed: int) -> None:
    """The gateway follows the store: until then calls are billed at the price before."""

    async def is_billed() -> bool:
        return await _owed(door, "plain") == owed

    await until(is_billed, "the new price is known")


async def _owed(door: Gateway, text: str, **members: Any) -> int:
    name = f"call-{next(NAMES)}"
    async with calling(door, ask(text, **members), name) as caller:
        await caller.to_the_end()
    await door.nothing_is_held()
    ((owed,),) = await door.rows(f"SELECT owed FROM calls WHERE request_id = '{name}'")
    return int(owed)


async def _as_asked(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """The usage that the question names, in the tier that was asked for."""
    usage = USAGES[asked.body["messages"][0]["content"]]
    tier = asked.body.get("service_tier", "default")
    writer.write(json_response({**completion(asked.body, 2), "usage": usage, "service_tier": tier}))
    await writer.drain()


async def _in_the_usual_tier(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    told = {**completion(asked.body, 2), "usage": USAGES["plain"], "service_tier": "default"}
    writer.write(json_response(told))
    await writer.drain()
