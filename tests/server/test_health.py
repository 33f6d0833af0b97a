from __future__ import annotations

import json

import pytest

from fakes import FakeReply
from tollhouse.server.health import Health


@pytest.mark.req("R-3")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/api/hello", "/api/version", "/health", "/health/live"])
async def test_anybody_may_ask_whether_the_house_lives(method: str, path: str) -> None:
    reply = FakeReply()

    assert await Health("1.2.3", lambda: False).answers(method, path, reply)

    assert reply.status == 200
    assert reply.is_ended
    assert json.loads(reply.said) is not None
    assert (b"content-length", b"%d" % len(reply.said)) in reply.headers


@pytest.mark.req("R-3", "R-16", "OL-33")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_ollamas_clients_find_what_they_look_for(method: str) -> None:
    reply = FakeReply()

    assert await Health("1.2.3", lambda: False).answers(method, "/", reply)

    assert reply.said == b"Ollama is running"
    assert (b"content-type", b"text/plain; charset=utf-8") in reply.headers


@pytest.mark.req("R-3", "OL-34")
async def test_ollamas_clients_find_a_version() -> None:
    reply = FakeReply()

    await Health("1.2.3", lambda: True).answers("GET", "/api/version", reply)

    assert json.loads(reply.said) == {"version": "1.2.3"}


@pytest.mark.parametrize(("is_ready", "status"), [(True, 200), (False, 503)])
async def test_readiness_follows_the_store_and_the_drain(is_ready: bool, status: int) -> None:
    reply = FakeReply()

    await Health("1", lambda: is_ready).answers("GET", "/health/ready", reply)

    assert reply.status == status


@pytest.mark.req("S-21")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("POST", "/"), ("DELETE", "/health"), ("GET", "/health/"), ("GET", "/healthz"), ("GET", "/HEALTH")),
        *(("GET", "/v1/models"), ("OPTIONS", "/"), ("GET", ""), ("POST", "/health/ready")),
    ],
)  # fmt: skip
async def test_nothing_else_is_open(method: str, path: str) -> None:
    reply = FakeReply()

    assert not await Health("1", lambda: True).answers(method, path, reply)
    assert not reply.is_started
