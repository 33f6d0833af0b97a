"""What a key looks like, and how a mistyped one is told from an unknown one."""

from __future__ import annotations

import hmac
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain import credentials
from tollhouse.domain.credentials import ALPHABET, ID_LENGTH, SECRET_LENGTH

IDS = st.text(ALPHABET, min_size=ID_LENGTH, max_size=ID_LENGTH)
SECRETS = st.text(ALPHABET, min_size=SECRET_LENGTH, max_size=SECRET_LENGTH)
KEYS = st.builds(credentials.assemble, IDS, SECRETS)
PEPPERS = st.binary(min_size=32, max_size=32)


@given(IDS, SECRETS)
def test_the_id_can_be_read_from_a_key(key_id: str, secret: str) -> None:
    assert credentials.public_id(credentials.assemble(key_id, secret)) == key_id


@given(KEYS)
def test_a_key_has_one_shape_that_a_scanner_can_find(key: str) -> None:
    assert re.fullmatch(r"thk_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}", key)
    assert len(key) == 55


@given(KEYS, st.data())
def test_any_single_character_that_is_wrong_is_noticed(key: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(key) - 1))
    other = data.draw(st.sampled_from(string.printable).filter(lambda one: one != key[place]))

    assert credentials.public_id(key[:place] + other + key[place + 1 :]) is None


@given(KEYS, st.data())
def test_two_neighbours_that_changed_places_are_noticed(key: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(key) - 2))
    swapped = key[:place] + key[place + 1] + key[place] + key[place + 2 :]

    assert credentials.public_id(swapped) is None or swapped == key


@given(KEYS, st.integers(0, 54))
def test_a_key_that_was_cut_is_noticed(key: str, length: int) -> None:
    assert credentials.public_id(key[:length]) is None


@given(KEYS, st.text(min_size=1, max_size=3))
def test_nothing_may_stand_before_or_behind_a_key(key: str, more: str) -> None:
    assert credentials.public_id(key + more) is None
    assert credentials.public_id(more + key) is None


@given(st.text(max_size=80))
def test_anything_else_is_no_key(text: str) -> None:
    assert credentials.public_id(text) is None


@pytest.mark.parametrize("digit", ["٣", "é", "\n", "\0"])
def test_only_letters_and_digits_of_ascii_make_a_key(digit: str) -> None:
    stem = f"thk_{digit * ID_LENGTH}_{'a' * SECRET_LENGTH}"

    assert credentials.public_id(stem + credentials.checksum(stem)) is None


@given(st.text(max_size=300), st.binary(max_size=200))
def test_a_digest_is_what_the_standard_library_makes_of_it(key: str, pepper: bytes) -> None:
    assert credentials.digest(key, pepper) == hmac.digest(pepper, key.encode(), "sha256")


@pytest.mark.parametrize("size", [63, 64, 65, 200])
def test_a_pepper_may_be_longer_than_a_block(size: int) -> None:
    pepper = bytes(range(size))

    assert credentials.digest("thk_", pepper) == hmac.digest(pepper, b"thk_", "sha256")


def test_what_is_no_text_is_no_key() -> None:
    assert credentials.public_id("\ud800" + "0" * 6) is None


@given(KEYS, KEYS, PEPPERS, PEPPERS)
def test_a_digest_depends_on_key_and_pepper(
    key: str, other: str, pepper: bytes, other_pepper: bytes
) -> None:
    digest = credentials.digest(key, pepper)

    assert len(digest) == 32
    assert (digest == credentials.digest(other, pepper)) == (key == other)
    assert (digest == credentials.digest(key, other_pepper)) == (pepper == other_pepper)
    assert key.encode() not in digest
