"""What a Tollhouse key looks like, and what is kept of it.

    thk_<id>_<secret><checksum>

The id is public and finds the record; the secret has 190 bits; the checksum lets a scanner,
or this gateway, tell a mistyped key from an unknown one without a lookup. Kept is only an
HMAC under a pepper that the database does not hold.
"""

from __future__ import annotations

import hmac
import re
import zlib
from dataclasses import dataclass
from functools import lru_cache

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ID_LENGTH = 12
SECRET_LENGTH = 32
CHECKSUM_LENGTH = 6
PATTERN = re.compile(
    rf"thk_([0-9A-Za-z]{{{ID_LENGTH}}})_([0-9A-Za-z]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}})"
)


@dataclass(frozen=True, slots=True)
class Digest:
    """What is stored of a key: which pepper, and the HMAC under it."""

    pepper: int
    value: bytes


def assemble(key_id: str, secret: str) -> str:
    """The key as its owner sees it, once."""
    stem = f"thk_{key_id}_{secret}"
    return stem + checksum(stem)


def public_id(key: str) -> str | None:
    """The id within a well-formed key; None for anything else."""
    claimed = claimed_id(key)
    return (
        claimed if claimed and checksum(key[:-CHECKSUM_LENGTH]) == key[-CHECKSUM_LENGTH:] else None
    )


def claimed_id(key: str) -> str | None:
    """The id within what has the shape of a key. Whoever proves it need not check the sum."""
    match = PATTERN.fullmatch(key)
    return match[1] if match else None


def digest(key: str, pepper: bytes) -> bytes:
    keyed = _keyed(pepper).copy()
    keyed.update(key.encode())
    return keyed.digest()


@lru_cache(maxsize=16)
def _keyed(pepper: bytes) -> hmac.HMAC:
    """The pepper worked in once: a third of the work of each check."""
    return hmac.new(pepper, digestmod="sha256")


def checksum(stem: str) -> str:
    rest = zlib.crc32(stem.encode())
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits
