"""Receipts, signed with the key of the audit chain: compact JWS, so that any JOSE library checks them too.

A receipt bears the head that the chain had reached on disk when it was signed: whoever holds one can tell a chain
that was rewritten before it. What is signed begins otherwise than a checkpoint, so neither can pass for the other.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable
from typing import Any

from tollhouse.domain.chain import Head
from tollhouse.domain.receipts import Receipt
from tollhouse.sinks.keys import PublicKey, SigningKey

TYPE = "tollhouse-receipt"
LONGEST = 16_384


class ReceiptForged(Exception):
    """No receipt that one of these keys has signed; says why."""


def signer(key: SigningKey, head: Callable[[], Head | None]) -> Callable[[Receipt], str]:
    header = _packed({"alg": "EdDSA", "kid": key.id, "typ": TYPE})

    def sign(receipt: Receipt) -> str:
        reached = head()
        audit = [reached.writer, reached.seq, reached.hash] if reached else None
        said = f"{header}.{_packed({**receipt.claims(), 'audit': audit})}"
        return f"{said}.{_text(key.sign(said.encode()))}"

    return sign


def opened(text: str, keys: Iterable[PublicKey]) -> dict[str, Any]:
    """What a receipt says. Raises ReceiptForged if a single bit of it is another."""
    said, _, signature = text.rpartition(".")
    header, _, claims = said.partition(".")
    if len(text) > LONGEST or not text.isascii():
        raise ReceiptForged("it is no receipt")
    head = _unpacked(header)
    if head.get("alg") != "EdDSA" or head.get("typ") != TYPE:
        raise ReceiptForged("it is no receipt")
    key = next((each for each in keys if each.id == head.get("kid")), None)
    if key is None:
        raise ReceiptForged("it was signed with a key that is not among those to trust")
    if not key.has_signed(_bytes(signature), said.encode()):
        raise ReceiptForged("its signature does not fit")
    return _unpacked(claims)


def _packed(value: Any) -> str:
    return _text(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())


def _unpacked(text: str) -> dict[str, Any]:
    try:
        value = json.loads(_bytes(text))
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ReceiptForged("it is no receipt")
    return value


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """Of one spelling alone: the last letter has bits that say nothing."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ReceiptForged("it is no receipt") from error
    if _text(raw) != text:
        raise ReceiptForged("it is spelled otherwise than it was signed")
    return raw
