"""Operators, by the tokens that they mint on the host."""

from __future__ import annotations

from collections.abc import Mapping

from tollhouse.domain import admin_tokens
from tollhouse.domain.admin_tokens import SHAPE, TokenRefused
from tollhouse.domain.errors import KeyExpired, KeyMalformed, KeyUnknown
from tollhouse.domain.identity import Principal, Proof
from tollhouse.domain.snapshot import Snapshot

__all__ = ["SHAPE", "AdminTokens"]

REFUSALS = {"malformed": KeyMalformed, "unknown": KeyUnknown, "expired": KeyExpired}


BY_TOKEN = Proof("admin token")


class AdminTokens:
    """Implements Authenticator, for the admin listener alone. An operator has no accounts and calls no model."""

    def __init__(self, peppers: Mapping[int, bytes]) -> None:
        self._peppers = peppers

    def identify(self, credential: str, _snapshot: Snapshot, now: float) -> Principal:
        try:
            token_id = admin_tokens.proved(credential, self._peppers, now)
        except TokenRefused as refused:
            raise REFUSALS[str(refused)] from None
        return Principal(token_id, "", "", "operator", (0, 0, 0, 0), (), proof=BY_TOKEN)
