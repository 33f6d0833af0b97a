"""What is surely more than was allowed, and what may be as much."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.counting import most_text, printed

MOST_MEASURED = 8.82
"""Bytes a token, of the script that has the most (decision 0048)."""


@pytest.mark.req("B-4")
@given(st.integers(0, 100_000))
def test_no_text_that_was_measured_is_more_than_its_tokens_allow(tokens: int) -> None:
    assert tokens * MOST_MEASURED < most_text(tokens)


@pytest.mark.req("B-4")
@given(st.text())
def test_blanks_are_no_print_and_the_rest_is_counted_by_its_bytes(text: str) -> None:
    bare = "".join(letter for letter in text if letter not in " \n\t")

    assert printed(text) == len(bare.encode("utf-8", "surrogatepass"))
