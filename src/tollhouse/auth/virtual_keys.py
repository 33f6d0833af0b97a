"""Tollhouse's own keys: found by their public id, proved by an HMAC under a pepper."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from tollhouse.domain import credentials
from tollhouse.domain.credentials import Digest
from tollhouse.domain.errors import KeyDisabled, KeyExpired, KeyMalformed, KeyUnknown
from tollhouse.domain.identity import KeyRecord, Principal
from tollhouse.domain.snapshot import Snapshot

SHAPE = "thk_"


class VirtualKeys:
    """Implements Authenticator. `touched` tells when a key was last used, by its public id."""

    def __init__(self, peppers: Mapping[int, bytes]) -> None:
        self._peppers = peppers
        self._absent = Digest(pepper=next(iter(peppers)), value=bytes(32))
        self.touched: dict[str, float] = {}

    def identify(self, credential: str, snapshot: Snapshot, now: float) -> Principal:
        key_id = credentials.claimed_id(credential)
        if key_id is None:
            raise KeyMalformed
        record = snapshot.keys.get(key_id)
        is_proved = self._proves(credential, record, now)
        if record is None or not is_proved:
            raise KeyUnknown if credentials.public_id(credential) else KeyMalformed
        if record.is_disabled:
            raise KeyDisabled
        if record.expires_at is not None and record.expires_at <= now:
            raise KeyExpired
        self.touched[key_id] = now
        return record.principal

    def _proves(self, credential: str, record: KeyRecord | None, now: float) -> bool:
        """An unknown id costs the same work as a known one."""
        if record is None:
            return self._matches(credential, self._absent)
        if self._matches(credential, record.digest):
            return True
        previous, until = record.previous, record.previous_until
        is_in_grace = previous is not None and until is not None and now < until
        return is_in_grace and previous is not None and self._matches(credential, previous)

    def _matches(self, credential: str, digest: Digest) -> bool:
        pepper = self._peppers.get(digest.pepper)
        if pepper is None:  # a pepper that was withdrawn: its keys are out
            return False
        return hmac.compare_digest(credentials.digest(credential, pepper), digest.value)
