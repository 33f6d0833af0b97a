from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.chain import Head
from tollhouse.domain.receipts import Receipt
from tollhouse.sinks.keys import PublicKey, SigningKey, key_id
from tollhouse.sinks.receipts import ReceiptForged, opened, signer

pytestmark = pytest.mark.req("B-13")

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0\x7fü"
RECEIPT = Receipt(
    call="0" * 32,
    request="req-1",
    tenant="acme",
    project="acme/default",
    user="acme/anna",
    key="a1b2c3d4e5f6",
    route="chat",
    model="small",
    target="echo:echo",
    outcome="completed",
    source="provider",
    input=10,
    output=5,
    cache_read=1,
    cache_write=2,
    images=0,
    seconds=0,
    characters=0,
    owed=300,
    price=7,
    began_at=1_800_000_000_000,
    settled_at=1_800_000_001_000,
)


def _key(seed: int) -> SigningKey:
    private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    public = private.public_key()
    return SigningKey(PublicKey(key_id(public), public), private)


KEY, OTHER = _key(1), _key(2)
SIGNED = signer(KEY, lambda: Head("host-1", 41, "ab" * 32))(RECEIPT)


def test_what_was_signed_is_read_with_the_public_key_alone() -> None:
    claims = opened(SIGNED, [KEY.public])

    assert claims == {**RECEIPT.claims(), "audit": ["host-1", 41, "ab" * 32]}


@given(st.integers(0, len(SIGNED) - 1), st.sampled_from(LETTERS))
def test_a_letter_changed_anywhere_is_found(place: int, letter: str) -> None:
    forged = SIGNED[:place] + letter + SIGNED[place + 1 :]

    if forged != SIGNED:
        with pytest.raises(ReceiptForged):
            opened(forged, [KEY.public])


def test_a_bit_flipped_anywhere_is_found() -> None:
    for place, letter in enumerate(SIGNED):
        for bit in range(7):
            forged = SIGNED[:place] + chr(ord(letter) ^ 1 << bit) + SIGNED[place + 1 :]

            with pytest.raises(ReceiptForged):
                opened(forged, [KEY.public])


@given(st.integers(0, len(SIGNED) - 1), st.text(max_size=3))
def test_what_is_cut_or_grown_is_found(place: int, more: str) -> None:
    for forged in (SIGNED[:place], SIGNED[place + 1 :], SIGNED + (more or "=")):
        with pytest.raises(ReceiptForged):
            opened(forged, [KEY.public])


def test_a_key_that_is_not_trusted_has_signed_nothing() -> None:
    with pytest.raises(ReceiptForged, match="not among those to trust"):
        opened(SIGNED, [OTHER.public])


def test_a_receipt_of_another_key_does_not_pass_under_the_name_of_a_trusted_one() -> None:
    impostor = SigningKey(PublicKey(KEY.id, OTHER.public.key), OTHER.key)

    with pytest.raises(ReceiptForged, match="signature"):
        opened(signer(impostor, lambda: None)(RECEIPT), [KEY.public])


@pytest.mark.parametrize("header", [{"alg": "none"}, {"alg": "HS256"}, {"typ": "JWT"}, {"kid": 1}])
def test_a_header_decides_nothing(header: dict[str, object]) -> None:
    """Though signed with the right key."""
    honest = {"alg": "EdDSA", "kid": KEY.id, "typ": "tollhouse-receipt"}
    said = f"{_packed({**honest, **header})}.{_packed({})}"
    forged = f"{said}.{base64.urlsafe_b64encode(KEY.sign(said.encode())).rstrip(b'=').decode()}"

    with pytest.raises(ReceiptForged):
        opened(forged, [KEY.public])


@given(st.text(max_size=60))
def test_any_text_is_a_receipt_or_none(text: str) -> None:
    with pytest.raises(ReceiptForged):
        opened(text, [KEY.public])


def _packed(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
