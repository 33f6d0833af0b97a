"""Secrets sealed for the store: each opens where it belongs, as it was written, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.storage.envelopes import Envelope, EnvelopeBroken, Wrapping

pytestmark = pytest.mark.req("S-61", "P-37")

OLD, NEW = b"o" * 32, b"n" * 32
BOTH = Wrapping(2, {1: OLD, 2: NEW})
BEFORE, AFTER = Wrapping(1, {1: OLD}), Wrapping(2, {2: NEW})
VALUE = "sk-canary-0123456789"
ROW = BEFORE.seal("openai", 3, 1_800_000_000_000, VALUE)


@given(st.text(max_size=300), st.integers(1, 10**6), st.integers(0, 2**62))
def test_what_was_sealed_opens_and_stands_nowhere_in_clear(
    value: str, version: int, at_ms: int
) -> None:
    row = BEFORE.seal("openai", version, at_ms, value)

    assert BEFORE.open(row) == value
    assert len(value) < 4 or value.encode() not in row.sealed + row.wrapped
    assert BEFORE.seal("openai", version, at_ms, value).sealed != row.sealed


@pytest.mark.parametrize("part", ["wrapped", "sealed"])
def test_a_row_with_any_bit_of_any_byte_flipped_does_not_open(part: str) -> None:
    content: bytes = getattr(ROW, part)
    for at in range(len(content)):
        for bit in range(8):
            flipped = bytes([*content[:at], content[at] ^ 1 << bit, *content[at + 1 :]])
            _is_refused(replace(ROW, **{part: flipped}))


@pytest.mark.parametrize("part", ["wrapped", "sealed"])
def test_a_row_that_was_cut_or_made_longer_does_not_open(part: str) -> None:
    content: bytes = getattr(ROW, part)
    for length in range(len(content)):
        _is_refused(replace(ROW, **{part: content[:length]}))
    _is_refused(replace(ROW, **{part: content + b"\0"}))


@pytest.mark.parametrize(
    "other", [{"name": "openai2"}, {"version": 2}, {"set_at_ms": 1}, {"key_version": 2}]
)
def test_a_row_in_the_place_of_another_does_not_open(other: dict[str, int]) -> None:
    _is_refused(replace(ROW, **other))  # type: ignore[arg-type]


@given(st.sampled_from(["wrapped", "sealed"]), st.sampled_from(["a", "b"]), st.integers(1, 3))
def test_parts_of_two_rows_make_no_third(part: str, name: str, version: int) -> None:
    other = BEFORE.seal(name, version, ROW.set_at_ms, VALUE)

    _is_refused(replace(ROW, **{part: getattr(other, part)}))


def test_wrapped_anew_it_opens_by_the_new_key_and_its_seal_is_the_same() -> None:
    row = BOTH.rewrap(ROW)

    assert AFTER.open(row) == VALUE
    assert (row.sealed, row.key_version, row.version) == (ROW.sealed, 2, ROW.version)
    with pytest.raises(EnvelopeBroken, match="no key of version 2"):
        BEFORE.open(row)


def test_what_does_not_open_is_not_wrapped_anew() -> None:
    broken = replace(ROW, sealed=ROW.sealed[:-1] + bytes([ROW.sealed[-1] ^ 1]))

    with pytest.raises(EnvelopeBroken):
        BOTH.rewrap(broken)


def test_another_key_of_the_same_number_opens_nothing() -> None:
    with pytest.raises(EnvelopeBroken, match="key of version 1"):
        Wrapping(1, {1: NEW}).open(ROW)


def _is_refused(row: Envelope) -> None:
    with pytest.raises(EnvelopeBroken):
        BOTH.open(row)
