from __future__ import annotations

import json
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tollhouse.dialects import openai_problems
from tollhouse.dialects.cleaning import LONGEST_MESSAGE
from tollhouse.dialects.openai_problems import failure_of, kind_of, message_of
from tollhouse.dialects.responses_problems import kind_within
from tollhouse.domain.errors import (
    REGISTRY,
    ContextTooLong,
    Failure,
    FieldInvalid,
    UpstreamFailed,
    UpstreamRateLimited,
)

PREFIX = "The provider did not accept this request: "


@pytest.mark.req("R-1", "R-11", "S-16")
@pytest.mark.parametrize("code", sorted(REGISTRY))
def test_every_problem_has_a_shape_that_both_kinds_of_clients_read(code: str) -> None:
    problem = REGISTRY[code](private="canary")

    shape = json.loads(openai_problems.body(problem, "id-1"))

    assert shape == {
        "type": "error",
        "error": {
            "message": problem.title,
            "type": shape["error"]["type"],
            "param": None,
            "code": code,
        },
        "request_id": "id-1",
    }
    assert shape["error"]["type"]
    assert openai_problems.event(problem, "id-1").endswith(b"}\n\n")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("key_missing", "authentication_error"),
        ("budget_exhausted", "insufficient_quota"),
        ("model_not_granted", "permission_error"),
        ("model_unknown", "not_found_error"),
        ("body_too_large", "request_too_large"),
        ("rate_limited", "rate_limit_error"),
        ("json_malformed", "invalid_request_error"),
        ("internal", "api_error"),
        ("upstream_failed", "api_error"),
    ],
)
def test_the_type_follows_the_status(code: str, kind: str) -> None:
    shape = json.loads(openai_problems.body(REGISTRY[code](), "id"))

    assert shape["error"]["type"] == kind


def test_the_member_that_is_wrong_is_named() -> None:
    shape = json.loads(openai_problems.body(FieldInvalid("x", param="n"), "id"))

    assert shape["error"]["param"] == "n"


@given(st.text(max_size=100))
def test_an_event_is_one_line_whatever_it_says(detail: str) -> None:
    event = openai_problems.event(FieldInvalid(detail), "id")

    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    assert b"\n" not in event[:-2]
    assert b"\r" not in event


@pytest.mark.req("S-58", "P-16")
@pytest.mark.parametrize(
    ("said", "passed"),
    [
        ("max_tokens is too large", "max_tokens is too large"),
        ("Incorrect key: sk-abcDEF123456789", "Incorrect key: [removed]"),
        ("Bearer abcdefgh12345678", "[removed]"),
        ("thk_0123456789ab_secret", "[removed]"),
        ("see https://api.example/x?key=1 now", "see [link] now"),
        ("postgres://u:p@db/x", "[link]"),
        ("a" * 40, "[removed]"),
        ("one\ntwo\x00\x1b[31m", "one two [31m"),
        ("\u202eevil\u200b", "evil"),
        ("tag\U000e0041s \u2066and\u00ad \u061cmore\ufff9", "tags and more"),
        ("sk-\u200babcDEF\u2060123456789", "[removed]"),
        ("in organization org-a1B2c3D4e5 on", "in organization [removed] on"),
        ("AKIAIOSFODNN7EXAMPLE", "[removed]"),
        ("eyJhbGciOi.eyJzdWIiOi.c2ln", "[removed]"),
        ("password=hunter2 token: abc", "[removed] [removed]"),
        ("connect to 10.0.0.7:8000 failed", "connect to [host] failed"),
        ("at [fd00::1:2:3]:80", "at [host]"),
        ("gpu-7.ml.internal refused", "[host] refused"),
        ("vllm-0:8000 is down", "[host] is down"),
        ("localhost:11434", "[host]"),
        ("ask ops@example.com", "ask [address]"),
        ("in /opt/models/llama/x.bin", "in [path]"),
        ("in ~/.cache/models", "in [path]"),
        ("in C:\\models\\x", "in [path]"),
        ("messages[0].content must be text, not 7", "messages[0].content must be text, not 7"),
        ("tools.0.function.name: gpt-4.1-mini", "tools.0.function.name: gpt-4.1-mini"),
        ("use image/png and/or text at 12:30", "use image/png and/or text at 12:30"),
    ],
)
def test_what_a_provider_says_is_cleaned(said: str, passed: str) -> None:
    assert message_of(_error(said)) == PREFIX + passed


