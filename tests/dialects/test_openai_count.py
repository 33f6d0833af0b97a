from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.dialects.openai_count import FOLD_BYTES, OutputCount, tokens_of_completion


@pytest.mark.req("P-7", "P-8", "B-5")
@given(st.lists(st.text(min_size=1, max_size=12), max_size=60), st.integers(1, 7))
def test_a_count_is_never_below_the_events_that_had_text(words: list[str], at_once: int) -> None:
    count = OutputCount()
    events = [_event({"content": word}) for word in words]

    for start in range(0, len(events), at_once):
        count.keep(b"".join(events[start : start + at_once]))

    text_bytes = len("".join(words).encode())
    assert count.tokens() == max(len(words), -(-text_bytes // 3))


@pytest.mark.req("B-5")
@given(st.integers(0, 400), st.integers(1, 2000))
def test_folding_what_is_kept_changes_no_count(events: int, length: int) -> None:
    count, word = OutputCount(), _event({"content": "x" * length})

    for _ in range(events):
        count.keep(word)
    tokens = count.tokens()

    assert tokens == max(events, -(-events * length // 3))
    assert count.tokens() == tokens


@pytest.mark.req("S-76")
def test_what_is_kept_is_bounded() -> None:
    count, event = OutputCount(), _event({"content": "x" * 1000})

    for _ in range(1000):
        count.keep(event)
        assert count._kept_bytes <= FOLD_BYTES

    assert count.tokens() == -(-1_000_000 // 3)


@pytest.mark.req("P-7")
@pytest.mark.parametrize(
    ("delta", "tokens"),
    [
        ({"role": "assistant", "content": ""}, 0),
        ({"role": "assistant", "content": None}, 0),
        ({"content": "abcdef"}, 2),
        ({"reasoning_content": "abcdef"}, 2),
        ({"refusal": "abcdef"}, 2),
        ({"content": "ab", "reasoning": "cdef"}, 2),
        (
            {"tool_calls": [{"id": "call_1", "type": "function", "function": {"arguments": "{}"}}]},
            1,
        ),
        ({"tool_calls": [{"function": {"name": "abc", "arguments": '{"a":1}'}}]}, 4),
        ({"content": "\u00e9\u00e9\u00e9"}, 2),
        ({"content": 17}, 0),
        ("text", 2),
        (None, 0),
    ],
)
def test_all_that_a_model_produced_counts(delta: Any, tokens: int) -> None:
    count = OutputCount()

    count.keep(_event(delta))

    assert count.tokens() == tokens


@pytest.mark.parametrize(
    "event",
    [
        *(b": ping\n\n", b"data: [DONE]\n\n", b"data: {\n\n", b"data: []\n\n", b"data: {}\n\n", b"\n\n"),
        *(b'data: {"choices":null}\n\n', b'data: {"choices":[1]}\n\n', b'data: {"choices":[{}]}\n\n'),
        b'data: {"choices":[],"usage":{"completion_tokens":9}}\n\n',
    ],
)  # fmt: skip
def test_what_has_no_text_counts_nothing(event: bytes) -> None:
    count = OutputCount()

    count.keep(event)

    assert count.tokens() == 0


@pytest.mark.req("P-7")
def test_every_choice_counts() -> None:
    choices = [{"message": {"role": "assistant", "content": "abc" * n}} for n in (1, 2, 3)]

    assert tokens_of_completion(json.dumps({"choices": choices}).encode()) == 6


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b"{}", b'{"choices":{}}', b"null"])
def test_an_answer_that_is_none_counts_nothing(body: bytes) -> None:
    assert tokens_of_completion(body) == 0


def _event(delta: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": None}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"
