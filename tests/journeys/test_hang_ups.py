"""Who waits for whom: callers that leave, in every phase, and providers that fall silent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import apsw
import pytest

from journeys.caller import calling
from journeys.gateway import Gateway, ask, gateway, until
from journeys.provider import STREAM_HEAD, Asked, Provider, Script, chunk, provider, stream_events
from tollhouse.control import usage
from tollhouse.control.usage import Whole

NOTICED_WITHIN_S = 1.0
SILENCE_S = 15
KEEP_ALIVE = b": keep-alive\n\n"


@pytest.mark.req("P-30", "P-8", "S-89")
async def test_a_caller_that_leaves_before_the_answer_ends_the_work_and_the_call_is_listed(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, _think) as (door, up):
        async with calling(door, ask(), "left") as caller:
            await _arrived(up)
            caller.leave()

            assert await _noticed_after_s(up) < NOTICED_WITHIN_S

        await _call_is(door, "unknown", "unknown")
        (listed,) = await door.on_store(usage.open_calls)
        assert listed.request_id == "left"
        assert listed.held == await door.held() / 4 > 0
        assert [tuple(row) for row in await door.rows("SELECT outcome FROM attempts")] == [
            ("unknown",)
        ]
        await door.is_consistent()


@pytest.mark.req("P-30", "B-6")
async def test_a_listed_call_is_settled_by_hand(tmp_path: Path) -> None:
    async with serving(tmp_path, _think) as (door, up):
        async with calling(door, ask()) as caller:
            await _arrived(up)
            caller.leave()
        await _call_is(door, "unknown", "unknown")
        (listed,) = await door.on_store(usage.open_calls)

        owed = await door.on_store(
            lambda store: usage.resolve(store, store, listed.id, Whole.CHARGE, 1)
        )

        assert owed == listed.held == await door.spent()
        await door.nothing_is_held()
        await door.is_consistent()


@pytest.mark.req("P-30", "P-8", "S-89")
async def test_a_caller_that_leaves_before_a_stream_begins_ends_the_work(tmp_path: Path) -> None:
    async with serving(tmp_path, _think) as (door, up):
        async with calling(door, ask(stream=True)) as caller:
            await _arrived(up)
            caller.leave()

            assert await _noticed_after_s(up) < NOTICED_WITHIN_S

        await _call_is(door, "unknown", "unknown")
        assert await door.held() > 0
        await door.is_consistent()


@pytest.mark.req("P-30", "P-8", "B-5", "S-89")
async def test_a_caller_that_leaves_a_stream_pays_for_what_was_produced(tmp_path: Path) -> None:
    async with serving(tmp_path, _talk_for_ever) as (door, up):
        async with calling(door, ask(stream=True)) as caller:
            await caller.until(b"word")
            caller.leave()

            assert await _noticed_after_s(up) < NOTICED_WITHIN_S

        await _call_is(door, "settled", "cut_by_client")
        ((tokens, owed, source),) = await door.rows("SELECT output, owed, source FROM calls")
        assert source == "counted"
        assert tokens > 0
        assert owed == await door.spent() > 0
        await door.nothing_is_held()
        await door.is_consistent()


@pytest.mark.req("P-30", "P-8", "S-89")
async def test_a_caller_that_leaves_in_a_pause_of_the_stream_is_noticed_too(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, _pause_after_a_word) as (door, up):
        async with calling(door, ask(stream=True)) as caller:
            await caller.until(b"word")
            caller.leave()

            assert await _noticed_after_s(up) < NOTICED_WITHIN_S

        await _call_is(door, "settled", "cut_by_client")
        await door.nothing_is_held()


@pytest.mark.req("P-30", "P-7", "R-8")
async def test_a_caller_that_leaves_on_the_last_word_has_cut_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path, _end_and_linger) as (door, _):
        async with calling(door, ask(stream=True)) as caller:
            await caller.until(b"[DONE]")
            caller.leave()

        await _call_is(door, "settled", "completed")
        door.stop()
        assert [record["outcome"] for record in door.calls()] == ["ok"]


@pytest.mark.req("P-30", "P-4", "B-6")
async def test_a_caller_that_leaves_while_the_ledger_is_busy_costs_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path, None) as (door, up):
        with _store_is_busy(door):
            async with calling(door, ask()) as caller:
                await _all_before_was_read(door)
                caller.leave()
                await _all_before_was_read(door)

        await _call_is(door, "settled", "not_sent")
        assert up.asked == []
        assert await door.spent() == 0
        await door.nothing_is_held()
        await door.is_consistent()


@pytest.mark.slow
@pytest.mark.req("R-9", "P-30")
async def test_long_silences_before_the_first_byte_and_after_it_are_filled_with_signs_of_life(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, _think_or_pause) as (door, _):
        began = time.monotonic()
        async with (
            calling(door, ask("think", stream=True), "think") as early,
            calling(door, ask("pause", stream=True), "pause") as late,
        ):
            await late.until(b"word")
            await early.until(KEEP_ALIVE)

            assert SILENCE_S - 1 < time.monotonic() - began < SILENCE_S + 10
            assert early.status == 200
            assert early.headers["content-type"] == "text/event-stream"
            assert b"data:" not in early.seen

            await late.until(KEEP_ALIVE, patience_s=10)

            assert late.seen.index(b"word") < late.seen.index(KEEP_ALIVE)


@asynccontextmanager
async def serving(
    directory: Path, script: Script | None
) -> AsyncIterator[tuple[Gateway, Provider]]:
    async with provider() as up, gateway(directory, up.url) as door:
        up.script = script
        yield door, up


async def _think(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def _pause_after_a_word(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(STREAM_HEAD + b"".join(map(chunk, stream_events(asked.body, 5)[:2])))
    await asyncio.Event().wait()


async def _end_and_linger(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(STREAM_HEAD + b"".join(map(chunk, stream_events(asked.body, 5))))
    await asyncio.Event().wait()


async def _talk_for_ever(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    first, word = stream_events(asked.body, 1)[:2]
    writer.write(STREAM_HEAD + chunk(first))
    while True:
        writer.write(chunk(word))
        await writer.drain()
        await asyncio.sleep(0.001)


async def _think_or_pause(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    name = asked.body["messages"][0]["content"]
    await (_think if name == "think" else _pause_after_a_word)(it, asked, writer)


async def _arrived(up: Provider) -> None:
    async def has_it() -> bool:
        return len(up.asked) == 1

    await until(has_it, "the provider was asked")


async def _noticed_after_s(up: Provider) -> float:
    began = time.monotonic()
    async with asyncio.timeout(10):
        await up.gone.wait()
    return time.monotonic() - began


async def _call_is(door: Gateway, state: str, outcome: str) -> None:
    async def is_so() -> bool:
        rows = await door.rows("SELECT state, outcome FROM calls")
        return [tuple(row) for row in rows] == [(state, outcome)]

    await until(is_so, f"the call is {state}: {outcome}")


async def _all_before_was_read(door: Gateway) -> None:
    """What comes later on the same loop has been answered."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{door.base_url}/models", headers=door.headers) as reply,
    ):
        assert reply.status == 200


class _store_is_busy:  # noqa: N801 - read as a sentence: `with _store_is_busy(door)`
    """Another process writes, and takes its time."""

    def __init__(self, door: Gateway) -> None:
        self._file = door.settings.sqlite_file

    def __enter__(self) -> None:
        self._connection = apsw.Connection(str(self._file))
        self._connection.set_busy_timeout(5000)
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, *_: object) -> None:
        self._connection.execute("ROLLBACK")
        self._connection.close()
