"""Secrets as the store keeps them: each under a key of its own, and that under one that the store never sees.

What names a row is part of both seals without standing in them: the name, the version, when it was set, and which key
wraps it. So a row that was changed in any byte, or put in another's place, opens nothing. To wrap it anew leaves what
is within alone.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES, NONCE_BYTES = 32, 12
VALUES, WRAPS, KEYS = "tollhouse secret 1", "tollhouse wrap 1", b"tollhouse vault 1"


class EnvelopeBroken(Exception):
    """Why it does not open, in words for operators."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Sealed and wrapped parts begin with their nonces."""

    name: str
    version: int
    set_at_ms: int
    key_version: int
    wrapped: bytes = field(repr=False)
    sealed: bytes = field(repr=False)


class Wrapping:
    """The keys that wrap, by their versions; new rows are wrapped by the current one."""

    def __init__(self, current: int, keys: Mapping[int, bytes]) -> None:
        self.current = current
        self._ciphers = {
            version: AESGCM(hmac.digest(key, KEYS, "sha256")) for version, key in keys.items()
        }

    def seal(self, name: str, version: int, set_at_ms: int, value: str) -> Envelope:
        key = os.urandom(KEY_BYTES)
        bare = Envelope(name, version, set_at_ms, self.current, b"", b"")
        return self._wrapped(
            replace(bare, sealed=_sealed(AESGCM(key), value.encode(), _of(bare))), key
        )

    def open(self, envelope: Envelope) -> str:
        """Raises EnvelopeBroken."""
        cipher = AESGCM(self._key(envelope))
        return _opened(cipher, envelope.sealed, _of(envelope), envelope).decode()

    def rewrap(self, envelope: Envelope) -> Envelope:
        """The same value by the current key. Raises EnvelopeBroken, also where only the value does not open."""
        key = self._key(envelope)
        _opened(AESGCM(key), envelope.sealed, _of(envelope), envelope)
        return self._wrapped(replace(envelope, key_version=self.current), key)

    def _wrapped(self, envelope: Envelope, key: bytes) -> Envelope:
        cipher = self._ciphers[self.current]
        return replace(envelope, wrapped=_sealed(cipher, key, _by(envelope)))

    def _key(self, envelope: Envelope) -> bytes:
        cipher = self._ciphers.get(envelope.key_version)
        if cipher is None:
            raise EnvelopeBroken(f"there is no key of version {envelope.key_version} here")
        return _opened(cipher, envelope.wrapped, _by(envelope), envelope)


def _of(envelope: Envelope) -> bytes:
    return msgspec.json.encode((VALUES, envelope.name, envelope.version, envelope.set_at_ms))


def _by(envelope: Envelope) -> bytes:
    about = (WRAPS, envelope.name, envelope.version, envelope.set_at_ms, envelope.key_version)
    return msgspec.json.encode(about)


def _sealed(cipher: AESGCM, content: bytes, about: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, content, about)


def _opened(cipher: AESGCM, sealed: bytes, about: bytes, envelope: Envelope) -> bytes:
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about)
    except (InvalidTag, ValueError):
        raise EnvelopeBroken(
            f"it does not open with the key of version {envelope.key_version}: another key bears that "
            "number, or the row was changed"
        ) from None
