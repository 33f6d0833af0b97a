"""A provider's key in the store: the gateway starts with it, follows it, and says so when it breaks."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from journeys.gateway import Gateway, ask, furnish, now_ms, prepared, until
from journeys.provider import Provider, provider
from security.wire import JSON, Got, bearer, recorded, refused_in_dialect, request, send
from tollhouse.control import secrets
from tollhouse.storage.envelopes import Wrapping
from tollhouse.storage.secrets import SecretRow

pytestmark = pytest.mark.req("P-37", "S-28", "S-61")

BODY = json.dumps(ask()).encode()
CANARY = "sk-stored-canary-0123456789"
KEYS = {1: "1f0c91ab" * 8, 2: "2e1d82bc" * 8}
BEFORE = Wrapping(1, {1: KEYS[1].encode()})
BOTH = Wrapping(2, {version: key.encode() for version, key in KEYS.items()})


@pytest.fixture(scope="module")
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        yield it


@pytest.fixture(scope="module")
async def door(up: Provider, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    async with _furnished(tmp_path_factory.mktemp("stored"), up) as it:
        await _put(it, CANARY)
        await it.start()
        yield it


async def test_it_is_shown_to_the_provider_and_stands_nowhere_in_clear(
    door: Gateway, up: Provider
) -> None:
    got = await _ask(door)

    assert got.status == 200
    assert up.asked[-1].headers["authorization"] == f"Bearer {CANARY}"
    kept = [file for file in door.directory.rglob("*") if file.is_file()]
    assert not [file for file in kept if CANARY.encode() in file.read_bytes()]


async def test_while_all_are_wrapped_anew_and_it_is_exchanged_no_call_fails(
    door: Gateway, up: Provider
) -> None:
    statuses: list[int] = []
    is_over = asyncio.Event()

    async def call() -> None:
        while not is_over.is_set():
            statuses.append((await _ask(door)).status)

    async def is_shown(key: str) -> bool:
        return up.asked[-1].headers["authorization"] == f"Bearer {key}"

    callers = [asyncio.create_task(call()) for _ in range(2)]
    try:
        done = await door.on_store(lambda store: secrets.rewrap(store, BOTH))
        seen = len(statuses)
        await until(lambda: _has(statuses, seen + 10), "calls go on")
        await _put(door, CANARY + "-2")
        await until(lambda: is_shown(CANARY + "-2"), "the provider is shown the new one")
    finally:
        is_over.set()
        await asyncio.gather(*callers)
        await _put(door, CANARY)
        await until(lambda: _answers_with(door, up, CANARY), "it is as it was")

    assert [(each.row.key_version, each.flaw) for each in done] == [(2, "")]
    assert set(statuses) == {200}


async def test_one_that_breaks_while_it_serves_is_refused_loudly_until_it_is_set_right(
    door: Gateway, up: Provider
) -> None:
    await door.on_store(lambda store: store.write(("UPDATE secrets SET sealed = $1", ("00" * 40,))))
    await until(lambda: _is(door, 503), "the provider has no key")
    before = len(up.asked)

    got = await _ask(door, ("x-request-id", "broken-secret"))

    refused_in_dialect(got, "upstream_secret_unavailable")
    record = await recorded(door, "broken-secret")
    assert (record["code"], record["owed_nanos"]) == ("upstream_secret_unavailable", 0)
    assert len(up.asked) == before
    await door.nothing_is_held()
    assert "'up': it does not open with the key of version" in door.log()
    await _put(door, CANARY)
    await until(lambda: _is(door, 200), "it is set right")


@pytest.mark.parametrize("is_there", [False, True])
async def test_without_one_or_with_one_that_does_not_open_nothing_starts(
    tmp_path: Path, up: Provider, *, is_there: bool
) -> None:
    async with _furnished(tmp_path, up) as it:
        if is_there:
            await _put(it, CANARY, Wrapping(1, {1: b"another key of thirty-two bytes!"}))
        command = [sys.executable, "-m", "tollhouse", "--config", str(it.config), "serve"]

        ended = await asyncio.to_thread(
            subprocess.run, command, cwd=tmp_path, env=it.environ, capture_output=True, timeout=60
        )

    assert ended.returncode == 1
    assert b"conflict: secrets of the store cannot be used" in ended.stderr
    assert (b"key of version 1" in ended.stderr) is is_there


@asynccontextmanager
async def _furnished(directory: Path, up: Provider) -> AsyncIterator[Gateway]:
    it = prepared(directory, up.url)
    text = it.config.read_text().replace('"env:UP_KEY"', '"store:up"')
    it.config.write_text(text + '[vault]\nkeys = { 1 = "env:VAULT_1", 2 = "env:VAULT_2" }\n')
    it.environ |= {f"VAULT_{version}": key for version, key in KEYS.items()}
    await furnish(it, 10**12)
    try:
        yield it
    finally:
        while it.processes:
            it.kill()


async def _put(door: Gateway, value: str, wrap: Wrapping = BEFORE) -> SecretRow:
    return await door.on_store(lambda store: secrets.put(store, wrap, "up", value, now_ms()))


async def _ask(door: Gateway, *lines: tuple[str, str]) -> Got:
    return await send(door.port, request(BODY, (bearer(door.key), JSON, *lines)))


async def _is(door: Gateway, status: int) -> bool:
    return (await _ask(door)).status == status


async def _answers_with(door: Gateway, up: Provider, key: str) -> bool:
    await _ask(door)
    return up.asked[-1].headers["authorization"] == f"Bearer {key}"


async def _has(statuses: list[int], number: int) -> bool:
    return len(statuses) >= number
