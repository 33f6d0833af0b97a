"""What a file with tokens may have in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain import static_tokens
from tollhouse.domain.static_tokens import LONGEST, MOST, SHORTEST, TokensUnfit, read

GOOD = "canary-of-a-token-0123456789"


@pytest.mark.req("OC-5")
@pytest.mark.parametrize("after", ["", "\n", "\r\n", " \n", "\t\n\n\n"])
def test_blanks_and_line_ends_around_a_token_are_not_part_of_it(after: str) -> None:
    assert read(f"{GOOD}{after}".encode()) == (GOOD,)


def test_each_line_is_a_token_so_that_two_hold_while_one_is_exchanged() -> None:
    other = GOOD[::-1]

    assert read(f"{GOOD}\n\n{other}\n".encode()) == (GOOD, other)


@pytest.mark.req("OC-8", "OP-4")
@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "nothing"),
        (b" \n\t\n", "nothing"),
        (b"a" * (SHORTEST - 1), "characters"),
        (b"a" * (LONGEST + 1), "characters"),
        (b"two words of a token that has blanks", "blanks"),
        ("tökentökentökentöken".encode(), "no header"),
        (b"canary\0of-a-token-0123456789", "no header"),
        (b"\xff\xfe" + GOOD.encode(), "no header"),
        (f"{GOOD}\n{GOOD}\n".encode(), "twice"),
        ("\n".join(f"{GOOD}{n}" for n in range(MOST + 1)).encode(), "lines"),
        *((shape.encode() + b"x" * 40, "another kind") for shape in static_tokens.TAKEN_SHAPES),
    ],
)
def test_what_can_be_no_token_is_refused_without_repeating_it(raw: bytes, why: str) -> None:
    with pytest.raises(TokensUnfit, match=why) as caught:
        read(raw)

    assert GOOD not in str(caught.value)


def test_the_longest_the_shortest_and_as_many_as_may_be_are_taken() -> None:
    lines = [f"{number:0{SHORTEST}}" for number in range(MOST - 1)] + ["x" * LONGEST]

    assert read("\n".join(lines).encode()) == tuple(lines)


@given(st.binary(max_size=200))
def test_whatever_is_in_a_file_it_is_read_or_refused(raw: bytes) -> None:
    try:
        tokens = read(raw)
    except TokensUnfit:
        return

    assert all(token.isascii() and token.strip() == token for token in tokens)
