"""Callers by tokens that others sign: who that is, until when, and what is remembered of it.

A token is looked at once: what was found is kept under the digest of the whole of it, as long as it is good,
its issuer has the same keys and the house is what it was. Whatever is wrong with one, its bearer is told
the same in the same time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from tollhouse.auth import signatures
from tollhouse.domain import claims, tokens
from tollhouse.domain.claims import Claimed, Expected
from tollhouse.domain.errors import IssuerUnavailable, TokenInvalid
from tollhouse.domain.identity import Principal
from tollhouse.domain.snapshot import Snapshot
from tollhouse.domain.tokens import Token, TokenRefused

SHAPE = tokens.SHAPE
MOST_KEPT = 16_384


Making = Callable[[Claimed], Awaitable[None]]


class Verifier(Protocol):
    def holds(self, algorithm: str, signed: bytes, signature: bytes) -> bool: ...


Verifiers = Mapping[str, Verifier]


class Ring(Protocol):
    """An issuer's keys: another object whenever, and only when, they have changed."""

    @property
    def keys(self) -> Verifiers: ...

    def key(self, key_id: str | None) -> Verifier | None: ...

    def looked(
        self,
    ) -> Awaitable[None] | None: ...  # to be awaited, where it may help to look for more


@dataclass(frozen=True, slots=True)
class Issuer:
    expected: Expected
    ring: Ring


@dataclass(frozen=True, slots=True)
class Signed:
    token: Token
    issuer: Expected


@dataclass(slots=True)
class Seen:
    """A token whose signature held. With other keys it is looked at anew, with another house its bearer is."""

    claimed: Claimed
    ring: Ring
    keys: Verifiers
    revision: int
    principal: Principal


class Tokens:
    """Implements Authenticator."""

    def __init__(
        self,
        issuers: Mapping[str, Issuer],
        most_kept: int = MOST_KEPT,
        making: Making | None = None,
    ) -> None:
        """By the `iss` of their tokens; trust domains as `spiffe://NAME`. `making` is awaited
        where a rule lets a user be made."""
        self._issuers = issuers
        self._rings = {each.expected.name: each.ring for each in issuers.values()}
        self._most_kept = most_kept
        self._making = making
        self._seen: dict[bytes, Seen] = {}

    @property
    def rings(self) -> Mapping[str, Ring]:
        """By the names of their issuers."""
        return self._rings

    def identify(
        self, credential: str, snapshot: Snapshot, now: float
    ) -> Principal | Awaitable[None]:
        """Something to be awaited where its issuer's keys have to be looked at first; then it is asked again."""
        digest = sha256(credential.encode()).digest()
        seen = self._seen.get(digest)
        if seen is None or seen.ring.keys is not seen.keys or seen.claimed.until <= now:
            self._seen.pop(digest, None)
            found = self._looked_at(credential, snapshot, now)
            if not isinstance(found, Seen):
                return found
            seen = found
            self._keep(digest, seen)
        elif seen.revision != snapshot.revision:
            seen.principal = _principal(seen.claimed, snapshot)
            seen.revision = snapshot.revision
        return seen.principal

    def claimed(self, credential: str, now: float) -> Claimed | Awaitable[None]:
        """Whom it stands for, or something to be awaited. Raises TokenRefused, IssuerUnavailable."""
        found = self.signed(credential)
        if not isinstance(found, Signed):
            return found
        return claims.claimed(found.token.claims, found.issuer, now)

    def signed(self, credential: str) -> Signed | Awaitable[None]:
        """A token whose signature is its issuer's, and nothing else of it looked at; or as `claimed`."""
        token = tokens.read(credential)
        issuer = token.found_in(self._issuers)
        if issuer is None:
            _spend(token)
            raise TokenRefused("nobody knows its issuer here")
        key = issuer.ring.key(token.key_id)
        if key is None:
            if (looked := issuer.ring.looked()) is not None:
                return looked
            _spend(token)
            if not issuer.ring.keys:
                raise IssuerUnavailable(private=f"no keys of {issuer.expected.name}")
            raise TokenRefused("its issuer has no such key")
        if not key.holds(token.algorithm, token.signed, token.signature):
            raise TokenRefused("its signature does not hold, or its algorithm is not the key's")
        return Signed(token, issuer.expected)

    def _looked_at(self, credential: str, snapshot: Snapshot, now: float) -> Seen | Awaitable[None]:
        try:
            claimed = self.claimed(credential, now)
            if not isinstance(claimed, Claimed):
                return claimed
            if self._making is not None and snapshot.people.lacks_but_the_user(claimed):
                return self._making(claimed)
        except TokenRefused as refused:
            raise TokenInvalid(private=str(refused)) from None
        ring = self._rings[claimed.issuer]
        return Seen(claimed, ring, ring.keys, snapshot.revision, _principal(claimed, snapshot))

    def _keep(self, digest: bytes, seen: Seen) -> None:
        """The oldest makes room; it is only looked at once more."""
        if len(self._seen) >= self._most_kept:
            del self._seen[next(iter(self._seen))]
        self._seen[digest] = seen


def _principal(claimed: Claimed, snapshot: Snapshot) -> Principal:
    try:
        return snapshot.people.principal(claimed)
    except TokenRefused as refused:
        raise TokenInvalid(private=str(refused)) from None


def _spend(token: Token) -> None:
    signatures.spend_as_much(token.algorithm, token.signed, token.signature)
