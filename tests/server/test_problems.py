"""A problem is told as a status before the first byte, and after it in the words of whoever speaks."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from fakes import FakeReply
from pipeline.houses import call
from tollhouse.domain.errors import (
    FieldInvalid,
    KeyUnknown,
    Problem,
    UpstreamBroke,
    UpstreamRateLimited,
)
from tollhouse.server.problems import send_plain_problem, send_problem


@pytest.mark.parametrize(
    ("problem", "wait", "again", "asks"),
    [
        (UpstreamRateLimited(retry_after_s=7), b"7", None, None),
        (UpstreamBroke(), b"1" if UpstreamBroke().retryable else None, None, None),
        (KeyUnknown(), None, b"false", b'Bearer realm="tollhouse"'),
        (KeyUnknown(retry_after_s=3), b"3", b"false", b'Bearer realm="tollhouse"'),
    ],
)
async def test_whether_and_when_to_come_again_stands_in_headers(
    problem: Problem, wait: bytes | None, again: bytes | None, asks: bytes | None
) -> None:
    reply = FakeReply()

    await send_problem(call(reply=reply), problem)

    headers = dict(reply.headers)
    assert reply.status == problem.status
    assert headers.get(b"retry-after") == wait
    assert headers.get(b"x-should-retry") == (again if problem.retryable else b"false")
    assert headers.get(b"www-authenticate") == asks


async def test_after_the_first_byte_whoever_speaks_tells_it() -> None:
    usual, other = FakeReply(is_started=True), FakeReply(is_started=True)
    other.last_words = lambda problem, _: b"in other words: " + problem.code.encode()

    await send_problem(call(reply=usual), UpstreamBroke())
    await send_problem(call(reply=other), UpstreamBroke())

    assert usual.said.startswith(b"data: ")
    assert other.said == b"in other words: upstream_broke"
    assert usual.status is other.status is None


async def test_where_no_dialect_is_spoken_a_problem_is_a_document() -> None:
    reply = FakeReply()

    await send_plain_problem(call(reply=reply), UpstreamBroke())

    assert (b"content-type", b"application/problem+json") in reply.headers
    assert json.loads(reply.said)["type"] == "urn:tollhouse:error:upstream_broke"
    assert "param" not in json.loads(reply.said)


async def test_a_document_names_the_field_that_is_wrong() -> None:
    reply = FakeReply()

    await send_plain_problem(call(reply=reply), FieldInvalid("No.", param="limit"))

    assert json.loads(reply.said)["param"] == "limit"


@pytest.mark.parametrize(("path", "is_told"), [("/api/v1/keys", True), ("/v1/keys", False)])
async def test_otaris_clients_find_the_words_where_they_look_for_them(
    path: str, is_told: bool
) -> None:
    reply, asking = FakeReply(), call()
    asking = replace(asking, reply=reply, route=replace(asking.route, path=path))

    await send_problem(asking, FieldInvalid("No such day."))

    said = json.loads(reply.said)
    assert said.get("detail") == ("No such day." if is_told else None)
    assert said["error"]["code"] == "field_invalid"
