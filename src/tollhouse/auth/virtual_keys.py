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
    """Implements Authenticator. `touched` tells when a key was last used, by its public id, and `touched_previous`
    when its secret from before the last rotation was."""

    def __init__(self, peppers: Mapping[int, bytes]) -> None:
        self._peppers = peppers
        self._nothing = Digest(pepper=next(iter(peppers)), value=bytes(32))
        self._nobody = KeyRecord(Principal("", "", "", "", (0, 0, 0, 0), ()), self._nothing)
        self.touched: dict[str, float] = {}
        self.touched_previous: dict[str, float] = {}

    def identify(self, credential: str, snapshot: Snapshot, now: float) -> Principal:
        key_id = credentials.claimed_id(credential)
        if key_id is None:
            raise KeyMalformed
        record = snapshot.keys.get(key_id, self._nobody)
        if self._matches(credential, record.digest):
            return let_in(record, now, self.touched)
        self._insist_on_previous(credential, record, now)
        principal = let_in(record, now, self.touched)
        self.touched_previous[principal.key] = now
        return principal

    def _insist_on_previous(self, credential: str, record: KeyRecord, now: float) -> None:
        """What fails takes two digests, whether the id is known, unknown, rotated or withdrawn."""
        if not self._matches(credential, _previous(record, now) or self._nothing):
            raise KeyUnknown if credentials.public_id(credential) else KeyMalformed

    def _matches(self, credential: str, digest: Digest) -> bool:
        pepper = self._peppers.get(digest.pepper)
        if pepper is None:  # it was withdrawn: its keys are out
            pepper, digest = self._peppers[self._nothing.pepper], self._nothing
        return hmac.compare_digest(credentials.digest(credential, pepper), digest.value)


def let_in(record: KeyRecord, now: float, touched: dict[str, float]) -> Principal:
    """Whose key it is, once it is proved. Raises KeyDisabled, KeyExpired."""
    if record.is_disabled:
        raise KeyDisabled
    if record.expires_at is not None and record.expires_at <= now:
        raise KeyExpired
    touched[record.principal.key] = now
    return record.principal


def _previous(record: KeyRecord, now: float) -> Digest | None:
    until = record.previous_until
    return record.previous if until is not None and now < until else None
