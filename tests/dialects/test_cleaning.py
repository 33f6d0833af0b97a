from __future__ import annotations

import pytest

from tollhouse.dialects.cleaning import LONGEST_LOOKED_AT, LONGEST_MESSAGE, cleaned, cut


@pytest.mark.req("S-58")
@pytest.mark.parametrize("said", ["", " ", "\n\t", "\u200b", "\x00"])
def test_of_what_nobody_sees_nothing_is_left(said: str) -> None:
    assert cleaned(said) is None


@pytest.mark.req("S-58")
def test_a_sentence_is_cut_only_beyond_its_bound() -> None:
    as_long = "x" * LONGEST_MESSAGE

    assert cut(as_long) == as_long
    assert cut(as_long + "y") == as_long[:-1] + "…"


@pytest.mark.req("S-58", "S-72")
@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("The model is overloaded.", "The model is overloaded."),
        ("a\nb\tc\x00d  e", "a b c d e"),
        ("It was sk-abcdefgh12345678", "It was [removed]"),
        ("It was sk-\u200babcdefgh12345678 here", "It was [removed] here"),
        ("See https://inside.example/x?y.", "See [link]"),
        ("at 10.0.0.7:8000", "at [host]"),
        ("in /srv/models/x", "in [path]"),
        ("ask ops@example.com", "ask [address]"),
    ],
)
def test_what_callers_should_not_read_is_taken_out(said: str, left: str) -> None:
    assert cleaned(said) == left


@pytest.mark.req("S-58", "S-72")
@pytest.mark.parametrize(
    "said", ["Traceback (most recent call last):\n  x", 'Oops: File "/srv/a.py", line 3, in f']
)
def test_of_a_program_that_fell_over_nothing_is_passed_on(said: str) -> None:
    assert cleaned(said) is None


@pytest.mark.req("S-72")
def test_only_so_much_of_a_sentence_is_looked_at() -> None:
    assert cleaned("a " * LONGEST_LOOKED_AT) == ("a " * (LONGEST_LOOKED_AT // 2)).strip()
