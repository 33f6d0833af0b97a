"""How many tokens a text has, where nobody says: by its bytes.

Measured with the ranks of o200k_base and cl100k_base a token has 4 bytes of English and of code, 2.4 of tables of
numbers, 2.0 of random letters, and up to 8.8 of other scripts. docs/decisions/0048 has the figures.
"""

from __future__ import annotations

BYTES_PER_TOKEN = 3

MOST_BYTES_PER_TOKEN = 64
"""More than any text has: a count that is lower yet does not count that text."""


def tokens_in(text_bytes: int) -> int:
    return -(-text_bytes // BYTES_PER_TOKEN)
