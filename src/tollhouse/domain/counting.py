"""How many tokens a text has, where nobody says: by its bytes.

Measured with the ranks of o200k_base and cl100k_base a token has 4 bytes of English and of code, 2.4 of tables of
numbers, 2.0 of random letters, and up to 8.8 of other scripts. docs/decisions/0048 has the figures.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

BYTES_PER_TOKEN = 3

MOST_BYTES_PER_TOKEN = 64
"""More than any text has: a count that is lower yet does not count that text."""


MOST_BYTES_OF_A_TOKEN = 16
"""Of an answer's text, without its blanks, on average: nearly twice the most that was measured."""

MOST_BESIDE = 256
"""A few tokens are long."""


class Bounded(ABC):
    """Output that is measured while it passes. What is surely more than the bound is cut."""

    __slots__ = ()

    @abstractmethod
    def bound(self, tokens: int) -> None: ...


def most_text(tokens: int) -> int:
    """So many bytes, blanks left out, are surely more than so many tokens."""
    return tokens * MOST_BYTES_OF_A_TOKEN + MOST_BESIDE


def printed(text: str) -> int:
    """Its bytes without blanks: of these one token may hold a hundred."""
    size = len(text) if text.isascii() else len(text.encode())
    return size - text.count(" ") - text.count("\n") - text.count("\t")


def tokens_in(text_bytes: int) -> int:
    return -(-text_bytes // BYTES_PER_TOKEN)
