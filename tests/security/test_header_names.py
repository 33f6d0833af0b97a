"""Headers go neither way: a provider sees what the gateway says, and a caller what the gateway answers."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from journeys.gateway import Gateway, ask
from journeys.provider import Asked, Provider, completion, json_response
from security.callers import Callers
from security.wire import JSON, Lines, bearer, request, send

CANARY = "canary-7be0"
FIELDS = (Path(__file__).parent / "header_names.txt").read_text().split()
STEERING = [
    *("host", "content-length", "transfer-encoding", "connection", "upgrade", "expect", "content-type"),
    *("content-encoding", "authorization", "x-api-key", "otari-key", "x-goog-api-key", "origin"),
]  # fmt: skip
"""They decide how a request is read, or who sends it: of them only the false spellings are sent."""

ODD = [name.replace("-", "_") for name in (*FIELDS, *STEERING) if "-" in name]
CASED = [name.title() for name in FIELDS[:40]] + [name.upper() for name in FIELDS[40:80]]
NAMES = [*FIELDS, *ODD, *CASED, "Content_Length", "HOST_", "x-", "_", "!", "~x~"]
FROM_UPSTREAM = [
    *("set-cookie", "server", "location", "via", "date", "x-request-id", "x-canary", "openai-organization"),
    *("openai-processing-ms", "openai-version", "x-ratelimit-remaining-tokens", "strict-transport-security"),
    *("access-control-allow-origin", "alt-svc", "refresh", "link", "www-authenticate", "cf-ray", "x-powered-by"),
]  # fmt: skip
OURS = {
    *("x-request-id", "request-id", "x-content-type-options", "cache-control", "content-type", "connection"),
    *("content-length", "transfer-encoding", "x-accel-buffering", "x-should-retry", "retry-after"),
    "x-tollhouse-target",
}  # fmt: skip


@pytest.mark.req("S-4", "B-11", "P-16")
async def test_of_all_names_that_a_caller_sends_none_goes_on(
    door: Gateway, callers: Callers, up: Provider
) -> None:
    assert len(set(NAMES)) > 300
    usual = await _arrives(door, callers, up, ())

    for start in range(0, len(NAMES), 80):
        lines = [(name, CANARY) for name in NAMES[start : start + 80]]
        asked = await _arrives(door, callers, up, lines)
        assert asked.headers == usual.headers

    assert set(usual.headers) <= {
        *("host", "authorization", "content-type", "content-length", "accept", "user-agent"),
        *("accept-encoding", "traceparent"),
    }
    assert usual.headers["authorization"] != f"Bearer {callers.good}"


@pytest.mark.req("S-4", "B-11", "S-58", "CN-19")
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "status", ["200 OK", "400 Bad Request", "429 Too Many Requests", "500 Oops"]
)
async def test_no_header_of_a_provider_comes_back(
    door: Gateway, callers: Callers, up: Provider, stream: bool, status: str
) -> None:
    async def says(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        extra = [f"{name}: {CANARY}" for name in FROM_UPSTREAM]
        writer.write(json_response(completion(asked.body, 5), status, *extra))

    up.script = says
    try:
        got = await send(door.port, _asking(callers, (), stream=stream))
    finally:
        up.script = None
        up.asked.clear()

    assert set(got.headers) <= OURS
    assert CANARY not in str(got.headers)


@pytest.mark.req("S-18", "CN-19")
@pytest.mark.parametrize(
    "raw",
    [
        b"GET /\r\n\r\n",
        b"junk\r\n\r\n",
        request(method="GET", target="/health"),
        request(method="GET", target="/v1/models"),
        request(target="/nowhere"),
    ],
)
async def test_every_answer_forbids_guessing_and_keeping_and_names_no_software(
    door: Gateway, raw: bytes
) -> None:
    got = await send(door.port, raw)

    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["cache-control"] == "no-store"
    assert set(got.headers) <= OURS | {"www-authenticate"}


async def _arrives(door: Gateway, callers: Callers, up: Provider, headers: Lines) -> Asked:
    got = await send(door.port, _asking(callers, headers))

    assert got.status == 200
    return up.asked.pop()


def _asking(callers: Callers, headers: Lines, **members: object) -> bytes:
    body = json.dumps({**ask(), **members}).encode()
    return request(body, (bearer(callers.good), JSON, *headers))
