"""What one process changes every other one knows within a second; and how processes go."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from journeys.caller import Caller, calling
from journeys.gateway import (
    MODEL,
    NANOS_IN,
    NANOS_OUT,
    TARGET,
    Gateway,
    ask,
    children,
    free_port,
    furnish,
    gateway,
    now_ms,
    prepared,
    until,
)
from journeys.provider import (
    PROMPT_TOKENS,
    STREAM_HEAD,
    Asked,
    Provider,
    Script,
    chunk,
    provider,
    stream_events,
)
from servers import PostgresServer
from tollhouse.control import key_rights, keys, prices, tenancy
from tollhouse.control.prices import Rates
from tollhouse.storage.tenancy import Kind
from tollhouse.wiring import Store

KNOWN_WITHIN_S = 1.0
WATCHED_FOR_S = 1.6
CALLERS = 16
PATIENCE = aiohttp.ClientTimeout(20)
COST = PROMPT_TOKENS * NANOS_IN + 5 * NANOS_OUT

Change = Callable[[Store, str], Awaitable[object]]


# --- what changes ------------------------------------------------------------------------


async def _revoke(store: Store, key: str) -> None:
    await keys.revoke(store, key)


async def _disable(store: Store, key: str) -> None:
    await keys.set_disabled(store, key, is_disabled=True)


async def _withdraw(store: Store, key: str) -> None:
    await key_rights.withdraw(store, key, [MODEL])


CHANGES = {
    "revoked": (_revoke, 401, b'"key_unknown"'),
    "disabled": (_disable, 401, b'"key_disabled"'),
    "withdrawn": (_withdraw, 403, b'"model_not_granted"'),
}


@pytest.fixture(scope="module", params=["sqlite, 4 workers", "postgres, 2 processes"])
async def doors(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[list[Gateway]]:
    """Served by several processes, none of which makes the changes: the test is one more."""
    directory = tmp_path_factory.mktemp("processes")
    async with provider() as up:
        if request.param.startswith("sqlite"):
            async with gateway(directory, up.url, server="workers = 4") as door:
                await _all_serve(door, 4)
                yield [door]
            return
        postgres: PostgresServer = request.getfixturevalue("postgres")
        with postgres.database() as url:
            async with gateway(directory, up.url, database=url) as first:
                (directory / "second").mkdir()
                second = prepared(directory / "second", up.url, database=url)
                await second.start()
                try:
                    yield [first, second]
                finally:
                    second.kill()


@pytest.mark.req("P-37", "S-27", "B-7")
@pytest.mark.parametrize("change", CHANGES)
async def test_a_key_that_was_taken_away_is_refused_within_a_second(
    doors: list[Gateway], change: str
) -> None:
    make, status, code = CHANGES[change]
    key = await doors[0].new_key(models=(MODEL,))
    await _is_known(doors, key.key)

    changed_at = await _changed(doors[0], lambda store: make(store, key.id))
    told = await _watched(doors, key.key)

    late = [each for each in told if each.asked_at > changed_at + KNOWN_WITHIN_S]
    assert len(late) > CALLERS
    assert {each.status for each in late} == {status}
    assert all(code in each.body for each in late)


@pytest.mark.req("P-37", "S-27")
async def test_a_new_price_is_billed_within_a_second(doors: list[Gateway]) -> None:
    key = await doors[0].new_key(models=(MODEL,))
    await _is_known(doors, key.key)

    new = Rates("3", "5")
    changed_at = await _changed(
        doors[0], lambda store: prices.set_price(store, TARGET, new, None, now_ms())
    )
    await _watched(doors, key.key)

    await doors[0].nothing_is_held()
    since = int((time.time() - (time.monotonic() - changed_at) + KNOWN_WITHIN_S) * 1000)
    owed = await doors[0].rows(
        f"SELECT owed FROM calls WHERE key_id = '{key.id}' AND created_at > {since}"
    )
    assert len(owed) > CALLERS
    assert {amount for (amount,) in owed} == {PROMPT_TOKENS * 3_000 + 5 * 5_000}


@pytest.mark.req("P-3", "S-84")
async def test_a_budget_that_was_lowered_holds_for_the_very_next_call(doors: list[Gateway]) -> None:
    key = await doors[0].new_key(models=(MODEL,), limit=10**12)
    await _is_known(doors, key.key)

    await doors[0].budget(0, owner=f"key:{key.id}")
    told = await asyncio.gather(*(_told(doors[n % len(doors)], key.key) for n in range(CALLERS)))

    assert {each.status for each in told} == {402}


@pytest.mark.req("P-37", "S-27")
async def test_a_key_of_a_user_who_was_disabled_is_refused_within_a_second(
    doors: list[Gateway],
) -> None:
    user = await doors[0].on_store(
        lambda store: tenancy.create_user(store, "acme", f"u{now_ms()}", now_ms())
    )
    key = await doors[0].new_key(models=(MODEL,), user=user)
    await _is_known(doors, key.key)

    changed_at = await _changed(
        doors[0],
        lambda store: tenancy.set_disabled(store, Kind.USER, user, is_disabled=True),
    )
    told = await _watched(doors, key.key)

    late = {each.status for each in told if each.asked_at > changed_at + KNOWN_WITHIN_S}
    assert late == {401}


# --- how processes go --------------------------------------------------------------------


@pytest.mark.req("P-36")
@pytest.mark.parametrize("workers", [1, 2])
async def test_asked_to_stop_it_finishes_its_streams_and_takes_no_more(
    tmp_path: Path, workers: int
) -> None:
    async with (
        provider() as up,
        gateway(tmp_path, up.url, server=f"workers = {workers}\ndrain_s = 20") as door,
    ):
        go_on = asyncio.Event()
        up.script = _pausing(go_on)
        async with _open_streams(door, 6) as callers:
            door.terminate()
            await until(lambda: _takes_no_more(door), "the door is shut")
            go_on.set()
            told = await asyncio.gather(*(caller.to_the_end() for caller in callers))

            status = await door.exit_status()

        assert status == 0
        assert all(caller.has_clean_end for caller in callers)
        assert all(b"data: [DONE]\n\n" in each for each in told)
        assert await _outcomes(door) == [("completed", COST)] * 6
        await door.nothing_is_held()
        assert await door.rows("SELECT id FROM owners") == []
        await door.audit_is_whole()


@pytest.mark.req("P-36")
async def test_workers_do_not_outlive_their_parent_however_it_went(tmp_path: Path) -> None:
    async with provider() as up, gateway(tmp_path, up.url, server="workers = 2") as door:
        workers = children(door.processes[-1])

        os.kill(door.processes[-1].pid, signal.SIGKILL)

        assert len(workers) == 2
        await until(lambda: _are_gone(workers), "both workers have left")
        assert await door.rows("SELECT id FROM owners") == []


async def test_the_parent_exposes_what_its_workers_count(tmp_path: Path) -> None:
    port = free_port()
    async with provider() as up:
        door = prepared(tmp_path, up.url, server="workers = 2")
        config = door.config.read_text().replace('"off"', f'"127.0.0.1:{port}"')
        door.config.write_text(config)
        await furnish(door, 10**12)
        await door.start()
        try:
            async with aiohttp.ClientSession(timeout=PATIENCE) as session:
                for _ in range(8):
                    async with session.post(f"{door.base_url}/chat/completions") as refused:
                        assert refused.status == 401

                await until(lambda: _exposes(session, port, 8), "the parent tells of all requests")
        finally:
            door.kill()


@pytest.mark.req("P-36", "P-8", "B-5")
@pytest.mark.parametrize("workers", [1, 2])
async def test_what_is_not_done_when_the_time_is_over_is_cut_and_paid_as_far_as_it_came(
    tmp_path: Path, workers: int
) -> None:
    async with (
        provider() as up,
        gateway(tmp_path, up.url, server=f"workers = {workers}\ndrain_s = 1") as door,
    ):
        up.script = _pausing(asyncio.Event())
        async with _open_streams(door, 4) as callers:
            began = time.monotonic()
            door.terminate()
            told = await asyncio.gather(*(caller.to_the_end() for caller in callers))

            status = await door.exit_status()

        assert status == 0
        assert 0.9 < time.monotonic() - began < 5
        assert not any(caller.has_clean_end for caller in callers)
        assert not any(b"[DONE]" in each for each in told)
        outcomes = await _outcomes(door)
        assert [outcome for outcome, _ in outcomes] == ["cut_by_gateway"] * 4
        assert all(owed > 0 for _, owed in outcomes)
        await door.nothing_is_held()
        await door.is_consistent()
        await door.audit_is_whole()
        assert [record["outcome"] for record in door.calls()].count("cut") == 4


@pytest.mark.req("P-36", "P-8")
async def test_calls_that_wait_for_an_answer_when_the_time_is_over_are_listed(
    tmp_path: Path,
) -> None:
    async with provider() as up, gateway(tmp_path, up.url, server="drain_s = 1") as door:
        up.script = _never
        async with calling(door, ask()) as caller:
            await until(lambda: _has_arrived(up, 1), "the provider was asked")
            door.terminate()
            await caller.to_the_end()

            status = await door.exit_status()

        assert status == 0
        rows = await door.rows("SELECT state, outcome FROM calls")
        assert [tuple(row) for row in rows] == [("unknown", "unknown")]
        assert await door.held() > 0
        await door.is_consistent()


# --- helpers -----------------------------------------------------------------------------


@dataclass
class Told:
    asked_at: float
    status: int
    body: bytes


async def _changed(door: Gateway, make: Callable[[Store], Awaitable[object]]) -> float:
    """The moment at which the change was committed."""

    async def work(store: Store) -> float:
        await make(store)
        return time.monotonic()

    return await door.on_store(work)


async def _watched(doors: list[Gateway], key: str) -> list[Told]:
    """Many callers, each call on a connection of its own, so that every process is met."""
    until_s = time.monotonic() + WATCHED_FOR_S

    async def call_on(number: int) -> list[Told]:
        told = []
        while time.monotonic() < until_s:
            told.append(await _told(doors[number % len(doors)], key))
        return told

    told = await asyncio.gather(*(call_on(number) for number in range(CALLERS)))
    return [each for one_caller in told for each in one_caller]


async def _told(door: Gateway, key: str) -> Told:
    asked_at = time.monotonic()
    headers = {"authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession(headers=headers, timeout=PATIENCE) as session,
        session.post(f"{door.base_url}/chat/completions", json=ask()) as reply,
    ):
        return Told(asked_at, reply.status, await reply.read())


async def _is_known(doors: list[Gateway], key: str) -> None:
    """To all of the processes: nobody was refused for as long as news may take."""
    refused_at = time.monotonic()

    async def passes() -> bool:
        nonlocal refused_at
        calls = (_told(doors[n % len(doors)], key) for n in range(2 * CALLERS))
        if {each.status for each in await asyncio.gather(*calls)} != {200}:
            refused_at = time.monotonic()
        return time.monotonic() - refused_at > KNOWN_WITHIN_S

    await until(passes, "the new key is known everywhere")


async def _all_serve(door: Gateway, count: int) -> None:
    async def have_registered() -> bool:
        return len(await door.rows("SELECT id FROM owners")) == count

    await until(have_registered, f"{count} processes serve")


async def _exposes(session: aiohttp.ClientSession, port: int, count: int) -> bool:
    async with session.get(f"http://127.0.0.1:{port}/metrics") as reply:
        exposed = await reply.text()
    return f'tollhouse_unauthenticated_total{{code="key_missing"}} {count}.0\n' in exposed


@asynccontextmanager
async def _open_streams(door: Gateway, count: int) -> AsyncIterator[list[Caller]]:
    """Each has got its first words."""
    calls = [calling(door, ask(stream=True), f"call-{number}") for number in range(count)]
    callers = [await call.__aenter__() for call in calls]
    try:
        for caller in callers:
            await caller.until(b"word")
        yield callers
    finally:
        for call in calls:
            await call.__aexit__(None, None, None)


def _pausing(go_on: asyncio.Event) -> Script:
    async def stream(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        events = stream_events(asked.body, 5)
        writer.write(STREAM_HEAD + b"".join(map(chunk, events[:3])))
        await go_on.wait()
        writer.write(b"".join(map(chunk, events[3:])) + b"0\r\n\r\n")
        await writer.drain()

    return stream


async def _never(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def _has_arrived(up: Provider, count: int) -> bool:
    return len(up.asked) == count


async def _takes_no_more(door: Gateway) -> bool:
    """A load balancer that looks sees that it is not ready, or that nobody is there."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", door.port)
    except ConnectionRefusedError:
        return True
    writer.transport.abort()
    return False


async def _outcomes(door: Gateway) -> list[tuple[str, int]]:
    rows = await door.rows("SELECT outcome, owed FROM calls ORDER BY id")
    return [(outcome, owed) for outcome, owed in rows]


async def _are_gone(pids: list[int]) -> bool:
    """Or dead and not yet collected by whoever inherited them."""
    states = [Path(f"/proc/{pid}/stat") for pid in pids]
    return all(not each.exists() or ") Z" in each.read_text() for each in states)
