from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.domain.conversation import Citation, State
from tollhouse.domain.deltas import (
    Argued,
    Began,
    Called,
    Cited,
    Counted,
    Declined,
    Delta,
    Said,
    Sealed,
    Stop,
    Stopped,
    Thought,
)
from tollhouse.domain.errors import Failure, UpstreamBroke, UpstreamFailed
from tollhouse.domain.pricing import Kinds, Usage

USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 5,
    "prompt_tokens_details": {"cached_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
STOPPED = Stopped(Stop.END)


def test_a_stream_is_read_piece_by_piece() -> None:
    said = _stream(
        {"id": "u1", "created": 5, "choices": [{"index": 0, "delta": {"role": "assistant"}}]},
        _delta(reasoning_content="hm"),
        _delta(content="a"),
        _delta(content=""),
        _delta(refusal="no"),
        _finish("stop"),
        {"choices": [], "usage": USAGE},
    )

    assert said == [
        *[Began("u1", 5), Thought("hm"), Said("a"), Declined("no"), STOPPED],
        Counted(Usage(7, 5, 2, kinds=Kinds(reasoning=3))),
    ]


@pytest.mark.req("P-15")
def test_parallel_calls_come_in_fragments() -> None:
    said = _stream(
        _calls({"index": 0, "id": "c1", "function": {"name": "f", "arguments": ""}}),
        _calls({"index": 0, "function": {"arguments": '{"a"'}}),
        _calls({"index": 1, "id": "c2", "function": {"name": "g", "arguments": "{}"}}),
        _calls({"index": 0, "function": {"arguments": ":1}"}}),
        _finish("tool_calls"),
    )

    assert said[1:] == [
        *[Called(0, "c1", "f"), Argued(0, '{"a"'), Called(1, "c2", "g"), Argued(1, "{}")],
        *[Argued(0, ":1}"), Stopped(Stop.TOOLS)],
    ]


@pytest.mark.req("P-15")
@pytest.mark.parametrize(
    "calls",
    [
        pytest.param(
            [
                [{"id": "c1", "function": {"name": "f", "arguments": "{}"}}],
                [{"id": "c2", "function": {"name": "g", "arguments": "[]"}}],
            ],
            id="without an index",
        ),
        pytest.param(
            [
                [{"index": 0, "id": "c1", "function": {"name": "f", "arguments": "{}"}}],
                [{"index": 0, "id": "c2", "function": {"name": "g", "arguments": "[]"}}],
            ],
            id="all at one place",
        ),
        pytest.param(
            [
                [
                    {"id": "c1", "function": {"name": "f", "arguments": "{}"}},
                    {"id": "c2", "function": {"name": "g", "arguments": "[]"}},
                ]
            ],
            id="at once",
        ),
        pytest.param(
            [
                [{"index": 0, "id": "c1", "function": {"arguments": "{"}}],
                [{"index": 0, "function": {"name": "f", "arguments": "}"}}],
                [{"index": 1, "id": "c2", "function": {"name": "g", "arguments": "[]"}}],
            ],
            id="the name late",
        ),
        pytest.param(
            [
                [{"index": 0, "id": "c1", "function": {"name": "f", "arguments": "{"}}],
                [{"index": 0, "id": "c1", "function": {"name": "f", "arguments": "}"}}],
                [{"index": 1, "id": "c2", "function": {"name": "g", "arguments": "[]"}}],
            ],
            id="name and id again",
        ),
    ],
)
def test_servers_differ_in_how_they_call(calls: list[list[dict[str, Any]]]) -> None:
    said = _stream(*(_calls(*each) for each in calls), _finish("stop"))

    named = [(each.index, each.id, each.name) for each in said if isinstance(each, Called)]
    assert named == [(0, "c1", "f"), (1, "c2", "g")]
    for index, arguments in ((0, "{}"), (1, "[]")):
        pieces = [each for each in said if isinstance(each, Argued) and each.index == index]
        assert "".join(piece.fragment for piece in pieces) == arguments
    assert said[-1] == Stopped(Stop.TOOLS)


def test_arguments_that_are_an_object_are_its_json() -> None:
    said = _stream(_calls({"index": 0, "function": {"name": "f", "arguments": {"a": 1}}}))

    assert said[1:] == [Called(0, "", "f"), Argued(0, '{"a":1}')]


def test_a_call_of_the_old_form_is_one() -> None:
    said = _stream(
        _delta(function_call={"name": "f", "arguments": "{"}),
        _delta(function_call={"arguments": "}"}),
        _finish("function_call"),
    )

    assert said[1:] == [Called(0, "", "f"), Argued(0, "{"), Argued(0, "}"), Stopped(Stop.TOOLS)]


@pytest.mark.req("P-15")
@pytest.mark.parametrize(
    ("delta", "pieces"),
    [
        ({"reasoning": "hm"}, [Thought("hm")]),
        ({"reasoning": "hm", "reasoning_content": "hm"}, [Thought("hm")]),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                    {"type": "text", "text": "a"},
                ]
            },
            [Thought("hm"), Said("a")],
        ),
        (
            {"annotations": [{"type": "url_citation", "url_citation": {"url": "u", "title": "t"}}]},
            [Cited(Citation("u", "t"))],
        ),
    ],
)
def test_servers_differ_in_how_they_think_and_cite(
    delta: dict[str, Any], pieces: list[Delta]
) -> None:
    assert _stream(_delta(**delta))[1:] == pieces


