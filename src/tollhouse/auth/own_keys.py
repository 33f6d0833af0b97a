"""The secrets that this gateway signs tokens of its own with (HS256), and the tokens.

Two are alive while one is exchanged for the other: the current one signs, and what the one before signed is good
until a moment. They are nobody else's: whoever can check such a signature can make one.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tollhouse.domain.vouching import Stock

ALGORITHM = "HS256"


@dataclass(frozen=True, slots=True)
class SecretKey:
    """Like a key of an issuer, and it signs as well."""

    secret: bytes = field(repr=False)

    def holds(self, algorithm: str, signed: bytes, signature: bytes) -> bool:
        if algorithm != ALGORITHM:
            return False
        return hmac.compare_digest(hmac.digest(self.secret, signed, "sha256"), signature)


class OwnKeys:
    """Implements Ring, with nobody to ask. `secrets` are by their versions, which are the ids of the keys."""

    def __init__(
        self,
        secrets: Mapping[int, bytes],
        current: int,
        previous_until_s: float,
        clock_s: Callable[[], float],
    ) -> None:
        self._current = str(current)
        self._all = {str(version): SecretKey(secret) for version, secret in secrets.items()}
        self._alone = {self._current: self._all[self._current]}
        self._previous_until_s = previous_until_s
        self._clock_s = clock_s

    @property
    def keys(self) -> Mapping[str, SecretKey]:
        return self._all if self._clock_s() < self._previous_until_s else self._alone

    def key(self, key_id: str | None) -> SecretKey | None:
        return None if key_id is None else self.keys.get(key_id)

    def looked(self) -> Awaitable[None] | None:
        return None

    def stock(self) -> Stock:
        return Stock("secrets", len(self.keys))

    def token(self, claims: Mapping[str, Any]) -> str:
        """Signed with the current secret."""
        head = {"alg": ALGORITHM, "kid": self._current, "typ": "JWT"}
        said = f"{_encoded(head)}.{_encoded(claims)}"
        mac = hmac.digest(self._all[self._current].secret, said.encode(), "sha256")
        return f"{said}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def _encoded(members: Mapping[str, Any]) -> str:
    raw = json.dumps(members, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
