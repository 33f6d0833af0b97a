"""What is shown to the admin API: minted on the host, good for minutes, never kept.

    tha_<pepper>_<id>_<expires>_<claims>_<mac>

Who has the pepper mints them, so there is no admin key that could lie about. The MAC covers all that stands
before it, under a key that is derived for this alone: whoever may write the store cannot make one, nor change
what one may do. The store can only take one back.
"""

from __future__ import annotations

import binascii
import hmac
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from tollhouse.domain.operations import Role
from tollhouse.domain.roles import Grant, place_of

SHAPE = "tha_"
LONGEST_S = 12 * 3600
ID_LENGTH = 12
MOST_OPERATIONS = 20
OPERATION = re.compile(r"\*|[a-z]{1,40}(\.[a-z]{1,40}|\.\*)?")

TOKEN = re.compile(
    r"tha_([1-9][0-9]{0,5})_([0-9A-Za-z]{12})_([0-9]{10,12})_([0-9A-Za-z.-]{1,4000})_([0-9a-f]{64})"
)
_PURPOSE = b"tollhouse admin token 2"


class TokenRefused(Exception):
    """It is not one of ours, or not any more."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token may do at most. Without a user it stands for the operator of the host who minted it."""

    user: str = ""
    role: Role = Role.OWNER
    at: str = "house"
    operations: tuple[str, ...] = ()
    """Names, or `prefix.*`; nothing is all."""

    @property
    def ceiling(self) -> Grant:
        return Grant(self.role, place_of(self.at))


def assemble(
    version: int, pepper: bytes, token_id: str, expires_at_s: int, claims: Claims = Claims()
) -> str:
    told = json.dumps([claims.user, claims.role, claims.at, *claims.operations])
    packed = b64encode(told.encode(), b"-.").decode().rstrip("=")
    stem = f"{SHAPE}{version}_{token_id}_{expires_at_s}_{packed}"
    return f"{stem}_{_mac(stem, pepper)}"


def proved(token: str, peppers: Mapping[int, bytes], now_s: float) -> str:
    """The token's id. Raises TokenRefused, and only a token of ours learns that it is too old."""
    match = TOKEN.fullmatch(token)
    if match is None:
        raise TokenRefused("malformed")
    pepper = peppers.get(int(match[1]))
    stem = token.rpartition("_")[0]
    is_ours = hmac.compare_digest(_mac(stem, pepper or bytes(32)), match[5])
    if pepper is None or not is_ours:
        raise TokenRefused("unknown")
    if not now_s < int(match[3]) <= now_s + LONGEST_S:
        raise TokenRefused("expired")
    return match[2]


def claims_of(token: str) -> Claims:
    """What a token that was proved says. Raises TokenRefused."""
    packed = token.split("_")[4]
    try:
        told = json.loads(b64decode(packed + "=" * (-len(packed) % 4), b"-.", validate=True))
        user, role, at, *operations = told
        return Claims(user, Role(role), at, tuple(operations))
    except (ValueError, TypeError, binascii.Error):
        raise TokenRefused("malformed") from None


def _mac(stem: str, pepper: bytes) -> str:
    key = hmac.digest(pepper, _PURPOSE, "sha256")
    return hmac.new(key, stem.encode(), "sha256").hexdigest()