@pytest.mark.req("P-15")
def test_what_is_to_be_given_back_is_put_together() -> None:
    said = _stream(
        _delta(reasoning_details=[{"type": "reasoning.text", "index": 0, "text": "h"}]),
        _delta(reasoning_details=[{"type": "reasoning.text", "index": 0, "text": "m"}]),
        _delta(reasoning_details=[{"type": "reasoning.encrypted", "index": 1, "data": "?"}]),
        _finish("stop"),
    )

    whole = [
        {"type": "reasoning.text", "index": 0, "text": "hm"},
        {"type": "reasoning.encrypted", "index": 1, "data": "?"},
    ]
    assert said[1:] == [Sealed(State("openai_chat", {"reasoning_details": whole})), STOPPED]


@pytest.mark.parametrize(
    ("choice", "stop"),
    [
        ({"finish_reason": "stop"}, STOPPED),
        ({"finish_reason": "length"}, Stopped(Stop.LENGTH)),
        ({"finish_reason": "content_filter"}, Stopped(Stop.FILTERED)),
        ({"finish_reason": "eos"}, STOPPED),
        ({"finish_reason": "stop", "stop_reason": "###"}, Stopped(Stop.SEQUENCE, "###")),
        ({"finish_reason": "stop", "stop_reason": 128}, STOPPED),
    ],
)
def test_a_stop_is_read(choice: dict[str, Any], stop: Stopped) -> None:
    assert _stream({"choices": [{"delta": {}, **choice}]})[1:] == [stop]


def test_choices_keep_apart() -> None:
    said = _stream(
        {"choices": [{"index": 0, "delta": {"content": "a"}}]},
        {"choices": [{"index": 1, "delta": {"content": "b"}, "finish_reason": "stop"}]},
    )

    assert said[1:] == [Said("a"), Said("b", 1), Stopped(Stop.END, choice=1)]


@pytest.mark.req("P-11")
@pytest.mark.parametrize(
    ("frame", "failure"),
    [
        (b'{"error":{"message":"boom"}}', UpstreamFailed),
        (b'{"error":{"type":"overloaded"},"choices":7}', UpstreamFailed),
        (b"{", UpstreamBroke),
        (b"[]", UpstreamBroke),
        (b'{"choices":[{"delta":{"content":7}}]}', UpstreamBroke),
        (b'{"choices":[{"delta":{"content":"\\ud800"}}]}', UpstreamBroke),
        (b'{"choices":[{"delta":{"content":"\xff"}}]}', UpstreamBroke),
        (b'{"choices":[{"delta":{"tool_calls":[{"custom":{"name":"x"}}]}}]}', UpstreamBroke),
        (b"[" * 100_000, UpstreamBroke),
    ],
)
@pytest.mark.parametrize("is_stream", [True, False])
def test_what_is_no_answer_is_a_failure(
    frame: bytes, failure: type[Failure], is_stream: bool
) -> None:
    reader = OpenAIChat().reader(is_stream=is_stream)
    whole = frame.replace(b'"delta"', b'"message"')

    reader.feed(b"data: " + frame + b"\n\n" if is_stream else whole)
    reader.finish()

    assert type(reader.failure) is failure


@pytest.mark.req("R-10")
@pytest.mark.parametrize(
    ("end", "is_whole"), [(b"data: [DONE]\n\n", True), (b"data: [DONE]", True), (b"", False)]
)
def test_an_end_without_a_reason_is_one_and_no_end_is_none(end: bytes, is_whole: bool) -> None:
    reader = OpenAIChat().reader(is_stream=True)

    reader.feed(_framed(_delta(content="a")) + end)
    reader.finish()

    assert (reader.failure is None) is is_whole


def test_an_answer_in_one_piece_is_read_alike() -> None:
    message = {
        "content": "a",
        "refusal": None,
        "annotations": [],
        "reasoning_content": "hm",
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            {"id": "c2", "type": "function", "function": {"name": "f", "arguments": ""}},
        ],
    }
    answer = {
        "id": "u1",
        "created": 5,
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
        "usage": USAGE,
    }
    reader = OpenAIChat().reader(is_stream=False)

    reader.feed(json.dumps(answer).encode())

    assert reader.finish() == [
        *[Began("u1", 5), Thought("hm"), Said("a"), Called(0, "c1", "f"), Argued(0, "{}")],
        *[
            Called(1, "c2", "f"),
            Stopped(Stop.TOOLS),
            Counted(Usage(7, 5, 2, kinds=Kinds(reasoning=3))),
        ],
    ]


def _stream(*events: dict[str, Any]) -> Sequence[Delta]:
    reader = OpenAIChat().reader(is_stream=True)
    pieces = [*reader.feed(b"".join(map(_framed, events))), *reader.feed(b"data: [DONE]\n\n")]
    assert reader.failure is None
    return pieces


def _framed(event: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def _delta(**said: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": said, "finish_reason": None}]}


def _calls(*calls: dict[str, Any]) -> dict[str, Any]:
    return _delta(tool_calls=list(calls))


def _finish(reason: str) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}
