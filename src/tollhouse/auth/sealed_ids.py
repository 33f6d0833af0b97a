"""Ids of what a provider keeps, and marks on what it encrypted: they say nothing and lead home.

    resp_<base64url of: version of the pepper, nonce, AES-256-GCM of the home>
    thr_<base64url of: version of the pepper, nonce, AES-256-GCM of the provider>.<what it encrypted>

The keys are derived from a pepper, so each replica opens what another sealed and nothing is stored. The
tenant is part of the seal without standing in it, and so is what a mark stands before: to another tenant,
or before anything else, it opens nothing.
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
from tollhouse.domain.homes import MARK, Home, Thought
from tollhouse.domain.models import PREVIOUS

PREFIX = "resp_"
PURPOSE = b"tollhouse sealed ids 1"
MARKS, NONCES = b"tollhouse marks 1", b"tollhouse nonces of marks 1"
ENCRYPTED = "encrypted_content"
LONGEST = 2048
VERSION_BYTES, NONCE_BYTES = 4, 12

_Sealed = tuple[str, str, int]
_read = msgspec.json.Decoder(_Sealed).decode


class SealedIds:
    """Implements Seals."""

    def __init__(self, current: int, peppers: Mapping[int, bytes]) -> None:
        self._current = current
        self._ciphers = {each: AESGCM(_key(pepper, PURPOSE)) for each, pepper in peppers.items()}
        self._markers = {each: AESGCM(_key(pepper, MARKS)) for each, pepper in peppers.items()}
        self._nonces = _key(peppers[current], NONCES)

    def seal(self, home: Home, tenant: str) -> str:
        version, nonce = self._current.to_bytes(VERSION_BYTES), os.urandom(NONCE_BYTES)
        said = msgspec.json.encode((home.target, home.id, home.tokens))
        sealed = self._ciphers[self._current].encrypt(nonce, said, tenant.encode())
        return PREFIX + _text(version + nonce + sealed)

    def open(self, sealed: str, tenant: str) -> Home:
        """Raises StateUnknown, whatever is wrong with it: which of it is nobody's business."""
        try:
            raw = _bytes(sealed, PREFIX)
            cipher = self._ciphers[int.from_bytes(raw[:VERSION_BYTES])]
            nonce, said = raw[VERSION_BYTES:][:NONCE_BYTES], raw[VERSION_BYTES + NONCE_BYTES :]
            return Home(*_read(cipher.decrypt(nonce, said, tenant.encode())))
        except (ValueError, KeyError, InvalidTag):
            raise StateUnknown(param=PREVIOUS) from None

    def mark(self, thought: Thought, tenant: str) -> str:
        """The same each time: an answer says what it thought twice."""
        version, bound = self._current.to_bytes(VERSION_BYTES), _bound(thought.text, tenant)
        provider = thought.provider.encode()
        within = len(provider).to_bytes(VERSION_BYTES) + provider + bound
        nonce = hmac.digest(self._nonces, within, "sha256")[:NONCE_BYTES]
        sealed = self._markers[self._current].encrypt(nonce, provider, bound)
        return f"{MARK}{_text(version + nonce + sealed)}.{thought.text}"

    def unmark(self, marked: str, tenant: str) -> Thought:
        """Raises StateUnknown, also on what bears no mark: nobody here can tell whose it is."""
        mark, _, text = marked.partition(".")
        try:
            raw = _bytes(mark, MARK)
            cipher = self._markers[int.from_bytes(raw[:VERSION_BYTES])]
            nonce, sealed = raw[VERSION_BYTES:][:NONCE_BYTES], raw[VERSION_BYTES + NONCE_BYTES :]
            return Thought(cipher.decrypt(nonce, sealed, _bound(text, tenant)).decode(), text)
        except (ValueError, KeyError, InvalidTag):
            raise StateUnknown(
                "A thought in the conversation was not given out here to a key of this tenant.",
                param=ENCRYPTED,
            ) from None


def _bound(text: str, tenant: str) -> bytes:
    """Of two texts, so that none can pass for part of the other."""
    said = text.encode()
    return len(said).to_bytes(8) + said + tenant.encode()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(sealed: str, prefix: str) -> bytes:
    """Of one spelling: an id is the same letter for letter, or another."""
    if not sealed.startswith(prefix) or len(sealed) > LONGEST:
        raise ValueError("no id of ours")
    text = sealed.removeprefix(prefix).encode()
    try:
        raw = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("no id of ours") from error
    if _text(raw).encode() != text:
        raise ValueError("another spelling")
    return raw


def _key(pepper: bytes, purpose: bytes) -> bytes:
    """A key of its own: nothing that is known of one use helps with the other."""
    return hmac.digest(pepper, purpose, "sha256")
