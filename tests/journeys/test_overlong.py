"""A provider that goes on beyond its bound: cut, told to the caller in its dialect, and paid no more than was held."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from journeys.gateway import Gateway, ask, gateway
from journeys.provider import STREAM_HEAD, Asked, Provider, chunk, provider, stream_events

TOKENS = 20
MOST_SEEN = 64 * 1024


async def _endless(_it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Words without end, whatever bound came with the call."""
    words = stream_events(asked.body, 1)[1]
    writer.write(STREAM_HEAD)
    while True:
        writer.write(chunk(words))
        await writer.drain()


@pytest.mark.req("B-4", "P-8", "S-71", "S-89")
@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        ("chat/completions", ask(stream=True, max_tokens=TOKENS), b'"code":"upstream_broke"'),
        ("messages", ask(stream=True, max_tokens=TOKENS), b"event: error"),
    ],
)
async def test_a_stream_that_goes_on_beyond_its_bound_is_cut_and_costs_no_more_than_was_held(
    tmp_path: Path, path: str, body: dict[str, Any], error: bytes
) -> None:
    async with provider() as up, gateway(tmp_path, up.url) as door:
        up.script = _endless

        said = await _said(door, path, body)

        await door.nothing_is_held()
        ((outcome, held, owed, source, anomaly),) = await door.rows(
            "SELECT outcome, held, owed, source, anomaly FROM calls"
        )
        assert error in said[-1000:]
        assert b"[DONE]" not in said
        assert b"message_stop" not in said
        assert (outcome, source, anomaly) == ("cut_by_gateway", "counted", "over_bound")
        assert 0 < owed == held
        assert up.asked[0].body["max_tokens"] == TOKENS
        assert up.hung_up == 1
        assert len(said) < MOST_SEEN
        await door.is_consistent()


async def _said(door: Gateway, path: str, body: dict[str, Any]) -> bytes:
    said = b""
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{door.base_url}/{path}", data=json.dumps(body).encode(), headers=door.headers
        ) as reply,
    ):
        assert reply.status == 200
        try:
            async for piece in reply.content.iter_any():
                said += piece
        except aiohttp.ClientPayloadError:
            pass  # it is torn off: no caller takes it for an end
    return said
