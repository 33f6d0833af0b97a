"""An answer as Ollama's clients read it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.dialects.ollama_chat import OllamaChat
from tollhouse.dialects.ollama_dialect import Ollama
from tollhouse.dialects.ollama_generate import OllamaGenerate
from tollhouse.domain.deltas import (
    Argued,
    Began,
    Called,
    Counted,
    Declined,
    Delta,
    Said,
    Stop,
    Stopped,
    Thought,
)
from tollhouse.domain.pricing import Usage

BEGAN_S = 1_795_000_000
NOW = "2026-11-18T11:06:40"
USAGE = Counted(Usage(input=6, output=2, cache_read=3))


@pytest.mark.req("OL-39", "R-16")
def test_each_piece_is_a_line_and_the_last_one_is_done() -> None:
    lines = _streamed(Began(), Said("He"), Said("llo"), USAGE, Stopped(Stop.END))

    assert [line["message"] for line in lines] == [
        {"role": "assistant", "content": "He"},
        {"role": "assistant", "content": "llo"},
        {"role": "assistant", "content": ""},
    ]
    assert [line["done"] for line in lines] == [False, False, True]
    assert {line["model"] for line in lines} == {"m:latest"}
    assert all(line["created_at"].startswith(NOW) for line in lines)
    assert lines[-1]["done_reason"] == "stop"


@pytest.mark.req("OL-39", "P-7")
def test_the_last_line_counts_and_measures() -> None:
    last = _streamed(Began(), Said("Hello"), USAGE, Stopped(Stop.LENGTH))[-1]

    assert last["done_reason"] == "length"
    assert (last["prompt_eval_count"], last["eval_count"]) == (9, 2)
    durations = [last["prompt_eval_duration"], last["eval_duration"], last["load_duration"]]
    assert last["total_duration"] == sum(durations) > 0


def test_what_was_not_counted_is_not_told() -> None:
    last = _streamed(Said("Hello"), Stopped(Stop.END))[-1]

    assert "eval_count" not in last
    assert last["total_duration"] > 0


@pytest.mark.req("R-15", "OL-37", "OL-39")
def test_calls_in_fragments_become_whole_ones_with_objects() -> None:
    lines = _streamed(
        *(
            Called(0, "c0", "look"),
            Argued(0, '{"at"'),
            Called(1, "c1", "wait"),
            Argued(0, ":\n[1]}"),
        ),
        *(Argued(1, ""), USAGE, Stopped(Stop.TOOLS)),
    )

    assert [line["message"].get("tool_calls") for line in lines] == [
        [{"id": "c0", "function": {"index": 0, "name": "look", "arguments": {"at": [1]}}}],
        [{"id": "c1", "function": {"index": 1, "name": "wait", "arguments": {}}}],
        None,
    ]
    assert lines[-1]["done_reason"] == "stop"


@pytest.mark.req("R-15")
@pytest.mark.parametrize("written", ['{"at": ', "[1]", '"x"', "NaN", "{'a': 1}", "[" * 100_000])
def test_arguments_that_are_no_object_are_passed_as_the_text_they_are(written: str) -> None:
    (call, _) = _streamed(Called(0, "c", "look"), Argued(0, written), Stopped(Stop.TOOLS))

    arguments = call["message"]["tool_calls"][0]["function"]["arguments"]
    assert arguments == {"_not_an_object": written}


def test_thoughts_stand_apart_and_a_refusal_is_what_the_model_said() -> None:
    lines = _streamed(Thought("Hm"), Declined("No."), Stopped(Stop.REFUSED))

    assert lines[0]["message"] == {"role": "assistant", "content": "", "thinking": "Hm"}
    assert lines[1]["message"] == {"role": "assistant", "content": "No."}


@pytest.mark.req("OL-35")
def test_an_answer_in_one_piece_is_the_last_line_with_all_its_words() -> None:
    (said,) = _written(
        OllamaChat(lambda: BEGAN_S * 10**9 + 1),
        [
            Thought("H"),
            Thought("m"),
            Said("He"),
            Said("llo"),
            Called(0, "c", "f"),
            USAGE,
            Stopped(Stop.TOOLS),
        ],
        is_stream=False,
    )

    assert said["message"] == {
        "role": "assistant",
        "content": "Hello",
        "thinking": "Hm",
        "tool_calls": [{"id": "c", "function": {"index": 0, "name": "f", "arguments": {}}}],
    }
    assert (said["done"], said["eval_count"], said["eval_duration"]) == (True, 2, 1)


@pytest.mark.req("OL-35", "OL-39")
def test_a_generated_answer_has_its_words_beside_the_rest() -> None:
    dialect = OllamaGenerate(lambda: BEGAN_S * 10**9)
    deltas = [Thought("Hm"), Said("Hello"), USAGE, Stopped(Stop.END)]

    *lines, last = _written(dialect, deltas, is_stream=True)
    (whole,) = _written(dialect, deltas, is_stream=False)

    assert [(line["response"], line.get("thinking")) for line in lines] == [
        ("", "Hm"),
        ("Hello", None),
    ]
    assert (last["response"], last["done"], last["eval_count"]) == ("", True, 2)
    assert (whole["response"], whole["thinking"], whole["done"]) == ("Hello", "Hm", True)
    assert "message" not in whole


@given(st.lists(st.text(min_size=1), max_size=20))
def test_a_line_is_one_for_every_reader(texts: list[str]) -> None:
    dialect = OllamaChat(lambda: BEGAN_S * 10**9)
    ask = dialect.peek(b'{"model":"m","messages":[{"role":"user","content":"x"}]}')
    writer = dialect.writer(ask, "r", BEGAN_S)

    written = writer.write([Said(text) for text in texts]) + writer.finish()

    lines = written.decode().splitlines()
    assert [json.loads(line)["message"]["content"] for line in lines] == [*texts, ""]


def _streamed(*deltas: Delta) -> list[dict[str, Any]]:
    ticks = iter(range(BEGAN_S * 10**9 + 5, BEGAN_S * 10**9 + 10_000, 5))
    return _written(OllamaChat(lambda: next(ticks)), deltas, is_stream=True)


def _written(dialect: Ollama, deltas: Sequence[Delta], *, is_stream: bool) -> list[dict[str, Any]]:
    body = {"model": "m:latest", "stream": is_stream, "prompt": "x", "messages": [{"role": "user"}]}
    ask = dialect.peek(json.dumps(body).encode())
    writer = dialect.writer(ask, "reply", BEGAN_S)
    written = b"".join(writer.write([delta]) for delta in deltas) + writer.finish()
    return [json.loads(line) for line in written.splitlines()]
