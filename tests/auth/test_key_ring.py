"""Keys that come and go, an issuer that is away or says nonsense, and tokens that name keys nobody has."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from auth.bearers import NOW, door, said
from issuing import encoded, number, signing_key
from tollhouse.auth.key_sets import MOST_BYTES, MOST_KEYS, SMALL, KeySetInvalid, key_set
from tollhouse.domain.errors import IssuerUnavailable, UpstreamTimeout

OLD, NEW = signing_key("old", "ES256", 1), signing_key("new", "ES256", 2)
RS, ED = signing_key("rs", "RS256"), signing_key("ed", "EdDSA")
ALL = ("RS256", "ES256", "EdDSA")


@pytest.mark.req("H-137", "S-34")
async def test_a_new_key_is_looked_for_when_the_first_token_names_it() -> None:
    at = door(OLD)
    await at.let_in(OLD.token(said()), NOW)
    at.published.issuer.keys = [NEW, OLD]

    assert await at.let_in(NEW.token(said()), NOW)
    assert await at.let_in(OLD.token(said()), NOW)
    assert at.published.asked == 2


@pytest.mark.req("H-137", "S-34")
async def test_whoever_comes_meanwhile_waits_for_the_same_look() -> None:
    at = door(OLD)
    tokens = [OLD.token(said(jti=str(number))) for number in range(50)]

    callers = await asyncio.gather(*(at.let_in(token, NOW) for token in tokens))

    assert {caller.user for caller in callers} == {"acme/anna"}
    assert at.published.asked == 1


@pytest.mark.req("H-137", "S-34")
async def test_a_key_that_was_taken_out_lets_nobody_in_after_the_next_look() -> None:
    at = door(OLD, NEW)
    token = OLD.token(said())
    await at.let_in(token, NOW)
    at.published.issuer.keys = [NEW]
    assert await at.let_in(token, NOW)  # also what was found before is looked at anew

    await _looked(at)

    assert await at.why_not(token, NOW) == "its issuer has no such key"


@pytest.mark.req("H-138", "S-34")
async def test_ten_thousand_names_of_keys_make_us_ask_twice_at_most() -> None:
    at = door(OLD)
    await _looked(at)  # as it begins

    token = OLD.token(said(), kid="k-0000")
    for each in range(10_000):
        head = encoded(json.dumps({"alg": "ES256", "kid": f"k{each}"}).encode())
        await at.why_not(f"{head}.{token.partition('.')[2]}", NOW)

    assert at.published.asked <= 2


@pytest.mark.req("S-34")
async def test_half_a_minute_later_a_token_may_make_us_ask_again() -> None:
    at = door(OLD)
    await at.let_in(OLD.token(said()), NOW)
    await at.why_not(NEW.token(said()), NOW)
    at.published.issuer.keys = [NEW]

    at.clock_s += 31

    assert await at.let_in(NEW.token(said()), NOW)


@pytest.mark.req("H-137", "S-34")
@pytest.mark.parametrize(
    "raw",
    [
        b"<html><body>Sorry</body></html>",
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": []}',
        b'{"keys": [1]}',
        b'{"keys": [], "keys": []}',
        b'{"keys": [' + b"[" * 50_000,
        b"\xff\xfe{}",
        b" " * 10_000_000,
        UpstreamTimeout(),
        OSError("no such file"),
        json.dumps({"keys": [OLD.public, OLD.public]}).encode(),
        json.dumps({"keys": [{**OLD.public, "d": "AAAA"}]}).encode(),
        json.dumps({"keys": [{**OLD.public, "use": "enc"}]}).encode(),
        json.dumps({"keys": [{**OLD.public, "kid": "k" * 129}]}).encode(),
        json.dumps({"keys": [{**OLD.public, "kid": 1}]}).encode(),
        json.dumps({"keys": [{**OLD.public, "y": "AAAA"}]}).encode(),
        json.dumps({"keys": [OLD.public] * (MOST_KEYS + 1)}).encode(),
    ],
    ids=range(21),
)
async def test_while_an_issuer_says_nonsense_its_last_keys_hold_for_a_bounded_time(
    raw: Any, caplog: pytest.LogCaptureFixture
) -> None:
    at, token = door(OLD), OLD.token(said())
    await at.let_in(token, NOW)
    at.published.raw = raw

    at.clock_s += 300
    await _looked(at)

    assert await at.let_in(token, NOW)
    assert "the keys of the issuer okta cannot be had" in caplog.text
    at.clock_s += 541  # 240 until the next look, and 600 beyond
    await _looked(at)
    with pytest.raises(IssuerUnavailable):
        await at.let_in(token, NOW)


@pytest.mark.req("S-34")
async def test_when_the_issuer_is_back_so_are_its_callers() -> None:
    at, token = door(OLD), OLD.token(said())
    at.published.raw = UpstreamTimeout()
    with pytest.raises(IssuerUnavailable):
        await at.let_in(token, NOW)

    at.published.raw = None
    await _looked(at)

    assert await at.let_in(token, NOW)


@pytest.mark.req("S-34")
async def test_a_key_of_every_kind_is_taken_and_what_is_for_something_else_is_left_out() -> None:
    others = [
        {"kty": "oct", "kid": "o", "k": "AAAA"},
        {"kty": "EC", "crv": "secp256k1", "kid": "c", "x": "AA", "y": "AA"},
        {"kty": "OKP", "crv": "X25519", "kid": "x", "x": "AA"},
        {"kty": "new", "kid": "n"},
        {**NEW.public, "kid": "e", "use": "enc"},
        {**NEW.public, "kid": "w", "key_ops": ["wrapKey"]},
        {**NEW.public, "kid": "a", "alg": "ES384"},
    ]

    found = key_set(_set(RS.public, OLD.public, ED.public, *others), ALL)

    assert set(found) == {"rs", "old", "ed"}


@pytest.mark.req("S-33")
def test_a_key_without_an_algorithm_does_what_the_settings_say() -> None:
    bare = {name: value for name, value in RS.public.items() if name != "alg"}

    found = key_set(_set(bare), ("RS256", "PS384", "ES256"))

    assert found["rs"].algorithms == {"RS256", "PS384"}


@pytest.mark.req("H-123", "S-33")
@pytest.mark.parametrize(
    "x",
    [
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
        "01" + "00" * 30 + "80",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ],
)
def test_a_point_under_which_one_signature_fits_many_texts_is_no_key(x: str) -> None:
    text = base64.urlsafe_b64encode(bytes.fromhex(x)).rstrip(b"=").decode()

    with pytest.raises(KeySetInvalid):
        key_set(_set({**ED.public, "x": text}), ALL)


def test_each_of_these_points_is_one_of_eight_and_no_other_is_among_them() -> None:
    """By the arithmetic of the curve: eight times each of them is nothing."""
    assert all(_is_small(int.from_bytes(each, "little")) for each in SMALL)
    assert not _is_small(4 * pow(5, -1, P) % P)  # the base point


@pytest.mark.req("S-33")
@pytest.mark.parametrize("bits", [1024, 2047])
def test_a_key_of_rsa_that_is_too_short(bits: int) -> None:
    with pytest.raises(KeySetInvalid):
        key_set(_set({**RS.public, "n": number((1 << bits) - 1)}), ALL)


def test_a_set_has_an_end() -> None:
    with pytest.raises(KeySetInvalid, match="bytes"):
        key_set(_set(OLD.public) + b" " * MOST_BYTES, ALL)


async def test_the_same_set_again_is_no_other_one() -> None:
    at = door(OLD)
    await at.let_in(OLD.token(said()), NOW)
    keys = at.ring.keys

    await _looked(at)

    assert at.published.asked == 2
    assert at.ring.keys is keys


async def _looked(at: Any) -> None:
    await at.ring._refreshed()


def _set(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": keys}).encode()


P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P


def _is_small(y: int) -> bool:
    """Whether three doublings of a point with this y come to the neutral one; by y alone, as y(2P) hangs on it."""
    for _ in range(3):
        x2 = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
        y = (y * y + x2) * pow(1 - D * x2 * y * y, -1, P) % P
    return y == 1


@pytest.mark.req("S-34")
async def test_a_first_set_that_is_none_is_not_asked_for_again_at_once() -> None:
    at = door(OLD)
    at.published.raw = b'{"keys": []}'
    looked = at.ring.looked()
    assert looked is not None

    await looked

    assert at.ring.looked() is None
    assert at.published.asked == 1
