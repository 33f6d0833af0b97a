"""What the served gateway says to anybody, and on every answer."""

from __future__ import annotations

import re

import pytest

from journeys.gateway import Gateway
from security.callers import Callers
from security.wire import bearer, exchange, request, send


@pytest.mark.req("R-3")
@pytest.mark.parametrize("path", ["/", "/api/hello", "/api/version", "/health", "/health/ready"])
async def test_open_paths_answer_without_a_key_and_leave_no_record(
    door: Gateway, path: str
) -> None:
    before = len(door.calls())

    got = await send(door.port, request(method="GET", target=path))

    assert got.status == 200
    assert got.body
    assert len(door.calls()) == before


@pytest.mark.req("R-3")
async def test_a_head_request_gets_the_head_alone(door: Gateway) -> None:
    received = await exchange(door.port, request(method="HEAD", target="/"))

    top, _, body = received.partition(b"\r\n\r\n")
    assert top.startswith(b"HTTP/1.1 200")
    assert b"content-length: 17" in top
    assert body == b""


@pytest.mark.req("R-16", "OL-34")
async def test_the_version_is_one_that_clients_take(door: Gateway) -> None:
    got = await send(door.port, request(method="GET", target="/api/version"))

    assert tuple(map(int, got.json["version"].split("."))) >= (0, 13, 4)


@pytest.mark.req("OC-55", "S-14")
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/v1/models"), ("POST", "/v1/chat/completions"), ("GET", "/nowhere")],
)
async def test_every_answer_has_its_id_and_forbids_guessing_and_keeping(
    door: Gateway, besieging: tuple[Gateway, Callers], method: str, path: str
) -> None:
    key = bearer(besieging[1].good)

    ours = await send(door.port, request(headers=(key,), method=method, target=path))
    theirs = await send(
        door.port,
        request(headers=(key, ("x-request-id", "trace/1:a")), method=method, target=path),
    )

    assert re.fullmatch(r"[0-9a-f]{16}", ours.headers["x-request-id"])
    assert theirs.headers["x-request-id"] == theirs.headers["request-id"] == "trace/1:a"
    assert ours.headers["x-content-type-options"] == "nosniff"
    assert ours.headers["cache-control"] == "no-store"
    assert not {"server", "date", "x-powered-by", "set-cookie"} & ours.headers.keys()
