from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from pipeline.houses import planned
from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.domain.conversation import Citation, Reasoning, State
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
from tollhouse.domain.pricing import Kinds, Usage

COUNTED = Counted(Usage(7, 5, 2, 1, kinds=Kinds(reasoning=3)))
USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 5,
    "total_tokens": 15,
    "prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
STATE = State("elsewhere", {"signature": "s"})
ANSWER: list[Delta] = [
    Began("upstream-1", 1),
    Thought("hm"),
    Sealed(STATE),
    Said("a"),
    Cited(Citation("https://x/", "X", start=0, end=1)),
    Called(3, "c1", "f"),
    Argued(3, "{}"),
    Called(7, "c2", "g"),
    Stopped(Stop.TOOLS),
    COUNTED,
]


@pytest.mark.req("R-9", "R-15")
def test_a_stream_has_every_member_that_clients_need() -> None:
    chunks = _stream(ANSWER)

    assert [chunk.pop("choices")[0]["delta"] for chunk in chunks] == [
        {"role": "assistant", "reasoning_content": "hm"},
        {"reasoning_details": [_sealed("hm")]},
        {"content": "a"},
        {"annotations": [_annotation()]},
        {"tool_calls": [{"index": 0, **_call("c1", "f", "")}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
        {"tool_calls": [{"index": 1, **_call("c2", "g", "")}]},
        {},
    ]
    head = {"id": "chatcmpl-r", "object": "chat.completion.chunk", "created": 7, "model": "m"}
    assert all(chunk == head for chunk in chunks)


@pytest.mark.req("R-10")
def test_the_last_chunk_has_the_reason_and_the_others_none() -> None:
    choices = [chunk["choices"][0] for chunk in _stream([Said("a"), Stopped(Stop.END)])]

    assert [choice["finish_reason"] for choice in choices] == [None, "stop"]
    assert all(choice["index"] == 0 for choice in choices)


def test_an_answer_without_words_has_content_all_the_same() -> None:
    chunks = _stream([Began(), Stopped(Stop.END)])

    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}


@pytest.mark.req("R-9")
def test_usage_comes_in_a_chunk_of_its_own_when_it_was_asked_for() -> None:
    chunks = _stream([Said("a"), Stopped(Stop.END), COUNTED], wants_usage=True)

    assert [chunk["usage"] for chunk in chunks] == [None, None, USAGE]
    assert chunks[-1]["choices"] == []


def test_choices_take_turns() -> None:
    chunks = _stream([Said("a"), Said("b", 1), Stopped(Stop.END, choice=1), Stopped(Stop.END)])

    found = [(each["choices"][0]["index"], each["choices"][0]["delta"]) for each in chunks]
    assert found == [
        (0, {"role": "assistant", "content": "a"}),
        (1, {"role": "assistant", "content": "b"}),
        (1, {}),
        (0, {}),
    ]


@pytest.mark.parametrize("text", ["\x85", "\u2028", "\u2029", "ä\n\r\n", '"\\', "\0"])
def test_each_chunk_is_one_line_for_every_reader(text: str) -> None:
    said = _written([Said(text), Stopped(Stop.END)], is_stream=True).decode()

    assert len(said.splitlines()) == 6
    assert json.loads(said.splitlines()[0][6:])["choices"][0]["delta"]["content"] == text


@pytest.mark.req("P-15")
def test_an_answer_in_one_piece_has_all_of_it() -> None:
    answer = _whole(ANSWER)

    assert answer == {
        "id": "chatcmpl-r",
        "object": "chat.completion",
        "created": 7,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "a",
                    "refusal": None,
                    "annotations": [_annotation()],
                    "reasoning_content": "hm",
                    "reasoning_details": [_sealed("hm")],
                    "tool_calls": [_call("c1", "f", "{}"), _call("c2", "g", "")],
                },
                "logprobs": None,
                "finish_reason": "tool_calls",
            }
        ],
        "usage": USAGE,
    }


@pytest.mark.parametrize(
    ("said", "content", "refusal"),
    [
        ([], "", None),
        ([Said("a"), Said("b")], "ab", None),
        ([Declined("n"), Declined("o")], None, "no"),
        ([Called(0, "c", "f")], None, None),
    ],
)
def test_content_is_null_where_something_else_was_said(
    said: list[Delta], content: str | None, refusal: str | None
) -> None:
    message = _whole([*said, Stopped(Stop.END)])["choices"][0]["message"]

    assert (message["content"], message["refusal"]) == (content, refusal)


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        (Stop.END, "stop"),
        (Stop.SEQUENCE, "stop"),
        (Stop.PAUSED, "stop"),
        (Stop.LENGTH, "length"),
        (Stop.TOOLS, "tool_calls"),
        (Stop.FILTERED, "content_filter"),
        (Stop.REFUSED, "content_filter"),
    ],
)
@pytest.mark.parametrize("is_stream", [True, False])
def test_every_stop_has_a_reason(stop: Stop, reason: str, is_stream: bool) -> None:
    said = [Said("a"), Stopped(stop)]

    answer = _stream(said)[-1] if is_stream else _whole(said)

    assert answer["choices"][0]["finish_reason"] == reason


@pytest.mark.req("P-15")
@pytest.mark.parametrize("is_stream", [True, False])
def test_a_state_comes_back_with_its_thought(is_stream: bool) -> None:
    said = [Thought("a"), Thought("b"), Sealed(STATE), Sealed(STATE), Thought("c"), Said("d")]
    if is_stream:
        deltas = [chunk["choices"][0]["delta"] for chunk in _stream([*said, Stopped(Stop.END)])]
    else:
        deltas = [_whole([*said, Stopped(Stop.END)])["choices"][0]["message"]]

    given_back = {
        "role": "assistant",
        "content": "d",
        "reasoning_content": "".join(each.get("reasoning_content", "") for each in deltas),
        "reasoning_details": [
            each for delta in deltas for each in delta.get("reasoning_details", [])
        ],
    }
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}, given_back]}
    answer = OpenAIChat().decode(json.dumps(body).encode()).messages[1]

    assert answer.parts[:3] == (Reasoning("ab", STATE), Reasoning("", STATE), Reasoning("c"))


def _stream(deltas: Sequence[Delta], *, wants_usage: bool = False) -> list[dict[str, Any]]:
    *chunks, done, rest = _written(deltas, is_stream=True, wants_usage=wants_usage).split(b"\n\n")
    assert (done, rest) == (b"data: [DONE]", b"")
    return [json.loads(chunk.removeprefix(b"data: ")) for chunk in chunks]


def _whole(deltas: Sequence[Delta]) -> Any:
    return json.loads(_written(deltas, is_stream=False))


def _written(deltas: Sequence[Delta], *, is_stream: bool, wants_usage: bool = False) -> bytes:
    ask = replace(planned(is_stream=is_stream).ask, wants_usage=wants_usage)
    writer = OpenAIChat().writer(ask, "r", 7)
    return b"".join(writer.write([delta]) for delta in deltas) + writer.finish()


def _call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _sealed(thought: str) -> dict[str, Any]:
    data = {"dialect": STATE.dialect, "raw": STATE.raw, "text": thought}
    return {
        "type": "reasoning.encrypted",
        "format": "tollhouse",
        "index": 0,
        "data": json.dumps(data, separators=(",", ":")),
    }


def _annotation() -> dict[str, Any]:
    cited = {"url": "https://x/", "title": "X", "start_index": 0, "end_index": 1}
    return {"type": "url_citation", "url_citation": cited}
