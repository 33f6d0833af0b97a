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


def _call(
    index: int | None, call_id: str | None, name: str | None, arguments: str | None
) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"index": index, "id": call_id, "function": function}


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


@pytest.mark.req("P-15")
@pytest.mark.parametrize(
    ("calls", "pieces"),
    [
        pytest.param(
            [[_call(0, None, "f", "{")], [_call(0, None, "f", "}")]],
            [Called(0, "", "f"), Argued(0, "{"), Argued(0, "}")],
            id="the name again with each piece",
        ),
        pytest.param(
            [[_call(0, "c1", "f", "{")], [_call(0, "c2", None, "}")]],
            [Called(0, "c1", "f"), Argued(0, "{"), Argued(0, "}")],
            id="another id with each piece",
        ),
        pytest.param(
            [[_call(0, "c1", None, None)], [_call(0, "c2", "f", None)]],
            [Called(0, "c1", "f")],
            id="a name after the id",
        ),
        pytest.param(
            [[{"index": 0, "id": "c1"}], [_call(0, None, "f", "{}")]],
            [Called(0, "c1", "f"), Argued(0, "{}")],
            id="an id alone",
        ),
        pytest.param(
            [[_call(None, "c1", "f", None)], [_call(None, "c2", "g", None)], [_call(None, None, None, "{}")]],
            [Called(0, "c1", "f"), Called(1, "c2", "g"), Argued(1, "{}")],
            id="pieces of the latest, without an index",
        ),
        pytest.param(
            [[_call(None, None, "f", "1"), _call(None, None, "g", "2")]],
            [Called(0, "", "f"), Argued(0, "1"), Called(1, "", "g"), Argued(1, "2")],
            id="two at once without an id or an index",
        ),
        pytest.param(
            [
                [_call(None, None, "f", "1"), _call(None, None, "g", "2")],
                [_call(None, None, None, "3")],
            ],
            [Called(0, "", "f"), Argued(0, "1"), Called(1, "", "g"), Argued(1, "2"), Argued(1, "3")],
            id="a piece of the latest of two at once",
        ),
        pytest.param(
            [[{"id": "c1"}], [_call(None, "c2", "g", None)]],
            [Called(1, "c2", "g")],
            id="one that never gets a name",
        ),
    ],
)  # fmt: skip
def test_whose_a_piece_is_can_be_told(
    calls: list[list[dict[str, Any]]], pieces: list[Delta]
) -> None:
    assert _stream(*[_calls(*each) for each in calls])[1:] == pieces


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
                    {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}, {}]},
                    {"type": "text", "text": "a"},
                ]
            },
            [Thought("hm"), Said("a")],
        ),
        ({"content": [{"type": "thinking", "thinking": "hm"}]}, [Thought("hm")]),
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
    ("first", "then", "whole"), [("h", None, "h"), ("h", 7, 7), (7, "h", "h"), (None, "h", "h")]
)
def test_only_texts_are_put_together(first: object, then: object, whole: object) -> None:
    said = _stream(
        _delta(reasoning_details=[{"text": first}]),
        _delta(reasoning_details=[{"text": then}]),
        _finish("stop"),
    )

    assert said[1] == Sealed(State("openai_chat", {"reasoning_details": [{"text": whole}]}))


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


@pytest.mark.parametrize(
    ("reason", "stop"), [("stop", Stop.TOOLS), ("tool_calls", Stop.TOOLS), ("length", Stop.LENGTH)]
)
def test_a_call_that_was_cut_short_was_not_made(reason: str, stop: Stop) -> None:
    said = _stream(_calls(_call(0, "c1", "f", "{")), _finish(reason))

    assert said[-1] == Stopped(stop)


def test_an_answer_that_was_cut_short_did_not_stop_by_itself() -> None:
    cut = {"delta": {}, "finish_reason": "length", "stop_reason": "###"}

    assert _stream({"choices": [cut]})[-1] == Stopped(Stop.LENGTH)


def test_a_choice_stops_once() -> None:
    assert _stream(_finish("stop"), _finish("length"))[1:] == [STOPPED]


def test_an_answer_begins_with_what_says_something_of_it() -> None:
    nothing: dict[str, Any] = {"choices": []}

    assert _stream(nothing, {"id": "u1", "choices": []}) == [Began("u1")]
    assert _stream(nothing, _delta(content="a")) == [Began(""), Said("a")]
    assert _stream({"usage": USAGE}) == [Counted(Usage(7, 5, 2, kinds=Kinds(reasoning=3)))]


def test_once_it_has_stopped_its_end_is_not_missed() -> None:
    reader = OpenAIChat().reader(is_stream=True)

    reader.feed(_framed(_finish("stop")))
    reader.finish()

    assert reader.failure is None


@pytest.mark.req("P-11")
def test_what_is_to_be_given_back_may_be_of_no_form() -> None:
    details: list[dict[str, Any]] = [{"type": [], "index": {}}, {"type": [], "index": {}}, {}]

    said = _stream(_delta(reasoning_details=details), _finish("stop"))

    assert said[1:] == [Sealed(State("openai_chat", {"reasoning_details": details[1:]})), STOPPED]


@pytest.mark.parametrize("answer", [{}, {"choices": None}, {"id": "u1", "usage": USAGE}])
def test_an_answer_in_one_piece_has_choices(answer: dict[str, Any]) -> None:
    reader = OpenAIChat().reader(is_stream=False)

    reader.feed(json.dumps(answer).encode())
    reader.finish()

    assert isinstance(reader.failure, UpstreamBroke)


def test_a_choice_in_one_piece_may_say_nothing() -> None:
    reader = OpenAIChat().reader(is_stream=False)

    reader.feed(b'{"choices":[{"finish_reason":"length"}]}')

    assert reader.finish() == [Began(""), Stopped(Stop.LENGTH)]


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