@pytest.mark.req("S-58")
@settings(deadline=None)  # time is looked at below, and not by the clock on the wall
@given(st.text(max_size=5000) | st.text("ab ", min_size=390, max_size=420))
@example("so it is " * 600)
def test_what_a_provider_says_is_short_and_of_one_line(said: str) -> None:
    message = message_of(_error(said))

    if message is not None:
        assert len(message) <= LONGEST_MESSAGE
        assert message.isprintable()


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"<html>", b"\xff\xfe", b"[]", b"{}", b'{"error":null}', b'{"error":{}}', b'"x"'),
        *(b'{"error":{"message":7}}', b'{"error":{"message":" "}}', b'{"message":"x"}', b'{"error":[]}'),
        b'{"error":{"message":"\xff"}}',
        b'{"error":{"message":"\\u200b\\n"}}',
        b'{"error":{"message":"Traceback (most recent call last): x"}}',
        b'{"error":{"message":"File \\"/srv/x.py\\", line 3, in f"}}',
        b'{"error":%b%b}' % (b"[" * 100_000, b"]" * 100_000),
    ],
)  # fmt: skip
def test_what_says_nothing_in_our_dialect_is_not_passed_on(body: bytes) -> None:
    assert message_of(body) is None


def test_an_error_may_be_a_sentence_alone() -> None:
    assert message_of(b'{"error":"model is loading"}') == PREFIX + "model is loading"


@pytest.mark.req("P-16")
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "invalid_request_error", "code": "context_length"}, " (invalid_request_error, context_length)"),
        ({"type": "server_error", "code": None}, " (server_error)"),
        ({"type": "The user said hello", "code": 400}, ""),
        ({"type": "x" * 65, "code": "a\nb"}, ""),
        ("hello", ""),
        (None, ""),
    ],
)  # fmt: skip
def test_only_names_go_to_the_log(error: object, kind: str) -> None:
    assert kind_of(json.dumps({"error": error}).encode()) == kind


def _error(message: str) -> bytes:
    return json.dumps({"error": {"message": message}}).encode()


@pytest.mark.req("S-58")
@pytest.mark.parametrize("piece", ["a.", "a-", "1.", ":", "a@", "/a", "sk-", "=", "[", "\u200b"])
def test_no_sentence_keeps_the_rules_busy(piece: str) -> None:
    began = time.process_time()

    message_of(_error(piece * 20_000))

    assert time.process_time() - began < 0.25


@pytest.mark.parametrize(
    ("kind", "failure"),
    [
        (" (context_length_exceeded)", ContextTooLong),
        (" (tokens, rate_limit_exceeded)", UpstreamRateLimited),
        (" (server_error)", UpstreamFailed),
        ("", UpstreamFailed),
    ],
)
def test_an_error_within_an_answer_is_told_by_what_it_calls_itself(
    kind: str, failure: type[Failure]
) -> None:
    assert type(failure_of(kind, "within the answer")) is failure


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"{", ""),
        (b"[" * 100_000, ""),
        (b'{"error":{"code":"x"}}', " (x)"),
        (b'{"error":null,"response":{"error":{"code":"x"}}}', " (x)"),
        (b'{"error":null,"code":"x"}', " (x)"),
    ],
)
def test_an_error_of_a_response_is_found_where_it_stands(data: bytes, kind: str) -> None:
    assert kind_within(data) == kind
