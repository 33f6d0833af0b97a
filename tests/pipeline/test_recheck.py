"""Calls under way are looked at again: what ends one, what does not, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_network

import pytest

from fakes import FakeAnswer, FakeExchange, FakeProvider, FakeReply
from pipeline.houses import (
    CALLER,
    KEY,
    KEY_ID,
    NOW_NS,
    PEPPER,
    Snapshots,
    World,
    body,
    call,
    snapshot,
)
from pipeline.test_identify_certificates import SHOWN, WORKLOAD, Vouching
from tollhouse.auth.virtual_keys import VirtualKeys
from tollhouse.domain.bounds import Bounds
from tollhouse.domain.budget import Outcome, Source
from tollhouse.domain.credentials import Digest
from tollhouse.domain.errors import IssuerUnavailable, KeyDisabled, Problem, StoreUnavailable
from tollhouse.domain.hours import read as read_hours
from tollhouse.domain.identity import KeyRecord, Principal
from tollhouse.domain.snapshot import Snapshot
from tollhouse.pipeline.house import House
from tollhouse.pipeline.recheck import AT_ONCE, look_again
from tollhouse.pipeline.serve import serve

SSE = {b"content-type": b"text/event-stream"}
WORD = b'data: {"choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'
NOW_S = NOW_NS / 1e9
OTHER = Digest(1, bytes(32))

pytestmark = pytest.mark.req("S-43")


def bound(**bounds: object) -> Principal:
    return replace(CALLER, bounds=Bounds(**bounds))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("becomes", "code"),
    [
        (lambda it: None, "key_unknown"),
        (lambda it: replace(it, digest=OTHER), "key_unknown"),
        (lambda it: replace(it, is_disabled=True), "key_disabled"),
        (lambda it: replace(it, expires_at=NOW_S), "key_expired"),
        (
            lambda it: replace(it, digest=OTHER, previous=it.digest, previous_until=NOW_S),
            "key_unknown",
        ),
        (lambda it: replace(it, principal=replace(CALLER, models=("n",))), "model_not_granted"),
        (lambda it: replace(it, principal=replace(CALLER, is_readonly=True)), "role_readonly"),
        (
            lambda it: replace(it, principal=bound(networks=(ip_network("10.0.0.0/8"),))),
            "network_not_allowed",
        ),
        (
            lambda it: replace(it, principal=bound(routes=frozenset({"embeddings"}))),
            "purpose_not_allowed",
        ),
        (
            lambda it: replace(it, principal=bound(hours=read_hours("mon", lambda _: None))),
            "hours_not_allowed",
        ),
        (
            lambda it: replace(it, principal=bound(certificates=frozenset({"ab" * 32}))),
            "certificate_foreign",
        ),
    ],
)
async def test_who_would_be_refused_now_is_ended_and_pays_for_what_came(
    becomes: Callable[[KeyRecord], KeyRecord | None], code: str
) -> None:
    async with streaming() as it:
        it.become(becomes)

        await look_again(it.house)

        assert (await it.ended()).code == code
        (settled,) = it.world.ledger.settlements
        assert settled.outcome is Outcome.CUT_BY_GATEWAY
        assert settled.source is Source.COUNTED
        assert 0 < settled.owed < it.world.ledger.holds["call-1"].amount
        (record,) = it.world.audit.records
        assert (record["outcome"], record["code"], record["key"]) == ("refused", code, KEY_ID)
        assert record["owed_nanos"] == settled.owed
        assert it.exchange.is_closed
        assert (it.house.under_way, it.house.load.under_way) == (set(), 0)


@pytest.mark.parametrize(
    "becomes",
    [
        lambda it: it,
        lambda it: replace(it, expires_at=NOW_S + 1),
        lambda it: replace(it, digest=OTHER, previous=it.digest, previous_until=NOW_S + 1),
        lambda it: replace(it, principal=replace(CALLER, models=("*",))),
        lambda it: replace(it, principal=bound(networks=(ip_network("192.0.2.0/24"),))),
    ],
)
async def test_who_would_be_let_in_now_goes_on(
    becomes: Callable[[KeyRecord], KeyRecord | None],
) -> None:
    async with streaming() as it:
        it.become(becomes)

        await look_again(it.house)

        assert await it.goes_on()


async def test_a_proof_that_was_good_for_one_look_is_not_asked_for_again() -> None:
    async with streaming() as it:
        it.become(lambda key: replace(key, principal=bound(proof_key="k" * 43)))

        await look_again(it.house)

        assert await it.goes_on()


@pytest.mark.parametrize("away", [StoreUnavailable, IssuerUnavailable])
async def test_while_nobody_can_tell_what_is_under_way_goes_on(away: type[Problem]) -> None:
    async with streaming(Deciding()) as it:
        it.deciding.problem = away()

        await look_again(it.house)

        assert await it.goes_on()


async def test_what_has_to_be_asked_for_first_is_known_at_the_next_look() -> None:
    async with streaming(Deciding()) as it:
        it.deciding.is_asking = True
        await look_again(it.house)
        assert await it.goes_on()
        assert it.world.watch.crashes == []
        it.deciding.is_asking, it.deciding.problem = False, KeyDisabled()

        await look_again(it.house)

        assert (await it.ended()).code == "key_disabled"


async def test_who_came_by_a_certificate_alone_is_ended_once_it_does_not_hold() -> None:
    vouching = Vouching(replace(WORKLOAD, models=("m",)))
    async with streaming(certifier=vouching, headers=((b"user-agent", b"x"),)) as it:
        await look_again(it.house)
        assert await it.goes_on()
        vouching.holds = False

        await look_again(it.house)

        assert (await it.ended()).code == "certificate_invalid"


async def test_whose_key_came_with_a_certificate_is_ended_once_that_does_not_hold() -> None:
    vouching = Vouching()
    async with streaming(certifier=vouching) as it:
        vouching.holds = False

        await look_again(it.house)

        assert (await it.ended()).code == "certificate_invalid"


async def test_one_look_goes_over_all_of_them_though_one_cannot_be_looked_at() -> None:
    deciding = Deciding()
    async with streaming(deciding) as first, streaming(deciding, house=first.house) as second:
        deciding.breaks_once, deciding.problem = True, KeyDisabled()

        await look_again(first.house)

        ended = second if await first.goes_on() else first
        assert (await ended.ended()).code == "key_disabled"
        assert len(first.house.under_way) == 1
        assert [type(each) for each in first.world.watch.crashes] == [ZeroDivisionError]


async def test_what_has_ended_since_the_look_began_is_left_alone() -> None:
    """Its task may be at the next request of the same connection by then."""
    deciding = Deciding()
    async with streaming(deciding) as first, streaming(deciding, house=first.house) as second:
        deciding.problem, deciding.on_look = KeyDisabled(), first.house.under_way.clear

        await look_again(first.house)

        assert [await first.goes_on(), await second.goes_on()].count(True) == 1


async def test_while_many_are_looked_at_others_have_their_turn() -> None:
    async with streaming(Deciding()) as it:
        (one,) = it.house.under_way
        others = {type(one)(CALLER, one.record, one.stay, it.house) for _ in range(AT_ONCE)}
        it.house.under_way.update(others)
        looking = asyncio.create_task(look_again(it.house))

        await asyncio.sleep(0)

        assert not looking.done()
        it.house.under_way.difference_update(others)
        await looking


async def test_a_caller_that_leaves_at_that_moment_has_left() -> None:
    async with streaming() as it:
        it.become(lambda key: None)
        it.task.cancel()

        await look_again(it.house)
        await asyncio.wait([it.task])

        assert it.task.cancelled()
        (record,) = it.world.audit.records
        assert record["outcome"] == "cut"


async def test_what_has_come_whole_is_seen_out() -> None:
    last = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    async with streaming(pieces=[WORD, last, None]) as it:
        it.become(lambda key: None)

        await look_again(it.house)
        await asyncio.wait([it.task])

        assert it.task.exception() is None
        (record,) = it.world.audit.records
        assert record["outcome"] == "ok"


@dataclass
class Deciding:
    """Implements Authenticator."""

    problem: Problem | None = None
    is_asking: bool = False
    breaks_once: bool = False
    on_look: Callable[[], None] = lambda: None

    def identify(self, credential: str, known: Snapshot, now: float) -> Principal | object:
        self.on_look()
        if self.breaks_once:
            self.breaks_once = False
            raise ZeroDivisionError
        if self.is_asking:
            return asyncio.get_running_loop().create_future()
        if self.problem is not None:
            raise self.problem
        return CALLER


@dataclass
class Streaming:
    world: World
    house: House
    snapshots: Snapshots
    deciding: Deciding
    exchange: FakeExchange
    task: asyncio.Task[None]

    def become(self, becomes: Callable[[KeyRecord], KeyRecord | None]) -> None:
        known = self.snapshots.current
        record = becomes(known.keys[KEY_ID])
        keys = {} if record is None else {KEY_ID: record}
        self.snapshots.current = replace(known, keys=keys)

    async def ended(self) -> Problem:
        async with asyncio.timeout(20):
            await asyncio.wait([self.task])
        error = self.task.exception()
        assert isinstance(error, Problem)
        return error

    async def goes_on(self) -> bool:
        for _ in range(10):
            await asyncio.sleep(0)
        return not self.task.done()


@asynccontextmanager
async def streaming(
    deciding: Deciding | None = None,
    certifier: Vouching | None = None,
    headers: tuple[tuple[bytes, bytes], ...] = (),
    house: House | None = None,
    pieces: list[bytes | None] | None = None,
) -> AsyncIterator[Streaming]:
    """A stream of which two words have come, and which waits for the third."""
    exchange = FakeExchange(FakeAnswer(200, pieces or [WORD, WORD, None], SSE))
    world, snapshots = World(providers={"first": FakeProvider(exchange)}), Snapshots(snapshot())
    house = replace(
        world.house if house is None else replace(house, providers=world.providers),
        snapshots=snapshots,
        certifier=certifier,
        authenticators={"thk_": deciding or VirtualKeys({1: PEPPER})},
        under_way=set() if house is None else house.under_way,
    )
    reply = FakeReply()
    given = headers or ((b"authorization", b"Bearer " + KEY.encode()),)
    incoming = call(*given, raw=body(stream=True, max_tokens=50), reply=reply, deadline_s=60.0)
    if certifier is not None:
        incoming = replace(incoming, certificate=SHOWN)
    task = asyncio.create_task(serve(incoming, house))
    async with asyncio.timeout(20):
        while WORD not in reply.said:
            assert not task.done(), task
            await asyncio.sleep(0)
    yield Streaming(world, house, snapshots, deciding or Deciding(), exchange, task)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
