"""An Ollama answer, read into pieces of no dialect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tollhouse.dialects.ollama_chat import OllamaChat
from tollhouse.domain.deltas import (
    Argued,
    Began,
    Called,
    Counted,
    Delta,
    Said,
    Stop,
    Stopped,
    Thought,
)
from tollhouse.domain.errors import Failure, UpstreamBroke, UpstreamFailed
from tollhouse.domain.pricing import Usage
from tollhouse.ports import Reader

END: dict[str, Any] = {"done": True, "done_reason": "stop", "prompt_eval_count": 9, "eval_count": 2}
ANSWER = b"".join(
    json.dumps(
        {"model": "m-real", "created_at": "x", "done": False, **each}, ensure_ascii=False
    ).encode()
    + b"\n"
    for each in (
        {"message": {"role": "assistant", "content": "", "thinking": "Hm"}},
        {"message": {"role": "assistant", "content": "é"}},
        {
            "message": {
                "content": "",
                "tool_calls": [{"function": {"name": "a", "arguments": {"x": [1]}}}],
            }
        },
        {"message": {"content": "", "tool_calls": [{"id": "c", "function": {"name": "b"}}]}},
        {"message": {"role": "assistant", "content": ""}, **END},
    )
)
PIECES = [
    Began(),
    Thought("Hm"),
    Said("é"),
    Called(0, "", "a"),
    Argued(0, '{"x": [1]}'),
    Called(1, "c", "b"),
    Argued(1, "{}"),
    Counted(Usage(9, 2)),
    Stopped(Stop.TOOLS),
]


@pytest.mark.req("OL-39")
@pytest.mark.parametrize("cut", range(len(ANSWER) + 1))
def test_where_an_answer_is_cut_changes_nothing(cut: int) -> None:
    assert _read(ANSWER[:cut], ANSWER[cut:]) == PIECES


def test_an_answer_in_one_piece_reads_alike() -> None:
    said = {"message": {"role": "assistant", "content": "4", "thinking": "2+2"}, **END}
    reader = OllamaChat().reader(is_stream=False)

    for byte in json.dumps(said, indent=1).encode():
        assert reader.feed(bytes([byte])) == ()

    assert reader.finish() == [
        *(Began(), Thought("2+2"), Said("4"), Counted(Usage(9, 2)), Stopped(Stop.END)),
    ]


def test_a_generated_answer_reads_alike() -> None:
    assert _read(_line(response="4", thinking="Hm"), _line(response="", **END))[1:3] == [
        *(Thought("Hm"), Said("4")),
    ]


@pytest.mark.parametrize(
    ("reason", "stop"),
    [("stop", Stop.END), ("length", Stop.LENGTH), (None, Stop.END), ("load", Stop.END)],
)
def test_why_it_ended(reason: str | None, stop: Stop) -> None:
    assert _read(_line(message={}, **{**END, "done_reason": reason}))[-1] == Stopped(stop)


@pytest.mark.req("P-7")
@pytest.mark.parametrize(
    "counts",
    [
        {},
        {"eval_count": 2},
        {"prompt_eval_count": 2},
        {"eval_count": 10**13, "prompt_eval_count": 1},
    ],
)
def test_counts_that_are_not_whole_count_for_nothing(counts: dict[str, int]) -> None:
    deltas = _read(_line(message={}, done=True, **counts))

    assert not any(isinstance(delta, Counted) for delta in deltas)


def test_arguments_as_a_text_are_that_text() -> None:
    calls = [{"function": {"name": "a", "arguments": '{"x":1}'}}]

    assert Argued(0, '{"x":1}') in _read(
        _line(message={"tool_calls": calls}), _line(message={}, **END)
    )


@pytest.mark.req("R-10", "S-71")
def test_an_end_that_was_not_seen_is_none() -> None:
    reader = OllamaChat().reader(is_stream=True)
    assert reader.feed(_line(message={"content": "x"})) == [Began(), Said("x")]
    reader.finish()

    assert isinstance(reader.failure, UpstreamBroke)


@pytest.mark.req("S-71")
@pytest.mark.parametrize(
    ("line", "failure"),
    [
        (b'{"error":"out of memory at 10.0.0.1"}', UpstreamFailed),
        (b'{"error":{"message":"x"}}', UpstreamFailed),
        (b"not json", UpstreamBroke),
        (b'{"message":"x"}', UpstreamBroke),
        (b'{"message":{"content":["x"]}}', UpstreamBroke),
        (b'{"message":{"tool_calls":[{}]}}', UpstreamBroke),
        (b'{"message":{"content":"\xff"}}', UpstreamBroke),
        (b'{"x":"\xff","message":{}}', UpstreamBroke),
        (b'{"message":{},"done":"yes"}', UpstreamBroke),
        (b'{"message":{"content":' + b"[" * 100_000, UpstreamBroke),
        (b"[1]", UpstreamBroke),
    ],
)
def test_what_came_before_a_failure_has_come(line: bytes, failure: type[Failure]) -> None:
    reader = OllamaChat().reader(is_stream=True)

    deltas = reader.feed(_line(message={"content": "x"}) + line + b"\n" + _line(message={}, **END))

    assert list(deltas) == [Began(), Said("x")]
    assert isinstance(reader.failure, failure)
    assert "10.0.0.1" not in reader.failure.detail
    assert not reader.feed(_line(message={}, **END))


@pytest.mark.req("S-71")
def test_nothing_comes_after_the_end() -> None:
    reader = OllamaChat().reader(is_stream=True)
    reader.feed(_line(message={}, **END) + _line(message={"content": "more"}))

    assert reader.is_over
    assert not reader.feed(_line(message={"content": "more"}))
    assert not reader.finish()


def test_lines_that_say_nothing_of_an_answer_stay_behind() -> None:
    assert _read(b'\n{"status":"loading"}\n' + _line(message={}, **END))[0] == Began()
    assert OllamaChat().reader(is_stream=True).feed(b'{"status":"loading"}\n') == []


def test_a_line_that_only_ends_the_answer_is_one() -> None:
    assert _read(_line(done=True)) == [Began(), Stopped(Stop.END)]


@pytest.mark.req("P-11")
@pytest.mark.parametrize(
    ("heard", "said", "usage"),
    [
        (10**12, 10**12, Usage(10**12, 10**12)),
        (10**12 + 1, 1, None),
        (1, 10**12 + 1, None),
        (-1, 2, Usage(0, 2)),
        (9, -1, Usage(9, 0)),
    ],
)
def test_a_count_at_its_bound_is_one(heard: int, said: int, usage: Usage | None) -> None:
    deltas = _read(_line(message={}, done=True, prompt_eval_count=heard, eval_count=said))

    counted = [delta.usage for delta in deltas if isinstance(delta, Counted)]
    assert counted == ([usage] if usage else [])


def test_an_answer_in_one_piece_must_be_done() -> None:
    reader = OllamaChat().reader(is_stream=False)
    reader.feed(_line(message={"content": "x"}))
    reader.finish()

    assert isinstance(reader.failure, UpstreamBroke)


def _read(*pieces: bytes) -> list[Delta]:
    reader: Reader = OllamaChat().reader(is_stream=True)
    deltas = [delta for piece in pieces for delta in reader.feed(piece)]
    return [*deltas, *reader.finish()]


def _line(**members: Any) -> bytes:
    return json.dumps(members).encode() + b"\n"
