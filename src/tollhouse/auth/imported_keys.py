"""Keys that another gateway gave out, until they are rotated: found by what it kept of them.

It kept a bare SHA-256, which anybody who has seen it can compare with. Here an HMAC of that under a pepper is
kept, and a key is found by it: what a caller sends says nothing of what lies near it.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from tollhouse.auth.virtual_keys import VirtualKeys, let_in
from tollhouse.domain import credentials
from tollhouse.domain.errors import KeyMalformed, KeyUnknown
from tollhouse.domain.identity import KeyRecord, Principal
from tollhouse.domain.snapshot import Snapshot

SHAPES = ("sk-", "gw-", "tk-", "tk_")
"""LiteLLM's, and otari's of all times."""


class ImportedKeys:
    """Implements Authenticator. What is touched is that of `beside`: keys are of one kind once they are rotated."""

    def __init__(self, peppers: Mapping[int, bytes], beside: VirtualKeys) -> None:
        self._peppers = peppers
        self._beside = beside

    def identify(self, credential: str, snapshot: Snapshot, now: float) -> Principal:
        """Where nothing was imported, such a credential is none."""
        if not snapshot.imported:
            raise KeyMalformed
        record = self._found(credential, snapshot)
        if record is None or _is_over(record, now):
            raise KeyUnknown
        principal = let_in(record, now, self._beside.touched)
        if record.previous_until is not None:
            self._beside.touched_previous[principal.key] = now
        return principal

    def _found(self, credential: str, snapshot: Snapshot) -> KeyRecord | None:
        """Under each pepper, whether or not it was found under one before."""
        kept = sha256(credential.encode()).hexdigest()
        digests = [credentials.digest(kept, pepper) for pepper in self._peppers.values()]
        keys = [snapshot.imported.get(digest) for digest in digests]
        return next((snapshot.keys.get(key) for key in keys if key is not None), None)


def _is_over(record: KeyRecord, now: float) -> bool:
    """After a rotation it is the previous secret."""
    return record.previous_until is not None and record.previous_until <= now
