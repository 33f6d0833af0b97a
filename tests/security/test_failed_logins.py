"""Logins that fail too often, at the served door: refused by name, and no good key with them."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from journeys.gateway import Gateway, ask, until
from journeys.provider import Provider, provider
from security.callers import Callers, besieged
from security.wire import JSON, bearer, recorded, refused_in_dialect, request, send
from tollhouse.domain.credentials import assemble

BODY = json.dumps(ask()).encode()
MOST = 60
AUTH = f"\n[auth]\nfailures_per_minute = {MOST}\n"
ATTEMPTS = 2000
AT_ONCE = 20


@pytest.fixture(scope="module")
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        yield it


@pytest.mark.req("B-24", "S-30", "H-89")
async def test_a_flood_of_bad_keys_is_throttled_and_good_keys_pass_in_the_midst_of_it(
    tmp_path: Path, up: Provider
) -> None:
    async with besieged(tmp_path, up.url, AUTH) as (door, callers):
        began = time.monotonic()
        flood = asyncio.create_task(_flood(door, ATTEMPTS))
        await until(lambda: _is_throttled(door), "the network has to wait")

        got = [await send(door.port, request(BODY, (bearer(callers.good), JSON))) for _ in range(5)]

        assert not flood.done()
        answers = await flood
        elapsed_s = time.monotonic() - began
        assert [each.status for each in got] == [200] * 5
        assert set(answers) == {401, 429}
        assert answers[401] <= MOST + 1 + elapsed_s * MOST / 60
        assert len(up.asked) == 5
        await door.nothing_is_held()


@pytest.mark.req("B-24", "P-16", "H-89")
async def test_a_login_too_many_is_refused_in_words_without_its_body_and_recorded_once(
    tmp_path: Path, up: Provider
) -> None:
    before = len(up.asked)
    async with besieged(tmp_path, up.url, AUTH) as (door, callers):
        await _flood(door, MOST + 20)
        raw = request(b"", (bearer(callers.unknown), JSON, ("x-request-id", "one-too-many")))

        got = await send(door.port, raw.replace(b"content-length: 0", b"content-length: 50000"))

        refused_in_dialect(got, "too_many_failures")
        assert got.headers["retry-after"] == "1"
        record = await recorded(door, "one-too-many")
        assert (record["code"], record["status"]) == ("too_many_failures", 429)
        assert (record["peer"], record["outcome"]) == ("127.0.0.1", "refused")
        assert len(up.asked) == before


@pytest.mark.req("B-24", "S-25")
async def test_bad_keys_of_every_kind_are_told_apart_no_more_once_there_are_too_many(
    tmp_path: Path, up: Provider
) -> None:
    async with besieged(tmp_path, up.url, AUTH) as (door, callers):
        await _flood(door, MOST + 20)

        got = [
            await send(door.port, request(BODY, (bearer(key), JSON, ("x-request-id", "same"))))
            for key in _bad(callers)
        ]

        assert {each.status for each in got} <= {401, 429}
        assert len({each.body for each in got if each.status == 429}) == 1
        assert sum(each.status == 429 for each in got) >= len(got) - 2


def _bad(callers: Callers) -> list[str]:
    bad = [callers.expired, callers.disabled, callers.revoked, callers.unknown, callers.mistyped]
    return [*bad, callers.wrong_secret, "not-a-key"]


async def _flood(door: Gateway, attempts: int) -> Counter[int]:
    """Each with a key of its own, over a few connections."""
    answers: Counter[int] = Counter()
    numbers = iter(range(attempts))

    async def attack(session: aiohttp.ClientSession) -> None:
        for number in numbers:
            key = assemble(f"{number:012d}", "A" * 32)
            claimed = f"{number % 200 + 1}.0.0.1"  # nobody trusts it
            headers = {"x-api-key": key, "x-forwarded-for": claimed}
            async with session.get(f"{door.base_url}/models", headers=headers) as reply:
                answers[reply.status] += 1

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(attack(session) for _ in range(AT_ONCE)))
    return answers


async def _is_throttled(door: Gateway) -> bool:
    return any(record["code"] == "too_many_failures" for record in door.calls())
