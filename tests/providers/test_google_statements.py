"""What a service account of Google's signs, and the keys that it can sign with."""

from __future__ import annotations

import base64
import json
from functools import cache
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from tollhouse.config.accounts import Account
from tollhouse.providers.google_tokens import LEAST_BITS, Statement, signing_key

pytestmark = pytest.mark.req("P-37")


@cache
def rsa(bits: int) -> RSAPrivateKey:
    return generate_private_key(65537, bits)


def pem(
    key: RSAPrivateKey | Ed25519PrivateKey, locked: KeySerializationEncryption | None = None
) -> str:
    kind = PrivateFormat.PKCS8
    return key.private_bytes(Encoding.PEM, kind, locked or NoEncryption()).decode()


def test_a_key_has_at_least_2048_bits_and_is_of_rsa() -> None:
    assert signing_key(pem(rsa(LEAST_BITS))).key_size == LEAST_BITS


@pytest.mark.parametrize(
    "text",
    [
        "",
        pem(rsa(1024)),
        pem(Ed25519PrivateKey.generate()),
        pem(rsa(LEAST_BITS), BestAvailableEncryption(b"canary")),
    ],
    ids=["nothing", "too short", "of another kind", "locked"],
)
def test_another_key_signs_nothing(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        signing_key(text)


@pytest.mark.parametrize("key_id", ["k1", None])
def test_a_statement_names_its_key_where_that_has_a_name(key_id: str | None) -> None:
    account = Account("gate@acme.example", pem(rsa(LEAST_BITS)), key_id)

    asked = Statement(account, b"/token", lambda: 1000.0).asking()

    (assertion,) = parse_qs(bytes(asked.whole).decode())["assertion"]
    head, claims = (_read(part) for part in assertion.split(".")[:2])
    assert head == {"alg": "RS256", "typ": "JWT", **({"kid": key_id} if key_id else {})}
    assert (claims["iss"], claims["iat"], claims["exp"]) == ("gate@acme.example", 1000, 4600)


def _read(part: str) -> dict[str, object]:
    return dict(json.loads(base64.urlsafe_b64decode(part + "==")))
