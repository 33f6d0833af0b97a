"""How much of an answer was produced, when nobody says: counted locally, never too low.

A stream sends at least one event a token or at least some text a token, so the larger of
"events with text" and "a third of the text's bytes" bounds what tokenizers make of prose
and code. Reading happens only when it is needed: until then the bytes are kept, and folded
into two numbers when they grow.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tollhouse.dialects import sse

FOLD_BYTES = 64 * 1024
BYTES_PER_TOKEN = 3


class OutputCount:
    __slots__ = ("_events", "_kept", "_kept_bytes", "_text_bytes")

    def __init__(self) -> None:
        self._kept: list[bytes] = []
        self._kept_bytes = self._events = self._text_bytes = 0

    def keep(self, block: bytes) -> None:
        self._kept.append(block)
        self._kept_bytes += len(block)
        if self._kept_bytes > FOLD_BYTES:
            self._fold()

    def tokens(self) -> int:
        self._fold()
        return max(self._events, tokens_in(self._text_bytes))

    def _fold(self) -> None:
        for event in sse.events(b"".join(self._kept)):
            length = _text_length(sse.data_of(event), "delta")
            self._events += length > 0
            self._text_bytes += length
        self._kept.clear()
        self._kept_bytes = 0


def tokens_in(text_bytes: int) -> int:
    return -(-text_bytes // BYTES_PER_TOKEN)


def tokens_of_completion(body: bytes) -> int:
    """For an answer in one piece that carries no usage."""
    return tokens_in(_text_length(body, "message"))


def _text_length(document: bytes, member: str) -> int:
    try:
        value = msgspec.json.decode(document)
    except msgspec.MsgspecError:
        return 0
    choices = value.get("choices") if isinstance(value, dict) else None
    if not isinstance(choices, list):
        return 0
    return sum(_strings(choice.get(member)) for choice in choices if isinstance(choice, dict))


def _strings(value: Any) -> int:
    """Bytes of text within what a model produced; names and ids of ours are not its work."""
    if isinstance(value, dict):
        return sum(_strings(item) for name, item in value.items() if name not in _NOT_PRODUCED)
    if isinstance(value, list):
        return sum(map(_strings, value))
    return len(value.encode()) if isinstance(value, str) else 0


_NOT_PRODUCED = frozenset({"role", "id", "type", "object"})
