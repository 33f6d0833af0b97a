"""What calls take from their limits, give back, and are told."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from fakes import FakeAnswer, FakeExchange, FakeLedger, FakeLimiter, FakeProvider, FakeReply
from limits_given import PLACES, rule, taking
from pipeline.houses import CALLER, KEY_ID, World, body, call, planned, snapshot
from tollhouse.dialects.anthropic_messages import AnthropicMessages
from tollhouse.domain.budget import Outcome
from tollhouse.domain.errors import (
    BudgetExhausted,
    CallOverLimit,
    ConcurrencyLimited,
    Problem,
    RateLimited,
    TokensLimited,
    UpstreamBroke,
    UpstreamRejected,
)
from tollhouse.domain.identity import Principal
from tollhouse.domain.limiting import Defaults, Limits, Rules, Taking, Verdict
from tollhouse.domain.metering import Meter
from tollhouse.domain.rates import Measure, Rule
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House
from tollhouse.pipeline.limit import leave, take, take_of_route, take_one, turn_away
from tollhouse.pipeline.route import Metered
from tollhouse.pipeline.serve import serve
from tollhouse.state.memory import MemoryLimiter

IN, OUT = Measure.INPUT_TOKENS_PER_DAY, Measure.OUTPUT_TOKENS_PER_DAY
DAY = Measure.REQUESTS_PER_DAY
PLAIN = {b"x-ratelimit-limit", b"x-ratelimit-remaining", b"x-ratelimit-reset"}
ANSWER = json.dumps(
    {
        "id": "a",
        "model": "m-real",
        "choices": [{"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 4},
    }
).encode()


@pytest.mark.req("P-31", "OP-21")
async def test_of_tokens_the_worst_case_is_taken_and_what_was_not_used_given_back() -> None:
    world = _world(rule(10_000, IN), rule(1_000, OUT))

    reply = await _served(world)
    told = dict(reply.headers)
    after = await _served(world)

    assert told[b"x-ratelimit-limit-tokens"] == b"1000"
    assert _left(told, b"key-output_tokens_per_day") == 1_000 - 10  # as many as `max_tokens`
    assert _left(dict(after.headers), b"key-output_tokens_per_day") == 1_000 - 4 - 10
    assert _left(dict(after.headers), b"key-input_tokens_per_day") == (
        _left(told, b"key-input_tokens_per_day") - 9
    )


@pytest.mark.req("P-31", "R-11")
async def test_tokens_that_do_not_fit_any_more_are_refused_by_name() -> None:
    world = _world(rule(15, OUT))
    await _served(world)

    with pytest.raises(TokensLimited) as refused:
        await _served(world, 12)

    assert "key:k may have 15 output tokens per day" in refused.value.detail
    assert refused.value.retry_after_s == 60
    assert not refused.value.is_worth_a_retry  # it is hours until so many are there again


@pytest.mark.req("P-31")
async def test_a_call_that_can_never_fit_is_told_so() -> None:
    world = _world(rule(9, OUT))

    with pytest.raises(CallOverLimit, match="may come to 10 output tokens") as refused:
        await _served(world)

    assert (refused.value.status, refused.value.retry_after_s) == (413, None)
    assert not refused.value.is_worth_a_retry
    assert world.ledger.holds == {}


@pytest.mark.req("OP-22", "R-11", "OT-42")
async def test_one_request_too_many_is_refused_with_the_rule_and_when_to_come_back() -> None:
    world = _world(rule(1, subject="user:acme/anna"))
    await _served(world)
    reply = FakeReply()

    with pytest.raises(RateLimited, match="user:acme/anna may have 1 requests per minute") as no:
        await serve(call(reply=reply), world.house)

    assert 1 <= (no.value.retry_after_s or 0) <= 60
    assert (b"x-ratelimit-remaining-requests", b"0") in reply.borne


@pytest.mark.req("OT-42")
async def test_a_refusal_tells_of_its_rule_in_plain_headers_and_an_answer_does_not() -> None:
    world = _world(rule(9), rule(1, subject="user:acme/anna"))
    answered, refused = await _served(world), FakeReply()

    with pytest.raises(RateLimited) as no:
        await serve(call(reply=refused), world.house)

    assert [pair for pair in refused.borne if pair[0] in PLAIN] == [
        (b"x-ratelimit-limit", b"1"),
        (b"x-ratelimit-remaining", b"0"),
        (b"x-ratelimit-reset", b"%d" % (no.value.retry_after_s or 0)),
    ]
    assert not PLAIN & dict(answered.headers).keys()


@pytest.mark.req("OC-53", "OT-42")
async def test_who_was_refused_a_moment_ago_is_refused_again_before_the_body_is_read() -> None:
    world, later = _world(rule(1, subject="user:acme/anna")), FakeReply()
    await _served(world)
    house = world.house
    with pytest.raises(RateLimited) as first:
        await serve(call(raw=body()), house)

    with pytest.raises(RateLimited) as second:
        await serve(call(raw=AssertionError("the body was read"), reply=later), house)

    assert second.value.detail == first.value.detail
    assert second.value.retry_after_s == first.value.retry_after_s
    assert (b"x-ratelimit-remaining-requests", b"0") in later.borne
    assert (b"x-ratelimit-remaining", b"0") in later.borne
    assert len(world.ledger.holds) == 1


@pytest.mark.req("OC-53")
async def test_while_one_is_refused_the_others_are_not_turned_away() -> None:
    world = _world(rule(1, subject="user:acme/anna"))
    await _served(world)
    house = world.house
    with pytest.raises(RateLimited):
        await serve(call(raw=body()), house)
    limits = Limits((rule(1, subject="user:acme/bob"),), None)

    for other in (replace(CALLER, limits=None), replace(CALLER, limits=limits)):
        turn_away(call(), other, house)


@pytest.mark.req("S-77")
async def test_a_place_is_taken_while_a_call_is_under_way_and_free_after_it() -> None:
    world = _world(rule(1, PLACES))
    inside: list[Problem] = []

    async def another() -> None:
        try:
            await serve(call(), world.house)
        except Problem as problem:
            inside.append(problem)

    reply = FakeReply()
    started = replace(call(reply=reply), id="call-2")
    world.providers = {"first": _Meanwhile(another)}
    await serve(started, world.house)
    await _served(world)

    assert [type(problem) for problem in inside] == [ConcurrencyLimited]


@pytest.mark.req("P-31", "P-3")
async def test_who_has_no_budget_gets_tokens_and_place_back() -> None:
    world = _world(rule(1, PLACES), rule(10, OUT))
    world.ledger = FakeLedger(limit=0)
    for _ in range(2):
        with pytest.raises(BudgetExhausted):
            await _served(world)

    world.ledger = FakeLedger()

    assert (await _served(world)).status == 200


@pytest.mark.req("P-31")
async def test_a_call_that_its_provider_refused_has_used_no_tokens() -> None:
    world = _world(rule(10, OUT))
    world.providers = {"first": FakeProvider(FakeExchange(FakeAnswer(400, (b"{}",))))}
    with pytest.raises(UpstreamRejected):
        await serve(call(), world.house)

    assert (await _served(world)).status == 200


@pytest.mark.req("OP-21")
@pytest.mark.parametrize("subject", ["model:m", "route:chat"])
async def test_models_and_routes_have_limits_of_their_own(subject: str) -> None:
    rules = Rules(Defaults(), {subject: {DAY: 1}})
    world = _world(limits=rules.of_key("k", "u", "p", "t"))
    await _served(world)

    with pytest.raises(RateLimited, match=subject):
        await _served(world)


async def test_on_anthropics_paths_they_are_told_as_anthropic_tells_them() -> None:
    world = _world(rule(5), rule(1_000, OUT), rule(10_000, IN))
    told = dict((await _served(world, route_of=AnthropicMessages())).headers)

    assert told[b"anthropic-ratelimit-requests-limit"] == b"5"
    assert told[b"anthropic-ratelimit-requests-remaining"] == b"4"
    assert told[b"anthropic-ratelimit-output-tokens-remaining"] == b"990"
    assert told[b"anthropic-ratelimit-requests-reset"] == b"2027-01-15T08:00:12Z"
    assert not any(name.startswith(b"x-ratelimit") for name in told)


async def test_the_ietfs_headers_name_every_rule() -> None:
    world = _world(rule(60), rule(4, PLACES), rule(100, DAY, subject="tenant:acme"))

    told = dict((await _served(world)).headers)

    assert told[b"ratelimit-policy"] == (
        b'"key-requests_per_minute";q=60;w=60, "key-concurrent";q=4;qu="concurrent-requests", '
        b'"tenant-requests_per_day";q=100;w=86400'
    )
    assert told[b"ratelimit"] == (
        b'"key-requests_per_minute";r=59;t=1, "key-concurrent";r=3, "tenant-requests_per_day";r=99;t=864'
    )
    assert told[b"x-ratelimit-reset-requests"] == b"1s"


async def test_where_nothing_is_limited_nothing_is_told() -> None:
    world = _world()

    told = dict((await _served(world)).headers)

    assert not any(b"ratelimit" in name for name in told)


@pytest.mark.req("P-31", "P-3")
async def test_of_a_call_whose_end_nobody_saw_the_tokens_stay_taken() -> None:
    world = _world(rule(15, OUT), rule(10_000, IN), rule(1, PLACES))
    world.providers = {"first": FakeProvider(FakeExchange(UpstreamBroke()))}
    with pytest.raises(UpstreamBroke):
        await serve(call(), world.house)

    with pytest.raises(TokensLimited):
        await _served(world)

    assert [each.outcome for each in world.ledger.settlements] == [Outcome.UNKNOWN]


async def test_where_there_is_nothing_to_give_back_nothing_is_sent_to_the_limiter() -> None:
    world = _world(rule(5))
    limiter = world.limiter = FakeLimiter()

    await _served(world)

    assert len(limiter.taken) == 1
    assert limiter.given_back == []


async def test_where_no_rule_holds_for_a_call_the_limiter_is_not_asked() -> None:
    limits = Rules(Defaults(), {"model:another": {DAY: 1}}).of_key("k", "u", "p", "t")
    world = _world(limits=limits)
    limiter = world.limiter = FakeLimiter()

    reply = await _served(world)

    assert (reply.status, limiter.taken) == (200, [])


@pytest.mark.req("OC-21")
async def test_what_is_let_through_uncounted_says_nothing_of_how_limits_stand() -> None:
    world = _world(rule(5))
    world.limiter = _Uncounted()

    reply = await _served(world)

    assert reply.status == 200
    assert reply.borne == ()


@pytest.mark.req("OT-51")
async def test_the_tokens_of_a_batch_are_those_of_a_day() -> None:
    world = _world(rule(9, Measure.OUTPUT_TOKENS_PER_MINUTE), rule(1_000, OUT))
    limiter = world.limiter = FakeLimiter()
    limits = world.snapshot.keys[KEY_ID].principal.limits
    assert limits is not None
    alone = call()
    batch = replace(alone, route=replace(alone.route, metered=Metered.BATCH))

    await take(batch, limits, planned(), world.house)

    assert [each.rule.rate.measure for each in limiter.taken[0][1]] == [OUT]
    with pytest.raises(CallOverLimit):
        await take(alone, limits, planned(), world.house)


@pytest.mark.req("OT-51")
@pytest.mark.parametrize(("rules", "left"), [((PLACES, OUT), (PLACES,)), ((OUT,), ())])
async def test_what_goes_on_beyond_its_call_leaves_its_place_and_keeps_its_tokens(
    rules: tuple[Measure, ...], left: tuple[Measure, ...]
) -> None:
    world = _world()
    limiter = world.limiter = FakeLimiter()

    leave(tuple(taking(5, each) for each in rules), Meter("call-1", planned()), world.house)

    given = [[each.rule.rate.measure for each in back] for _, back in limiter.given_back]
    assert given == ([list(left)] if left else [])


@pytest.mark.req("OP-21", "P-31")
@pytest.mark.parametrize(
    ("ask", "subjects"),
    [(take_one, ["key:k", "route:chat"]), (take_of_route, ["route:chat"])],
)
async def test_where_no_model_is_asked_requests_alone_are_counted(
    ask: Callable[[Call, Principal, House], Awaitable[None]], subjects: list[str]
) -> None:
    said = {"key:k": {DAY: 5, OUT: 1}, "route:chat": {DAY: 1}, "model:m": {DAY: 1}}
    caller = replace(CALLER, limits=Rules(Defaults(), said).of_key("k", "u", "p", "t"))
    world, unlimited = _world(), replace(CALLER, limits=None)
    first, second = FakeReply(), FakeReply()

    await ask(call(), unlimited, world.house)
    await ask(call(reply=first), caller, world.house)
    with pytest.raises(RateLimited, match="route:chat"):
        await ask(call(reply=second), caller, world.house)

    named = [each.partition(":")[0].encode() + b"-requests_per_day" for each in subjects]
    assert [name in dict(first.borne)[b"ratelimit-policy"] for name in named] == [True] * len(named)
    assert dict(first.borne)[b"ratelimit-policy"].count(b"q=") == len(subjects)


def _world(*rules: Rule, limits: Limits | None = None) -> World:
    world = World(snapshot=snapshot(limits or (Limits(rules, None) if rules else None)))
    world.limiter = MemoryLimiter(clock_us=lambda: 0)
    return world


async def _served(
    world: World, max_tokens: int = 10, route_of: AnthropicMessages | None = None
) -> FakeReply:
    reply = FakeReply()
    answer = ANSWER
    incoming: Call = call(raw=body(max_tokens=max_tokens), reply=reply)
    if route_of is not None:
        incoming = replace(incoming, route=replace(incoming.route, dialect=route_of))
    world.providers = {
        "first": FakeProvider(
            FakeExchange(FakeAnswer(200, (answer,), {b"content-type": b"application/json"}))
        )
    }
    await serve(incoming, world.house)
    return reply


class _Uncounted(FakeLimiter):
    """As the one that stands in where calls are to be let through."""

    async def take(self, call: str, takings: Sequence[Taking]) -> Verdict:
        return Verdict(())


class _Meanwhile(FakeProvider):
    """Answers once something else was done."""

    def __init__(self, meanwhile: Callable[[], Awaitable[None]]) -> None:
        super().__init__(_Waiting(meanwhile))


class _Waiting(FakeExchange):
    def __init__(self, meanwhile: Callable[[], Awaitable[None]]) -> None:
        super().__init__(FakeAnswer(200, (ANSWER,), {b"content-type": b"application/json"}))
        self._meanwhile = meanwhile

    async def __aenter__(self) -> FakeAnswer:
        await self._meanwhile()
        return await super().__aenter__()


def _left(told: Mapping[bytes, bytes], name: bytes) -> int:
    (found,) = [it for it in told[b"ratelimit"].split(b", ") if it.startswith(b'"' + name)]
    return int(found.partition(b"r=")[2].partition(b";")[0])
