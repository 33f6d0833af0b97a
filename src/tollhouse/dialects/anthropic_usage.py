"""Anthropic's usage, turned into disjoint classes: there cached tokens come on top of the input.

A stream tells what went in first and what came out last. Each count is all there was until then, so
a later one takes the place of an earlier one.
"""

from __future__ import annotations

import msgspec

from tollhouse.dialects.openai_usage import MOST_TOKENS
from tollhouse.domain.pricing import Kinds, Usage


class _Written(msgspec.Struct):
    ephemeral_1h_input_tokens: int | None = None


class _Details(msgspec.Struct):
    thinking_tokens: int | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_creation: _Written | None = None
    output_tokens_details: _Details | None = None


_decoder = msgspec.json.Decoder(_Usage)


class Tally:
    """What was told so far; `usage` is None as long as nothing can be believed."""

    __slots__ = ("_input", "_long", "_output", "_read", "_thoughts", "_written")

    def __init__(self) -> None:
        self._input: int | None = None
        self._output = self._read = self._written = self._long = self._thoughts = 0

    def take(self, raw: bytes | msgspec.Raw, *, is_early: bool = False) -> None:
        """`is_early`: at the start of a stream, where what came out is not yet what will have."""
        try:
            found = _decoder.decode(raw)
        except (msgspec.MsgspecError, RecursionError):
            return
        self._input = _later(found.input_tokens, self._input)
        self._read = _later(found.cache_read_input_tokens, self._read) or 0
        self._written = _later(found.cache_creation_input_tokens, self._written) or 0
        if found.cache_creation is not None:
            self._long = _later(found.cache_creation.ephemeral_1h_input_tokens, self._long) or 0
        if not is_early:
            self._output = _later(found.output_tokens, self._output) or 0
            if found.output_tokens_details is not None:
                thoughts = _later(found.output_tokens_details.thinking_tokens, self._thoughts) or 0
                self._thoughts = min(thoughts, self._output)

    @property
    def usage(self) -> Usage | None:
        if self._input is None:
            return None
        long = min(self._long, self._written)
        is_plain = not long and not self._thoughts
        kinds = None if is_plain else Kinds(long_write=long, reasoning=self._thoughts)
        return Usage(self._input, self._output, self._read, self._written, kinds=kinds)


def _later(told: int | None, known: int | None) -> int | None:
    """A count that no call can have is none; nothing after something takes nothing back."""
    if told is None or not 0 <= told <= MOST_TOKENS or (told == 0 and known):
        return known
    return told
