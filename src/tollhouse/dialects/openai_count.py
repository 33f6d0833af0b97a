"""How much of an answer was produced, when nobody says: counted locally, never too low.

A stream sends at least one delta a token or at least some text a token, so the larger of
"deltas with text" and "a third of the text's bytes" bounds what tokenizers make of prose
and code. Reading happens only when it is needed: until then the deltas are kept, and folded
into two numbers when they grow.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tollhouse.domain.counting import tokens_in

FOLD_BYTES = 16 * 1024


class OutputCount:
    __slots__ = ("_kept", "_kept_bytes", "_text_bytes", "_with_text")

    def __init__(self) -> None:
        self._kept: list[bytes] = []
        self._kept_bytes = self._with_text = self._text_bytes = 0

    def keep(self, delta: bytes) -> None:
        """What a choice says in one event: JSON, as it came."""
        self._kept.append(delta)
        self._kept_bytes += len(delta)
        if self._kept_bytes > FOLD_BYTES:
            self._fold()

    def tokens(self) -> int:
        self._fold()
        return max(self._with_text, tokens_in(self._text_bytes))

    def _fold(self) -> None:
        for length in _lengths(self._kept):
            self._with_text += length > 0
            self._text_bytes += length
        self._kept.clear()
        self._kept_bytes = 0


def tokens_of(messages: list[bytes]) -> int:
    """For an answer in one piece that carries no usage."""
    return tokens_in(sum(_lengths(messages)))


def _lengths(said: list[bytes]) -> list[int]:
    try:
        return [_text_bytes(each) for each in msgspec.json.decode(b"[%b]" % b",".join(said))]
    except (ValueError, RecursionError):  # nested beyond reason: never too low
        return [len(each) for each in said]


def _text_bytes(value: Any) -> int:
    """Bytes of text within what a model produced; names and ids of ours are not its work."""
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode())
    if isinstance(value, dict):
        return sum([_text_bytes(item) for name, item in value.items() if name not in _NOT_PRODUCED])
    if isinstance(value, list):
        return sum(map(_text_bytes, value))
    return 0


_NOT_PRODUCED = frozenset({"role", "id", "type", "object"})
