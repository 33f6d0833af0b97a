from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.dialects.openai_count import FOLD_BYTES, OutputCount, tokens_of


@pytest.mark.req("P-7", "P-8", "B-5")
@given(st.lists(st.text(min_size=1, max_size=12), max_size=60))
def test_a_count_is_never_below_the_deltas_that_had_text(words: list[str]) -> None:
    count = OutputCount()

    for word in words:
        count.keep(_json({"content": word}))

    text_bytes = len("".join(words).encode())
    assert count.tokens() == max(len(words), -(-text_bytes // 3))


@pytest.mark.req("B-5")
@given(st.integers(0, 400), st.integers(1, 2000))
def test_folding_what_is_kept_changes_no_count(deltas: int, length: int) -> None:
    count, word = OutputCount(), _json({"content": "x" * length})

    for _ in range(deltas):
        count.keep(word)
    tokens = count.tokens()

    assert tokens == max(deltas, -(-deltas * length // 3))
    assert count.tokens() == tokens


@pytest.mark.req("S-76")
def test_what_is_kept_is_bounded() -> None:
    count, delta = OutputCount(), _json({"content": "x" * 1000})

    for _ in range(1000):
        count.keep(delta)
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

    count.keep(_json(delta))

    assert count.tokens() == tokens


@pytest.mark.req("P-7")
def test_every_choice_counts() -> None:
    assert tokens_of([_json({"role": "assistant", "content": "abc" * n}) for n in (1, 2, 3)]) == 6


@pytest.mark.req("S-71", "B-5")
@pytest.mark.parametrize(
    "delta", [b"[" * 50_000 + b'"abc"' + b"]" * 50_000, b'{"a":"\\ud800"}', b'"\xff"']
)
def test_what_cannot_be_read_counts_by_its_bytes(delta: bytes) -> None:
    count = OutputCount()

    count.keep(_json({"content": "abc"}))
    count.keep(delta)

    assert count.tokens() >= tokens_of([_json("abc")]) + len(delta) // 3


def _json(delta: Any) -> bytes:
    return json.dumps(delta).encode()
