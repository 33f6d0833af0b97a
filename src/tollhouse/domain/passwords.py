"""Passwords: which ones are taken, and what is kept of one.

Nothing is asked of a password but that nobody guesses it: no kinds of characters, no date on which it ends.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field

SHORTEST = 12
LONGEST = 128
FEWEST_DIFFERENT = 6
ROWS = ("abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm", "1234567890")
LEET = str.maketrans("013457@$!", "oieastasi")
AROUND = "0123456789!?.,-_#*+$%&/()=@ "
LONG_ENOUGH_TO_TELL = 4


@dataclass(frozen=True, slots=True)
class Kept:
    """What the store has of a password: the hash with its parameters, and the version of the pepper in it."""

    text: str = field(repr=False)
    pepper: int


@dataclass(frozen=True, slots=True)
class Proved:
    """Whether it was the password; and what to keep of it from now on, where that is another than what is kept."""

    holds: bool
    renewed: Kept | None = None


def normal(password: str) -> str:
    """The same letters are the same password, however a keyboard composes them."""
    return unicodedata.normalize("NFC", password)


def weakness(password: str, user: str, known: Collection[str]) -> str | None:
    """Why it is not taken, in words that follow "a password"; None where it is."""
    if not SHORTEST <= len(password) <= LONGEST:
        return f"has {SHORTEST} to {LONGEST} characters"
    if not all(each.isprintable() for each in password):
        return "has no control characters or line breaks in it"
    plain = password.casefold()
    if len(set(plain)) < FEWEST_DIFFERENT:
        return f"has at least {FEWEST_DIFFERENT} different characters"
    if any(_is_known(each, known) for each in (plain, plain.strip(AROUND).translate(LEET))):
        return "is none that is known, nor such a one with digits around it"
    if any(plain in row * 2 or plain in row[::-1] * 2 for row in ROWS):
        return "is no row of the keyboard or the alphabet"
    for name in user.casefold().replace("@", "/").split("/"):
        if len(name) >= LONG_ENOUGH_TO_TELL and name in plain:
            return "does not have the name of its user in it"
    return None


def _is_known(plain: str, known: Collection[str]) -> bool:
    """Also twice over."""
    bare = plain.strip(AROUND)
    half = bare[: len(bare) // 2]
    return bool({plain, bare} & set(known)) or (half * 2 == bare and half in known)
