"""What a caller keeps of a call is what the ledger settled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from journeys.gateway import MODEL, Gateway, gateway, until
from tollhouse.control import auditing, receipts

pytestmark = pytest.mark.req("B-13")

RECEIPTS = "[receipts]\nenabled = true\n"
ECHO = '[providers.echo]\nkind = "echo"\n'
SAME = ("owed", "input", "output", "outcome", "source", "target", "price", "call", "settled_at")


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with gateway(
        tmp_path, "http://127.0.0.1:9", settings=ECHO, store=RECEIPTS, targets=("echo:echo",)
    ) as it:
        yield it


@pytest.fixture
async def session(door: Gateway) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(door.origin, headers=door.headers) as it:
        yield it


async def test_a_whole_answer_bears_the_amount_that_was_settled(
    door: Gateway, session: aiohttp.ClientSession
) -> None:
    headers = await _ask(session)

    claims = _opened(door, headers["x-tollhouse-receipt"])

    ((owed, outcome),) = await door.rows("SELECT owed, outcome FROM calls")
    assert (claims["owed"], claims["outcome"]) == (owed, outcome)
    assert claims["owed"] == await door.spent() > 0
    assert claims["key"] == door.key_id
    await door.nothing_is_held()


async def test_a_stream_names_where_it_is_told(
    door: Gateway, session: aiohttp.ClientSession
) -> None:
    headers = await _ask(session, stream=True)

    told = await _told(session, headers["x-tollhouse-receipt-at"])

    claims = _opened(door, told["receipt"])
    assert claims["owed"] == told["owed"] == await door.spent() > 0
    assert "x-tollhouse-receipt" not in headers


async def test_both_ways_say_the_same(door: Gateway, session: aiohttp.ClientSession) -> None:
    headers = await _ask(session)
    claims = _opened(door, headers["x-tollhouse-receipt"])

    told = await _told(session, f"/v1/receipts/{claims['call']}")

    assert {name: told[name] for name in SAME} == {name: claims[name] for name in SAME}


async def test_the_head_that_it_bears_is_in_the_chain(
    door: Gateway, session: aiohttp.ClientSession
) -> None:
    await _ask(session)
    await until(lambda: _has_calls(door, 1), "the first call is recorded")

    claims = _opened(door, (await _ask(session))["x-tollhouse-receipt"])

    writer, _, head = claims["audit"]
    assert any(writer in line and head in line for line in door.audit_lines())


async def test_a_call_of_somebody_else_is_told_like_one_that_never_was(
    door: Gateway, session: aiohttp.ClientSession
) -> None:
    claims = _opened(door, (await _ask(session))["x-tollhouse-receipt"])
    other = await door.new_key()

    async with aiohttp.ClientSession(door.origin) as stranger:
        bearer = {"authorization": f"Bearer {other.key}"}
        await until(lambda: _is_known(stranger, bearer), "the new key is known")
        refused = [
            await _refused(stranger, f"/v1/receipts/{call}", bearer)
            for call in (claims["call"], "f" * 32, "x", "F" * 32, "f" * 33)
        ]

    assert {each[:2] for each in refused} == {(404, "receipt_unknown")}


async def test_a_call_under_way_has_no_receipt_yet(
    door: Gateway, session: aiohttp.ClientSession
) -> None:
    claims = _opened(door, (await _ask(session))["x-tollhouse-receipt"])
    sql = "UPDATE calls SET state = 'held' WHERE id = $1"
    await door.on_store(lambda store: store.write((sql, (claims["call"],))))

    status, code, _ = await _refused(session, f"/v1/receipts/{claims['call']}", {})

    assert (status, code) == (409, "receipt_pending")


async def test_without_the_setting_there_is_none(tmp_path: Path) -> None:
    async with (
        gateway(tmp_path, "http://127.0.0.1:9", settings=ECHO, targets=("echo:echo",)) as door,
        aiohttp.ClientSession(door.origin, headers=door.headers) as session,
    ):
        whole, stream = await _ask(session), await _ask(session, stream=True)
        status, code, _ = await _refused(session, "/v1/receipts/" + "0" * 32, {})

    assert not [name for name in (*whole, *stream) if "receipt" in name]
    assert (status, code) == (404, "receipt_unknown")


async def _ask(session: aiohttp.ClientSession, *, stream: bool = False) -> dict[str, str]:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "stream": stream}
    async with session.post("/v1/chat/completions", json=body) as reply:
        assert reply.status == 200, await reply.text()
        await reply.read()
        return {name.lower(): value for name, value in reply.headers.items()}


async def _told(session: aiohttp.ClientSession, path: str) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while True:
            async with session.get(path) as reply:
                if reply.status == 200:
                    told: dict[str, Any] = await reply.json()
                    return told
                assert reply.status == 409
            await asyncio.sleep(0.02)


async def _refused(
    session: aiohttp.ClientSession, path: str, headers: dict[str, str]
) -> tuple[int, str, str]:
    async with session.get(path, headers=headers) as reply:
        error = (await reply.json())["error"]
        return reply.status, error["code"], error["message"]


async def _is_known(session: aiohttp.ClientSession, headers: dict[str, str]) -> bool:
    async with session.get("/v1/models", headers=headers) as reply:
        return reply.status == 200


async def _has_calls(door: Gateway, count: int) -> bool:
    return len(door.calls()) >= count


def _opened(door: Gateway, text: str) -> dict[str, Any]:
    (checked,) = receipts.verify(text, auditing.public_keys(door.settings))
    assert checked.claims is not None, checked.fault
    return checked.claims
