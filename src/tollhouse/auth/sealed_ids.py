"""Ids of what a provider keeps, sealed so that they say nothing and lead home.

    resp_<base64url of: version of the pepper, nonce, AES-256-GCM of the home>

The key is derived from a pepper, so each replica opens what another sealed and nothing is stored. The
tenant is part of the seal without standing in it: to another one the id opens nothing.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
from collections.abc import Mapping

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tollhouse.domain.errors import StateUnknown
from tollhouse.domain.homes import Home
from tollhouse.domain.models import PREVIOUS

PREFIX = "resp_"
PURPOSE = b"tollhouse sealed ids 1"
LONGEST = 2048
VERSION_BYTES, NONCE_BYTES, TAG_BYTES = 4, 12, 16

_Sealed = tuple[str, str, int]
_read = msgspec.json.Decoder(_Sealed).decode


class SealedIds:
    """Implements Seals."""

    def __init__(self, current: int, peppers: Mapping[int, bytes]) -> None:
        self._current = current
        self._ciphers = {version: AESGCM(_key(pepper)) for version, pepper in peppers.items()}

    def seal(self, home: Home, tenant: str) -> str:
        version, nonce = self._current.to_bytes(VERSION_BYTES), os.urandom(NONCE_BYTES)
        said = msgspec.json.encode((home.target, home.id, home.tokens))
        sealed = self._ciphers[self._current].encrypt(nonce, said, tenant.encode())
        return PREFIX + base64.urlsafe_b64encode(version + nonce + sealed).rstrip(b"=").decode()

    def open(self, sealed: str, tenant: str) -> Home:
        """Raises StateUnknown, whatever is wrong with it: which of it is nobody's business."""
        try:
            raw = _bytes(sealed)
            cipher = self._ciphers[int.from_bytes(raw[:VERSION_BYTES])]
            nonce, said = raw[VERSION_BYTES:][:NONCE_BYTES], raw[VERSION_BYTES + NONCE_BYTES :]
            return Home(*_read(cipher.decrypt(nonce, said, tenant.encode())))
        except (ValueError, KeyError, InvalidTag):
            raise StateUnknown(param=PREVIOUS) from None


def _bytes(sealed: str) -> bytes:
    """Of one spelling: an id is the same letter for letter, or another."""
    if not sealed.startswith(PREFIX) or len(sealed) > LONGEST or not sealed.isascii():
        raise ValueError("no id of ours")
    text = sealed.removeprefix(PREFIX).encode()
    try:
        raw = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("no id of ours") from error
    if len(raw) < VERSION_BYTES + NONCE_BYTES + TAG_BYTES:
        raise ValueError("cut")
    if base64.urlsafe_b64encode(raw).rstrip(b"=") != text:
        raise ValueError("another spelling")
    return raw


def _key(pepper: bytes) -> bytes:
    """A key of its own: nothing that is known of one use helps with the other."""
    return hmac.digest(pepper, PURPOSE, "sha256")
