"""Processes that die with calls under their keys, and processes that share a store: never two charges."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from journeys.gateway import NANOS_IN, NANOS_OUT, Gateway, ask, gateway, prepared, until
from journeys.provider import (
    PROMPT_TOKENS,
    STREAM_HEAD,
    Asked,
    Provider,
    answer,
    chunk,
    provider,
    stream_events,
)

pytestmark = pytest.mark.req("H-148", "S-93")

COST = PROMPT_TOKENS * NANOS_IN + 5 * NANOS_OUT
STAGES = {key: ask(key, stream=True) for key in ("early", "midway", "late")}
"""By their keys: calls that are under way before their first byte and within their stream, and one that is answered."""

Told = tuple[int, bool, bytes]
"""Status, whether it was replayed, and the body."""


@pytest.mark.slow
@pytest.mark.req("S-87", "B-6")
async def test_what_was_under_way_in_a_process_that_is_killed_is_made_again_and_paid_for_once(
    tmp_path: Path,
) -> None:
    async with provider() as up, gateway(tmp_path, up.url) as door:
        up.script = _until_it_dies
        cut = [asyncio.create_task(_tell(door, STAGES[key], key)) for key in ("early", "midway")]
        answered = await _tell(door, STAGES["late"], "late")
        await until(lambda: _has_asked(up, 3), "all are under way or answered")
        pid = _killed(door)
        await asyncio.gather(*cut, return_exceptions=True)
        up.script = None
        await door.start()
        at_once = {key: await _tell(door, body, key) for key, body in STAGES.items()}
        await _lease_is_over(door, pid)

        after = {key: await _tell(door, body, key) for key, body in STAGES.items()}
        again = {key: await _tell(door, body, key) for key, body in STAGES.items()}

        assert {key: told[0] for key, told in at_once.items()} == {
            **dict.fromkeys(("early", "midway"), 409),
            "late": 200,
        }
        assert {key: told[:2] for key, told in after.items()} == {
            **dict.fromkeys(("early", "midway"), (200, False)),
            "late": (200, True),
        }
        assert {key: told[1:] for key, told in again.items()} == {
            key: (True, told[2]) for key, told in after.items()
        }
        assert again["late"][2] == answered[2]
        assert len(up.asked) == 5
        await door.has_settled()
        for key in STAGES:
            assert await _charged(door, key) <= COST
        assert await _charged(door, "early") == await _charged(door, "midway") == COST
        await door.is_consistent()


@pytest.mark.slow
async def test_of_many_at_once_in_several_processes_one_is_made(
    tmp_path: Path, postgres_database: str
) -> None:
    async with (
        provider() as up,
        gateway(tmp_path, up.url, server="workers = 4", database=postgres_database) as door,
    ):
        go_on = asyncio.Event()

        async def pause(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
            await go_on.wait()
            await answer(it, asked, writer)

        up.script = pause
        asking = [asyncio.create_task(_tell(door, ask())) for _ in range(24)]
        await until(lambda: _are_done(asking, 23), "all but one are told to wait")
        go_on.set()
        told = await asyncio.gather(*asking)
        again = await asyncio.gather(*(_tell(door, ask()) for _ in range(8)))

        assert sorted(status for status, _, _ in told) == [200] + [409] * 23
        (body,) = [body for status, _, body in told if status == 200]
        assert set(again) == {(200, True, body)}
        assert len(up.asked) == 1
        assert await door.spent() == COST
        await door.nothing_is_held()
        await door.is_consistent()


@pytest.mark.slow
@pytest.mark.req("P-11", "S-87")
async def test_whatever_dies_in_a_storm_no_key_is_charged_twice(
    tmp_path: Path, postgres_database: str
) -> None:
    async with provider() as up, gateway(tmp_path, up.url, database=postgres_database) as door:
        (tmp_path / "second").mkdir()
        second = prepared(tmp_path / "second", up.url, database=postgres_database)
        second.key = door.key
        async with second.serving():
            keys = [f"k-{number}" for number in range(16)]
            storm = [
                asyncio.create_task(_tell((door, second)[n % 2], ask(key), key))
                for n, key in enumerate(keys)
            ]
            await until(lambda: _has_asked(up, 6), "many are under way")
            pid = _killed(second)
            await asyncio.gather(*storm, return_exceptions=True)
            await _lease_is_over(door, pid)

            answers = await asyncio.gather(*(_until_answered(door, key) for key in keys))
            again = await asyncio.gather(*(_tell(door, ask(key), key) for key in keys))

            assert [body for _, _, body in again] == [body for _, _, body in answers]
            assert {is_replayed for _, is_replayed, _ in again} == {True}
            await door.has_settled()
            assert {await _charged(door, key) for key in keys} <= {0, COST}
            await door.is_consistent()


async def _tell(door: Gateway, body: Mapping[str, Any], key: str = "k") -> Told:
    headers = {**door.headers, "idempotency-key": key, "x-request-id": key}
    async with (
        aiohttp.ClientSession(door.origin) as session,
        session.post("/v1/chat/completions", data=json.dumps(body), headers=headers) as reply,
    ):
        return reply.status, "idempotency-replayed" in reply.headers, await reply.read()


async def _until_answered(door: Gateway, key: str) -> Told:
    told = await _tell(door, ask(key), key)
    while told[0] != 200:
        assert told[0] == 409, told
        await asyncio.sleep(0.05)
        told = await _tell(door, ask(key), key)
    return told


def _killed(door: Gateway) -> int:
    """Who that was."""
    pid = door.processes[-1].pid
    door.kill()
    return pid


async def _lease_is_over(door: Gateway, pid: int) -> None:
    """Of one who died: nobody waits for it here."""
    sql = "UPDATE owners SET lease_until = 0 WHERE pid = $1"
    await door.on_store(lambda store: store.write((sql, (pid,))))


async def _has_asked(up: Provider, times: int) -> bool:
    return len(up.asked) >= times


async def _are_done(asking: list[asyncio.Task[Told]], count: int) -> bool:
    return sum(each.done() for each in asking) >= count


async def _charged(door: Gateway, key: str) -> int:
    """For all calls that bore it: each says so in its request id."""
    rows = await door.rows(f"SELECT owed FROM calls WHERE request_id = '{key}'")
    return sum(owed or 0 for (owed,) in rows)


async def _until_it_dies(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    match asked.body["messages"][0]["content"]:
        case "early":
            await asyncio.Event().wait()
        case "midway":
            writer.write(STREAM_HEAD + chunk(stream_events(asked.body, 5)[0]))
            await writer.drain()
            await asyncio.Event().wait()
        case _:
            await answer(it, asked, writer)
