"""Answers that are kept open with all that they were sealed with, and with nothing less."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.auth.sealed_answers import SealedAnswers

PEPPER, OTHER = b"p" * 32, b"q" * 32
SECRET, ABOUT, CONTENT = b"s" * 32, b"call-1\ntext/plain", b"a secret word"
ANSWERS = SealedAnswers(1, {1: PEPPER})
SEALED = ANSWERS.seal(CONTENT, SECRET, ABOUT)

pytestmark = pytest.mark.req("S-93", "H-148")


@given(st.binary(max_size=200), st.binary(min_size=1, max_size=40), st.binary(max_size=40))
def test_what_was_sealed_opens_wherever_the_pepper_is(
    content: bytes, secret: bytes, about: bytes
) -> None:
    sealed = ANSWERS.seal(content, secret, about)

    assert SealedAnswers(2, {2: OTHER, 1: PEPPER}).open(sealed, secret, about) == content


def test_the_same_is_never_sealed_the_same() -> None:
    assert ANSWERS.seal(CONTENT, SECRET, ABOUT) != SEALED
    assert CONTENT not in SEALED


@pytest.mark.parametrize(
    ("answers", "secret", "about"),
    [
        (ANSWERS, b"t" * 32, ABOUT),
        (ANSWERS, SECRET, b"call-2\ntext/plain"),
        (SealedAnswers(1, {1: OTHER}), SECRET, ABOUT),
        (SealedAnswers(2, {2: PEPPER}), SECRET, ABOUT),
    ],
    ids=["another secret", "another call", "another pepper", "no such pepper"],
)
def test_with_anything_else_it_does_not_open(
    answers: SealedAnswers, secret: bytes, about: bytes
) -> None:
    assert answers.open(SEALED, secret, about) is None


@pytest.mark.parametrize("place", range(len(SEALED)))
def test_one_bit_changed_anywhere_and_it_does_not_open(place: int) -> None:
    changed = bytearray(SEALED)
    changed[place] ^= 1

    assert ANSWERS.open(bytes(changed), SECRET, ABOUT) is None


@pytest.mark.parametrize("length", [0, 3, 4, 15, 16, 31, len(SEALED) - 1])
def test_what_was_cut_does_not_open(length: int) -> None:
    assert ANSWERS.open(SEALED[:length], SECRET, ABOUT) is None
