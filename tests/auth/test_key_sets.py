"""Sets of keys to the last byte of each bound, and keys in them that are none."""

from __future__ import annotations

import json
from math import prod
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from issuing import named, number, signing_key
from tollhouse.auth.key_sets import (
    LONGEST_KEY_ID,
    MOST_BYTES,
    MOST_KEYS,
    MOST_RSA_BITS,
    KeySetInvalid,
    key_set,
)
from tollhouse.auth.signatures import fitting

ES, RS = signing_key("es", "ES256"), signing_key("rs", "RS256")
ALL = ("RS256", "ES256", "EdDSA")
OTHER = {"kty": "new"}

pytestmark = pytest.mark.req("H-137", "S-34")


def taken(*keys: dict[str, Any]) -> set[str]:
    return set(key_set(_raw(*keys), ALL))


def refused(*keys: dict[str, Any]) -> str:
    with pytest.raises(KeySetInvalid) as caught:
        key_set(_raw(*keys), ALL)
    return str(caught.value)


def test_as_many_bytes_keys_and_letters_as_there_may_be() -> None:
    longest = {**ES.public, "kid": "k" * LONGEST_KEY_ID}
    raw = _raw(longest, *[OTHER] * (MOST_KEYS - 1))

    assert set(key_set(raw.ljust(MOST_BYTES), ALL)) == {longest["kid"]}


def test_one_key_more() -> None:
    assert "no list of at most" in refused(ES.public, *[OTHER] * MOST_KEYS)


def test_the_longest_key_of_rsa_and_one_that_is_longer() -> None:
    longest = (1 << MOST_RSA_BITS) - 1

    assert taken({**RS.public, "n": number(longest)}) == {"rs"}
    assert "cannot be read" in refused({**RS.public, "n": number(longest << 1 | 1)})


@pytest.mark.parametrize(
    "key",
    [
        {name: value for name, value in key.items() if name != left_out}
        for key, left_out in [
            (RS.public, "n"),
            (RS.public, "e"),
            (ES.public, "x"),
            (ES.public, "y"),
        ]
    ]
    + [{**RS.public, name: value} for name in "ne" for value in ("", 1, None, ["AQAB"], "AQ==")]
    + [{**RS.public, "e": "AQ"}, {**RS.public, "e": "AA"}, {**RS.public, "e": "Ag"}],
    ids=named,
)
def test_half_a_key(key: dict[str, Any]) -> None:
    assert refused(ES.public | {"kid": "good"}, key) == "one of its keys cannot be read"


@pytest.mark.parametrize("alg", [[], ["ES256"], {}, 1, None, "ES384", "", "none"], ids=repr)
def test_a_key_for_an_algorithm_that_is_none_is_left_out(alg: Any) -> None:
    assert taken(RS.public, {**ES.public, "alg": alg}) == {"rs"}


def test_whatever_its_kind_a_private_key_spoils_the_set() -> None:
    assert "private" in refused(ES.public, {"kty": "oct", "k": "AAAA", "d": "AAAA"})


@pytest.mark.req("H-142")
def test_a_key_of_rsa_whose_factors_are_powers_of_one_number() -> None:
    """Modulo the product of the first primes, as a library of smart cards made them (CVE-2017-15361)."""
    product = prod(n for n in range(2, 168) if all(n % divisor for divisor in range(2, n)))
    guessable = pow(65537, 1234, product) + product * (1 << 1850 | 1)
    guessable += product * (guessable % 2 == 0)
    assert guessable.bit_length() >= 2048

    assert "cannot be read" in refused({**RS.public, "n": number(guessable)})
    another = guessable + 2 * (product // 11)  # whose remainder by 11 is neither 1 nor 10
    assert taken({**RS.public, "n": number(another)}) == {"rs"}


@pytest.mark.req("H-123", "S-33")
def test_a_curve_that_nobody_takes_signs_with_nothing() -> None:
    assert not fitting(ec.generate_private_key(ec.SECP256K1()).public_key())


def _raw(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": keys}).encode()
