"""Answers that are kept for whoever asks again, each under a key of its own.

    version of the pepper, nonce, AES-256-GCM of the answer

The key is made of a pepper and of a secret that only the caller has. So neither the store alone, nor the store and
the pepper, opens an answer: it takes the Idempotency-Key too, which is written down nowhere.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PURPOSE = b"tollhouse answers 1"
VERSION_BYTES, NONCE_BYTES = 4, 12


class SealedAnswers:
    """Implements Sealing."""

    def __init__(self, current: int, peppers: Mapping[int, bytes]) -> None:
        self._current = current
        self._keys = {
            each: hmac.digest(pepper, PURPOSE, "sha256") for each, pepper in peppers.items()
        }

    def seal(self, content: bytes, secret: bytes, about: bytes) -> bytes:
        version, nonce = self._current.to_bytes(VERSION_BYTES), os.urandom(NONCE_BYTES)
        return version + nonce + self._cipher(self._current, secret).encrypt(nonce, content, about)

    def open(self, sealed: bytes, secret: bytes, about: bytes) -> bytes | None:
        nonce, content = sealed[VERSION_BYTES:][:NONCE_BYTES], sealed[VERSION_BYTES + NONCE_BYTES :]
        try:
            cipher = self._cipher(int.from_bytes(sealed[:VERSION_BYTES]), secret)
            return cipher.decrypt(nonce, content, about)
        except (ValueError, KeyError, InvalidTag):
            return None

    def _cipher(self, version: int, secret: bytes) -> AESGCM:
        return AESGCM(hmac.digest(self._keys[version], secret, "sha256"))
