"""The store goes away, hangs, dies or is full: nothing is let in, nothing is lost, and it mends itself."""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import apsw
import pytest

from journeys.caller import calling
from journeys.gateway import NANOS_IN, NANOS_OUT, Gateway, ask, gateway, until
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
from servers import PostgresServer, postgres_server

COST = PROMPT_TOKENS * NANOS_IN + 5 * NANOS_OUT
DISK_BYTES = 6 * 1024 * 1024

FAULTS: dict[str, tuple[Callable[[PostgresServer], None], Callable[[PostgresServer], None]]] = {
    "stopped": (PostgresServer.stop, PostgresServer.start),
    "killed": (PostgresServer.kill, PostgresServer.start),
    "frozen": (PostgresServer.freeze, PostgresServer.resume),
}


@pytest.mark.slow
@pytest.mark.req("P-24", "OT-14", "P-4", "P-8", "B-6", "S-87")
@pytest.mark.parametrize("fault", FAULTS)
async def test_while_postgres_is_away_nobody_passes_and_what_was_under_way_is_settled_after(
    tmp_path: Path, fault: str
) -> None:
    take_away, bring_back = FAULTS[fault]
    async with _on_postgres(tmp_path) as (door, up, server):
        go_on = asyncio.Event()
        up.script = _first_pauses(go_on)
        async with calling(door, ask(stream=True), "under-way") as caller:
            await caller.until(b"word")
            take_away(server)

            refused = await asyncio.gather(*(_told(door, ask(stream=n % 2 == 1)) for n in range(4)))
            go_on.set()
            await caller.to_the_end()

        for status, headers, body in refused:
            assert status == 503
            assert json.loads(body)["error"]["code"] == "store_unavailable"
            assert int(headers["retry-after"]) > 0
        assert caller.has_clean_end
        assert len(up.asked) == 1

        bring_back(server)
        await until(lambda: _passes(door), "the gateway has found its store again")

        await door.nothing_is_held()
        await until(lambda: _is_settled(door, "under-way"), "the call under way is settled")
        (owed,) = (await door.rows("SELECT owed FROM calls WHERE request_id = 'under-way'"))[0]
        assert owed == COST
        assert await door.spent() == COST * len(up.asked)
        await door.is_consistent()
        assert door.processes[0].poll() is None


@pytest.mark.slow
@pytest.mark.req("P-24", "P-4", "B-6")
@pytest.mark.parametrize("kind", ["small disk", "small files"])
async def test_without_room_nobody_passes_and_the_ledger_stays_whole(
    tmp_path: Path, kind: str
) -> None:
    with DISKS[kind](tmp_path / "data") as disk:
        async with provider() as up, gateway(tmp_path, up.url) as door:
            go_on = asyncio.Event()
            up.script = _first_pauses(go_on)
            async with calling(door, ask(stream=True), "under-way") as caller:
                await caller.until(b"word")
                disk.fill(door)
                await until(lambda: _is_refused(door), "a call is refused")

                refused = await asyncio.gather(*(_told(door, ask()) for _ in range(8)))
                go_on.set()
                await caller.to_the_end()

            assert {(status, _code(body)) for status, _, body in refused} == {
                (503, "store_unavailable")
            }
            assert all(int(headers["retry-after"]) > 0 for _, headers, _ in refused)
            assert caller.has_clean_end
            asked = len(up.asked)

            disk.free(door)
            await until(lambda: _passes(door), "there is room again")

            await door.nothing_is_held()
            await until(lambda: _is_settled(door, "under-way"), "the call under way is settled")
            assert len(up.asked) > asked
            assert await door.spent() == COST * len(up.asked)
            await door.is_consistent()
            assert _integrity(door) == "ok"
            assert await door.end() == 0
            await door.audit_is_whole()


class SmallDisk:
    """A file system of a few megabytes, for which the tests must be allowed to mount one."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._filler = directory / "filler"

    def __enter__(self) -> SmallDisk:
        self._directory.mkdir()
        options = f"size={DISK_BYTES},mode=700"
        mounting = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self._directory)]
        done = subprocess.run(mounting, check=False, capture_output=True)
        if done.returncode != 0:
            pytest.skip(f"no disk can be mounted here: {done.stderr.decode().strip()}")
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "--lazy", str(self._directory)], check=True)

    def fill(self, _: Gateway) -> None:
        """No byte is left."""
        with self._filler.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(b"\0" * 4096):
                pass

    def free(self, _: Gateway) -> None:
        self._filler.unlink()


class SmallFiles:
    """The kernel lets the gateway's files grow so far and no further."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __enter__(self) -> SmallFiles:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def fill(self, door: Gateway) -> None:
        largest = max(file.stat().st_size for file in self._directory.rglob("*"))
        self._limit(door, largest + 50_000)

    def free(self, door: Gateway) -> None:
        self._limit(door, resource.RLIM_INFINITY)

    def _limit(self, door: Gateway, size: int) -> None:
        limits = (size, resource.RLIM_INFINITY)
        resource.prlimit(door.processes[0].pid, resource.RLIMIT_FSIZE, limits)


DISKS: dict[str, type[SmallDisk] | type[SmallFiles]] = {
    "small disk": SmallDisk,
    "small files": SmallFiles,
}


@asynccontextmanager
async def _on_postgres(directory: Path) -> AsyncIterator[tuple[Gateway, Provider, PostgresServer]]:
    """A server of its own, which may be taken away."""
    with postgres_server() as server, server.database() as url:
        async with provider() as up, gateway(directory, up.url, database=url) as door:
            yield door, up, server


def _first_pauses(go_on: asyncio.Event) -> Any:
    """The first call is answered in two halves; every other one at once."""

    async def script(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        if len(it.asked) > 1:
            await answer(it, asked, writer)
            return
        events = stream_events(asked.body, 5)
        writer.write(STREAM_HEAD + b"".join(map(chunk, events[:3])))
        await go_on.wait()
        writer.write(b"".join(map(chunk, events[3:])) + b"0\r\n\r\n")
        await writer.drain()

    return script


async def _told(door: Gateway, body: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(40)) as session,
        session.post(f"{door.base_url}/chat/completions", json=body, headers=door.headers) as reply,
    ):
        headers = {name.lower(): value for name, value in reply.headers.items()}
        return reply.status, headers, await reply.read()


async def _passes(door: Gateway) -> bool:
    """Nobody is ever told that his key is wrong."""
    status, _, body = await _told(door, ask())
    assert status in (200, 503), body
    return status == 200


async def _is_refused(door: Gateway) -> bool:
    return not await _passes(door)


async def _is_settled(door: Gateway, name: str) -> bool:
    rows = await door.rows(f"SELECT outcome FROM calls WHERE request_id = '{name}'")
    return [tuple(row) for row in rows] == [("completed",)]


def _code(body: bytes) -> str:
    return str(json.loads(body)["error"]["code"])


def _integrity(door: Gateway) -> str:
    connection = apsw.Connection(str(door.settings.sqlite_file))
    try:
        return str(connection.pragma("integrity_check"))
    finally:
        connection.close()
