"""What a signed token looks like, letter by letter."""

from __future__ import annotations

import json
from string import ascii_letters, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuing import encoded
from tollhouse.domain.tokens import LONGEST, TokenRefused, bytes_of, read

HEAD = encoded(b'{"alg":"ES256"}')


@pytest.mark.req("H-133", "S-33")
@given(st.text() | st.text(alphabet=ascii_letters + digits + "-_+/= \n", max_size=8))
def test_bytes_have_one_spelling(text: str) -> None:
    try:
        raw = bytes_of(text)
    except ValueError:
        return

    assert encoded(raw) == text


@pytest.mark.req("H-133", "S-33")
@pytest.mark.parametrize(
    "text", ["", "A", "AB", "AAB", "A+A-", "A/__", "AA==", "A A", "AAA\n", "Ä"]
)
def test_what_is_no_spelling_of_any_bytes(text: str) -> None:
    with pytest.raises(ValueError):
        bytes_of(text)


@pytest.mark.req("H-135", "S-32")
def test_the_longest_token() -> None:
    def of(size: int) -> str:
        stem = f"{HEAD}.{encoded(json.dumps({'iss': 'x'}).encode())}."
        return stem + "A" * (size - len(stem))

    assert read(of(LONGEST)).issuer == "x"
    with pytest.raises(TokenRefused, match="longer than any token"):
        read(of(LONGEST + 1))
