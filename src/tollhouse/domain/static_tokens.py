"""Tokens that stand in a file which somebody else writes: a mounted Secret, one for each line.

Kept of a token is its SHA-256 alone. The file is read as strictly as it can be: what cannot be sent in a header,
what another authenticator would be asked about, and what anybody would guess is no token.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from hashlib import sha256

from tollhouse.domain.identity import STATIC, Priority, Proof

SHORTEST, LONGEST = 16, 4096
MOST = 16
"""In one file: enough to exchange one for another while both hold."""

TAKEN_SHAPES = ("thk_", "tha_", "ths_", "eyJ", "sk-", "gw-", "tk-", "tk_")
"""How credentials of other kinds begin: nobody would look for one of these in a file."""

_token = re.compile(rb"[!-~]+").fullmatch


class TokensUnfit(Exception):
    """Why a file has no tokens, in words for operators. Never repeats what is in it."""


class TokensMissing(TokensUnfit):
    """There may be some later."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whose calls those are. `key` tells tokens of one table apart: its name, and what a token is known by."""

    key: str
    tenant: str
    project: str
    user: str
    models: tuple[str, ...]
    priority: Priority
    account: str
    only: tuple[str, ...] | None = None

    @property
    def proof(self) -> Proof:
        return Proof(f"{STATIC}{self.key.partition(':')[0]}")

    def of(self, digest: bytes) -> Bearer:
        return replace(self, key=f"{self.key}:{digest.hex()[:16]}")


def digest(token: str) -> bytes:
    return sha256(token.encode()).digest()


def read(raw: bytes) -> tuple[str, ...]:
    """The tokens of a file, without the blanks around them. Raises TokensUnfit."""
    lines = [line.strip() for line in raw.splitlines() if line.strip()]
    if not lines:
        raise TokensMissing("nothing is in it")
    if len(lines) > MOST:
        raise TokensUnfit(f"it has more than {MOST} lines")
    if len(set(lines)) < len(lines):
        raise TokensUnfit("a token stands in it twice")
    return tuple([_read(line) for line in lines])


def _read(line: bytes) -> str:
    if not _token(line):
        raise TokensUnfit("a line of it has blanks or characters in it that no header can have")
    if not SHORTEST <= len(line) <= LONGEST:
        raise TokensUnfit(f"a token of it has {len(line)} characters, not {SHORTEST} to {LONGEST}")
    if line.startswith(tuple(shape.encode() for shape in TAKEN_SHAPES)):
        raise TokensUnfit("a token of it begins like a credential of another kind")
    return line.decode()
