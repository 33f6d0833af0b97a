"""How much of an answer was produced, when nobody says: counted locally, never too low.

A stream sends at least one delta a token or at least some text a token, so the larger of
"deltas with text" and "a third of the text's bytes" bounds what tokenizers make of prose
and code. Reading happens only when it is needed: until then the deltas are kept, and folded
into numbers when they grow. There it shows, too, whether more came than may have been produced.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tollhouse.domain.counting import most_text, printed, tokens_in
from tollhouse.domain.errors import UpstreamOverlong

FOLD_BYTES = 16 * 1024
TIMES_WRAPPED = 4
"""What is kept of a delta is JSON around its text, so much as to look no earlier."""


class OutputCount:
    __slots__ = (
        *("_fold_at", "_kept", "_kept_bytes", "_most", "_printed", "_text_bytes"),
        "_with_text",
    )

    def __init__(self) -> None:
        self._kept: list[bytes] = []
        self._kept_bytes = self._with_text = self._text_bytes = self._printed = 0
        self._fold_at = FOLD_BYTES
        self._most: int | None = None

    def bound(self, tokens: int) -> None:
        """Beyond what so many tokens can say, `keep` raises UpstreamOverlong."""
        self._most = most_text(tokens)
        self._fold_at = min(FOLD_BYTES, self._most * TIMES_WRAPPED)

    def keep(self, delta: bytes) -> None:
        """What a choice says in one event: JSON, as it came."""
        self._kept.append(delta)
        self._kept_bytes += len(delta)
        if self._kept_bytes > self._fold_at:
            self._fold()
            if self._most is not None and self._printed > self._most:
                raise UpstreamOverlong(private="more was produced than the provider was told to")

    def tokens(self) -> int:
        self._fold()
        return max(self._with_text, tokens_in(self._text_bytes))

    def _fold(self) -> None:
        said = _read(self._kept)
        for length in _lengths(self._kept, said):
            self._with_text += length > 0
            self._text_bytes += length
        if self._most is not None and said is not None:
            self._printed += sum(map(_printed, said))
        self._kept.clear()
        self._kept_bytes = 0


def tokens_of(messages: list[bytes]) -> int:
    """For an answer in one piece that carries no usage."""
    return tokens_in(sum(_lengths(messages, _read(messages))))


def _read(said: list[bytes]) -> list[Any] | None:
    try:
        found: list[Any] = msgspec.json.decode(b"[%b]" % b",".join(said))
    except (ValueError, RecursionError):  # nested beyond reason
        return None
    return found


def _lengths(said: list[bytes], read: list[Any] | None) -> list[int]:
    """Never too low."""
    return [len(each) for each in said] if read is None else [_text_bytes(each) for each in read]


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


def _printed(value: Any) -> int:
    """As much of it as is surely text of the model, without its blanks: never too high."""
    if isinstance(value, str):
        return printed(value)
    if isinstance(value, dict):
        return sum([_printed(item) for name, item in value.items() if name in _PRODUCED])
    return sum(map(_printed, value)) if isinstance(value, list) else 0


_PRODUCED = frozenset(
    {
        *("content", "text", "reasoning", "reasoning_content", "thinking", "refusal"),
        *("tool_calls", "function", "arguments", "partial_json"),
    }
)
"""What is encrypted, pictures and sounds have far more bytes than tokens."""
