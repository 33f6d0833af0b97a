"""Many calls at once on a budget that fits ten: exactly ten pass, whoever decides."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from journeys.gateway import NANOS_IN, NANOS_OUT, Gateway, ask, gateway, prepared, until
from journeys.provider import PROMPT_TOKENS, Asked, Provider, answer, provider
from servers import PostgresServer

CALLS = 500
FIT = 10
COST = PROMPT_TOKENS * NANOS_IN + 5 * NANOS_OUT
HOLD_LASTS_S = 30.0

Doors = Sequence[Gateway]


@pytest.mark.slow
@pytest.mark.req("H-147", "P-3", "P-4", "OT-4", "B-6", "S-84", "S-90")
@pytest.mark.parametrize(
    "house", ["sqlite, 1 worker", "sqlite, 4 workers", "postgres, 3 processes"]
)
async def test_exactly_as_many_calls_pass_as_the_budget_fits(
    tmp_path: Path, house: str, request: pytest.FixtureRequest
) -> None:
    async with provider() as up, _serving(house, tmp_path, up, request) as doors:
        gate = Gate()
        up.script = gate.answer_when_open
        limit = FIT * await doors[0].worst(_body(0))
        await doors[0].budget(limit)

        async with _watching(doors[0], limit) as samples:
            told = asyncio.gather(*_calls(doors, CALLS, gate.note_refusal))
            await gate.wait_for(refusals=CALLS - FIT, arrivals=FIT)
            taken_at_the_height = (await _balance(doors[0]))[1]
            gate.open.set()
            statuses = Counter(await told)

        assert statuses == {200: FIT, 402: CALLS - FIT}
        assert len(up.asked) == FIT
        assert taken_at_the_height == limit
        assert max(samples) == limit
        await doors[0].nothing_is_held()
        assert await doors[0].spent() == FIT * COST
        assert await doors[0].rows("SELECT outcome, COUNT(*) FROM calls GROUP BY outcome") == [
            ("completed", FIT)
        ]
        await doors[0].is_consistent()
        assert _deciders(doors) >= (1 if house == "sqlite, 1 worker" else 2)


@pytest.mark.slow
@pytest.mark.req("P-3", "P-4", "OT-4", "S-84")
@pytest.mark.parametrize("house", ["sqlite, 4 workers", "postgres, 3 processes"])
async def test_a_budget_is_spent_to_its_end_and_never_beyond(
    tmp_path: Path, house: str, request: pytest.FixtureRequest
) -> None:
    """Answers come at once here, so what is settled makes room for more."""
    async with provider() as up, _serving(house, tmp_path, up, request) as doors:
        hold = await doors[0].worst(_body(0))
        limit = hold + 20 * COST
        await doors[0].budget(limit)

        async with _watching(doors[0], limit) as samples:
            passed = 0
            while new := (await asyncio.gather(*_calls(doors, 24))).count(200):
                passed += new
                await doors[0].nothing_is_held()

        assert await doors[0].spent() == passed * COST
        assert limit - hold < passed * COST <= limit  # not one more would have fit
        assert max(samples) <= limit
        await doors[0].is_consistent()


@dataclass
class Gate:
    """Keeps answers back until every call was decided."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    refusals: int = 0
    arrivals: int = 0

    async def answer_when_open(
        self, it: Provider, asked: Asked, writer: asyncio.StreamWriter
    ) -> None:
        self.arrivals += 1
        await self.open.wait()
        await answer(it, asked, writer)

    def note_refusal(self) -> None:
        self.refusals += 1

    async def wait_for(self, *, refusals: int, arrivals: int) -> None:
        async def is_so() -> bool:
            return (self.refusals, self.arrivals) == (refusals, arrivals)

        await until(is_so, f"{refusals} refusals and {arrivals} arrivals", HOLD_LASTS_S)


@asynccontextmanager
async def _serving(
    house: str, directory: Path, up: Provider, request: pytest.FixtureRequest
) -> AsyncIterator[Doors]:
    if house.startswith("sqlite"):
        workers = int(house.split()[1])
        async with gateway(directory, up.url, server=f"workers = {workers}") as door:
            await _all_have_registered([door], workers)
            yield [door]
        return
    postgres: PostgresServer = request.getfixturevalue("postgres")
    with postgres.database() as url:
        async with _replicas(3, directory, up, url) as doors:
            await _all_have_registered(doors, 3)
            yield doors


@asynccontextmanager
async def _replicas(count: int, directory: Path, up: Provider, url: str) -> AsyncIterator[Doors]:
    """Each with its own port and files; one database, one pepper, one key."""
    async with AsyncExitStack() as stack:
        places = [directory / f"replica-{number}" for number in range(count)]
        for place in places:
            place.mkdir()
        first = await stack.enter_async_context(gateway(places[0], up.url, database=url))
        others = [prepared(place, up.url, database=url) for place in places[1:]]
        for other in others:
            other.key, other.key_id = first.key, first.key_id
            await other.start()
            stack.callback(other.kill)
        yield [first, *others]


async def _all_have_registered(doors: Doors, count: int) -> None:
    async def have_they() -> bool:
        return len(await doors[0].rows("SELECT id FROM owners")) == count

    await until(have_they, f"{count} processes serve")


def _calls(
    doors: Doors, count: int, note_refusal: Callable[[], None] = lambda: None
) -> list[Awaitable[int]]:
    return [_call(doors[n % len(doors)], _body(n), note_refusal) for n in range(count)]


async def _call(door: Gateway, body: bytes, note_refusal: Callable[[], None]) -> int:
    """On a connection of its own; the status, once all of the answer has come."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{door.base_url}/chat/completions", data=body, headers=door.headers) as reply,
    ):
        told = await reply.read()
        if reply.status == 402:
            assert b'"budget_exhausted"' in told
            note_refusal()
        elif json.loads(body)["stream"]:
            assert told.endswith(b"data: [DONE]\n\n")
        return reply.status


def _body(number: int) -> bytes:
    """Every other one streams; all are of one length, so all are held for the same."""
    is_stream = bool(number % 2)
    return json.dumps(ask("hello" + " " * is_stream, stream=is_stream)).encode()


@asynccontextmanager
async def _watching(door: Gateway, limit: int) -> AsyncIterator[list[int]]:
    """Looks at the account all the time, from outside of the gateways: what is spent and held."""
    samples: list[int] = []

    async def look() -> None:
        while True:
            spent, taken = await _balance(door)
            assert 0 <= spent <= taken <= limit
            samples.append(taken)

    looking = asyncio.create_task(look())
    try:
        yield samples
        assert not looking.done(), looking.exception()
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)


async def _balance(door: Gateway) -> tuple[int, int]:
    """What is spent, and what is spent or held."""
    ((spent, held),) = await door.rows(
        "SELECT spent, held FROM accounts WHERE owner = 'tenant:acme'"
    )
    return spent, spent + held


def _deciders(doors: Doors) -> int:
    """How many processes have written down calls of this storm."""
    chains = [
        file
        for door in doors
        for file in (door.directory / "data" / "audit").glob("*/*.jsonl")
        if '"kind":"call"' in file.read_text()
    ]
    return len(chains)
