"""What an operator shows to the admin API: minted on the host, good for minutes, kept nowhere.

    tha_<pepper>_<id>_<expires>_<mac>

Who has the pepper mints them, so there is no admin key that could lie about. The MAC covers all that stands
before it, under a key that is derived for this alone.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping

SHAPE = "tha_"
LONGEST_S = 12 * 3600
ID_LENGTH = 12

_PATTERN = re.compile(r"tha_([1-9][0-9]{0,5})_([0-9A-Za-z]{12})_([0-9]{10,12})_([0-9a-f]{64})")
_PURPOSE = b"tollhouse admin token 1"


class TokenRefused(Exception):
    """It is not one of ours, or not any more."""


def assemble(version: int, pepper: bytes, token_id: str, expires_at_s: int) -> str:
    stem = f"{SHAPE}{version}_{token_id}_{expires_at_s}"
    return f"{stem}_{_mac(stem, pepper)}"


def proved(token: str, peppers: Mapping[int, bytes], now_s: float) -> str:
    """The token's id. Raises TokenRefused, and only a token of ours learns that it is too old."""
    match = _PATTERN.fullmatch(token)
    if match is None:
        raise TokenRefused("malformed")
    pepper = peppers.get(int(match[1]))
    stem = token.rpartition("_")[0]
    is_ours = hmac.compare_digest(_mac(stem, pepper or bytes(32)), match[4])
    if pepper is None or not is_ours:
        raise TokenRefused("unknown")
    if not now_s < int(match[3]) <= now_s + LONGEST_S:
        raise TokenRefused("expired")
    return match[2]


def _mac(stem: str, pepper: bytes) -> str:
    key = hmac.digest(pepper, _PURPOSE, "sha256")
    return hmac.new(key, stem.encode(), "sha256").hexdigest()
