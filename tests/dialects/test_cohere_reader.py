"""What Cohere answers, event by event: what is an answer is read, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from scripts.fidelity.cohere import event

from tollhouse.dialects.cohere_chat import CohereChat
from tollhouse.domain.conversation import Citation
from tollhouse.domain.deltas import (
    Argued,
    Began,
    Called,
    Cited,
    Counted,
    Delta,
    Said,
    Stop,
    Stopped,
    Thought,
)
from tollhouse.domain.errors import Failure, UpstreamBroke, UpstreamFailed, UpstreamTimeout
from tollhouse.domain.pricing import Usage
from tollhouse.ports import Reader

BEGIN = event("message-start", {"message": {"role": "assistant"}}, id="c1")
USAGE = {
    "billed_units": {"input_tokens": 9.0, "output_tokens": 2.0},
    "tokens": {"input_tokens": 509.0, "output_tokens": 3.0},
}
END = event("message-end", {"finish_reason": "COMPLETE", "usage": USAGE})
COUNTED = Counted(Usage(9, 2))


def words(**content: str) -> bytes:
    return event("content-delta", {"message": {"content": content}}, 0)


def call(kind: str, index: int, **said: Any) -> bytes:
    return event(f"tool-call-{kind}", {"message": {"tool_calls": said}} if said else {}, index)


def test_words_and_thoughts_come_in_pieces() -> None:
    start = event("content-start", {"message": {"content": {"type": "text", "text": "h"}}}, 0)

    reader, deltas = read(BEGIN, words(thinking="hm"), start, words(text="i"), END)

    assert deltas == [
        Began("c1"),
        Thought("hm"),
        Said("h"),
        Said("i"),
        Stopped(Stop.END),
        COUNTED,
    ]
    assert (reader.is_over, reader.failure) == (True, None)


def test_a_plan_is_a_thought_and_calls_take_turns() -> None:
    _, deltas = read(
        BEGIN,
        event("tool-plan-delta", {"message": {"tool_plan": "look first"}}),
        call("start", 0, id="t1", function={"name": "look", "arguments": ""}),
        call("start", 1, id="t2", function={"name": "find", "arguments": ""}),
        call("start", 2, id="t3", function={"name": "keep", "arguments": ""}),
        call("delta", 1, function={"arguments": '{"q"'}),
        call("delta", 0, function={"arguments": "{}"}),
        call("delta", 1, function={"arguments": ":1}"}),
        call("end", 0),
        call("end", 2),
        event("message-end", {"finish_reason": "TOOL_CALL", "usage": USAGE}),
    )

    assert deltas[1:-1] == [
        Thought("look first"),
        Called(0, "t1", "look"),
        Called(1, "t2", "find"),
        Called(2, "t3", "keep"),
        Argued(1, '{"q"'),
        Argued(0, "{}"),
        Argued(1, ":1}"),
        Argued(2, "{}"),
        Stopped(Stop.TOOLS),
    ]


def test_a_call_that_was_not_closed_is_closed_by_the_end() -> None:
    _, deltas = read(BEGIN, call("start", 0, id="t1", function={"name": "look"}), END)

    assert deltas[1:4] == [Called(0, "t1", "look"), Argued(0, "{}"), Stopped(Stop.END)]


@pytest.mark.parametrize(
    ("events", "pieces"),
    [
        ([event("content-delta", {})], []),
        ([b'data: {"type":"content-delta","index":0}\n\n'], []),
        ([event("content-delta", {"message": None})], []),
        ([event("citation-start", {"message": {"citations": {}}})], [Cited(Citation())]),
        ([event("tool-call-start", {"message": None}, 0)], [Called(0, "", ""), Argued(0, "{}")]),
        ([call("start", 0)], [Called(0, "", ""), Argued(0, "{}")]),
        ([call("start", 0, function=None)], [Called(0, "", ""), Argued(0, "{}")]),
        ([call("start", 0, function={}), call("delta", 0)], [Called(0, "", ""), Argued(0, "{}")]),
    ],
)
def test_events_may_say_little(events: list[bytes], pieces: list[Delta]) -> None:
    reader, deltas = read(BEGIN, *events, END)

    assert reader.failure is None
    assert deltas == [Began("c1"), *pieces, Stopped(Stop.END), COUNTED]


@pytest.mark.parametrize(
    ("message", "pieces"),
    [
        ({}, []),
        ({"citations": [{}]}, [Cited(Citation())]),
        ({"tool_calls": [{}]}, [Called(0, "", ""), Argued(0, "{}")]),
        ({"tool_calls": [{"function": {}}]}, [Called(0, "", ""), Argued(0, "{}")]),
    ],
)
def test_a_message_may_say_little(message: dict[str, Any], pieces: list[Delta]) -> None:
    reader, deltas = read_whole({"message": message, "finish_reason": "COMPLETE"})

    assert reader.failure is None
    assert deltas == [Began(), *pieces, Stopped(Stop.END)]
    assert read(event("message-start", {}))[1] == [Began()]


def test_citations_say_where() -> None:
    source = {
        "type": "document",
        "id": "d",
        "document": {"url": "https://example.com/", "title": "E"},
    }
    cited = {"start": 1, "end": 3, "text": "so", "sources": [{"type": "tool"}, source]}

    _, deltas = read(BEGIN, event("citation-start", {"message": {"citations": cited}}, 0), END)

    assert deltas[1] == Cited(Citation("https://example.com/", "E", "so", 1, 3))


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("COMPLETE", Stop.END),
        ("STOP_SEQUENCE", Stop.SEQUENCE),
        ("MAX_TOKENS", Stop.LENGTH),
        ("TOOL_CALL", Stop.TOOLS),
        ("ERROR_TOXIC", Stop.FILTERED),
        ("SOMETHING_NEW", Stop.END),
    ],
)
def test_each_end_has_its_reason(reason: str, expected: Stop) -> None:
    _, deltas = read(BEGIN, event("message-end", {"finish_reason": reason}))
    _, whole = read_whole({"message": {"content": []}, "finish_reason": reason})

    assert deltas == [Began("c1"), Stopped(expected)]
    assert whole == [Began(), Stopped(expected)]


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ({"finish_reason": "ERROR", "error": "sk-x"}, UpstreamFailed),
        ({"finish_reason": "COMPLETE", "error": "sk-x"}, UpstreamFailed),
        ({"finish_reason": "ERROR_LIMIT"}, UpstreamFailed),
        ({"finish_reason": "TIMEOUT"}, UpstreamTimeout),
        ({}, UpstreamFailed),
    ],
)
def test_an_end_that_is_an_error_is_none(end: dict[str, Any], expected: type[Failure]) -> None:
    reader, deltas = read(BEGIN, words(text="hi"), event("message-end", end))

    assert deltas == [Began("c1"), Said("hi")]
    assert type(reader.failure) is expected
    assert "sk-x" not in str(reader.failure) + str(reader.failure.private)


def test_events_of_other_kinds_say_nothing() -> None:
    reader, deltas = read(BEGIN, event("debug", {"prompt": "secret"}), b": ping\n\n", END)

    assert deltas == [Began("c1"), Stopped(Stop.END), COUNTED]
    assert reader.failure is None


def test_a_stream_without_its_end_has_none() -> None:
    reader, _ = read(BEGIN, words(text="hi"))

    assert isinstance(reader.failure, UpstreamBroke)


@pytest.mark.parametrize(
    "data",
    [b"data: {\n\n", b'data: {"type":"content-delta","delta":{"message":7}}\n\n', b"data: []\n\n"],
)
def test_what_is_not_of_its_form_ends_the_stream(data: bytes) -> None:
    reader, deltas = read(BEGIN, data, END)

    assert deltas == [Began("c1")]
    assert isinstance(reader.failure, UpstreamBroke)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"tokens": {"input_tokens": 5, "output_tokens": 1}}, [Counted(Usage(5, 1))]),
        ({"billed_units": {"input_tokens": 5}}, []),
        ({"billed_units": {"output_tokens": 5}}, []),
        ({"billed_units": {"input_tokens": 5, "output_tokens": -1}}, []),
        ({"billed_units": {"input_tokens": 0, "output_tokens": 1e12}}, [Counted(Usage(0, 10**12))]),
        ({"billed_units": {"input_tokens": 1e12, "output_tokens": 0}}, [Counted(Usage(10**12))]),
        ({"billed_units": {"input_tokens": -5, "output_tokens": 1}}, []),
        ({"billed_units": {"input_tokens": 1e15, "output_tokens": 1}}, []),
        ({}, []),
    ],
)
def test_a_count_is_believed_or_none(usage: dict[str, Any], expected: list[Delta]) -> None:
    _, deltas = read(event("message-end", {"finish_reason": "COMPLETE", "usage": usage}))

    assert deltas == [Stopped(Stop.END), *expected]


def test_a_whole_answer_says_the_same() -> None:
    function = {"name": "look", "arguments": '{"at":1}'}
    _, deltas = read_whole(
        {
            "id": "c1",
            "finish_reason": "TOOL_CALL",
            "usage": USAGE,
            "message": {
                "role": "assistant",
                "tool_plan": "look first",
                "content": [
                    {"type": "thinking", "thinking": "hm"},
                    {"type": "text", "text": "hi"},
                ],
                "citations": [{"start": 0, "end": 2, "text": "hi", "sources": []}],
                "tool_calls": [
                    {"id": "t1", "type": "function", "function": function},
                    {"id": "t2", "type": "function", "function": {"name": "find"}},
                ],
            },
        }
    )

    assert deltas == [
        Began("c1"),
        Thought("look first"),
        Thought("hm"),
        Said("hi"),
        Cited(Citation(None, None, "hi", 0, 2)),
        Called(0, "t1", "look"),
        Argued(0, '{"at":1}'),
        Called(1, "t2", "find"),
        Argued(1, "{}"),
        Stopped(Stop.TOOLS),
        COUNTED,
    ]


@pytest.mark.parametrize("body", [[], {}, {"message": {}}, {"finish_reason": "COMPLETE"}, 7])
def test_what_is_no_whole_answer_is_none(body: Any) -> None:
    reader, deltas = read_whole(body)

    assert deltas == []
    assert isinstance(reader.failure, UpstreamBroke)


def test_a_refusal_is_told_in_our_words() -> None:
    dialect = CohereChat()
    said = b'{"message":"too many tokens: 9 > 8, key sk-abcDEF123456789"}'

    told = dialect.error_message(said)

    assert told is not None
    assert "too many tokens" in told
    assert "sk-abc" not in told
    assert dialect.error_kind(said) == " (context_length_exceeded)"


def read(*events: bytes) -> tuple[Reader, Sequence[Delta]]:
    reader = CohereChat().reader(is_stream=True)
    deltas = [each for it in events for each in reader.feed(it)]
    return reader, [*deltas, *([] if reader.is_over or reader.failure else reader.finish())]


def read_whole(body: Any) -> tuple[Reader, Sequence[Delta]]:
    reader = CohereChat().reader(is_stream=False)
    reader.feed(json.dumps(body).encode())
    return reader, list(reader.finish())
