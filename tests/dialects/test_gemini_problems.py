"""Google's errors in our words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fakes import FakeAnswer
from tollhouse.dialects.gemini import Gemini
from tollhouse.dialects.gemini_state import Signatures
from tollhouse.domain.conversation import Reasoning, Text
from tollhouse.domain.errors import (
    ContextTooLong,
    Failure,
    UpstreamDenied,
    UpstreamNotFound,
    UpstreamRateLimited,
    UpstreamRejected,
)
from tollhouse.pipeline.upstream_errors import problem_of

INFO = "type.googleapis.com/google.rpc.ErrorInfo"
TOO_LONG = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (400, {"message": "bad schema", "status": "INVALID_ARGUMENT"}, UpstreamRejected),
        (400, {"message": TOO_LONG, "status": "INVALID_ARGUMENT"}, ContextTooLong),
        (403, {"message": "x", "status": "PERMISSION_DENIED"}, UpstreamDenied),
        (404, {"message": "x", "status": "NOT_FOUND"}, UpstreamNotFound),
        (429, {"message": "x", "status": "RESOURCE_EXHAUSTED"}, UpstreamRateLimited),
    ],
)
async def test_each_is_one_of_ours(status: int, said: dict[str, Any], kind: type[Failure]) -> None:
    assert type(await _problem(status, said)) is kind


@pytest.mark.req("S-57")
async def test_a_key_that_google_does_not_take_is_no_fault_of_the_caller() -> None:
    details = [{"@type": INFO, "reason": "API_KEY_INVALID", "domain": "googleapis.com"}]
    said = {"message": "API key not valid.", "status": "INVALID_ARGUMENT", "details": details}

    problem = await _problem(400, said)

    assert isinstance(problem, UpstreamDenied)
    assert "API key" not in problem.detail


async def test_what_helps_is_told_and_the_status_is_logged() -> None:
    problem = await _problem(400, {"message": "bad schema at x", "status": "INVALID_ARGUMENT"})

    assert "bad schema at x" in problem.detail
    assert problem.private == "the provider answered 400 (invalid_argument)"


@pytest.mark.parametrize("body", [b"", b"[]", b"[1", b"{", b'{"error":7}', b"[[]]", b"\xff"])
async def test_what_is_no_error_of_googles_is_one_all_the_same(body: bytes) -> None:
    problem = await problem_of(FakeAnswer(400, [body]), Gemini(), None)

    assert isinstance(problem, UpstreamRejected)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"error":{"status":"<script>"}}', ""),
        (b'{"error":{"details":["x",{"reason":7}]}}', ""),
        (b'{"error":{"details":[%b{"reason":"NINTH"}]}}' % (b"{}," * 8), ""),
        (b'{"error":{"details":[%b{"reason":"EIGHTH"}]}}' % (b"{}," * 7), " (eighth)"),
        (b'{"error":{"message":"%b"}}' % (b"x" * 1000 + TOO_LONG.encode()), ""),
        (b'[{"error":{"status":"CUT"}}x', ""),
        (b'x{"error":{"status":"CUT"}}]', ""),
    ],
)
def test_only_names_go_to_the_log(body: bytes, kind: str) -> None:
    assert Gemini().error_kind(body) == kind


def test_a_thought_without_a_seal_has_no_signature() -> None:
    found = Signatures([Reasoning("hm"), Text("a")])

    assert (found.words, found.calls, found.is_left_over) == (None, {}, False)


async def _problem(status: int, said: dict[str, Any]) -> Failure:
    """As it comes, and as some of Google's paths have it: in a list."""
    body = json.dumps({"error": {"code": status, **said}}).encode()
    alone = await problem_of(FakeAnswer(status, [body]), Gemini(), None)
    listed = await problem_of(FakeAnswer(status, [b"[" + body + b"\n]\n"]), Gemini(), None)
    assert (type(alone), alone.detail, alone.private) == (
        *(type(listed), listed.detail, listed.private),
    )
    return alone
