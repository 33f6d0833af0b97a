"""Converse's usage in disjoint classes: what was read from a cache or written to one comes on top of the input."""

from __future__ import annotations

import msgspec

from tollhouse.dialects.openai_usage import MOST_TOKENS
from tollhouse.domain.deltas import Counted
from tollhouse.domain.pricing import Kinds, Usage

LONG = "1h"


class _Detail(msgspec.Struct, rename="camel"):
    ttl: str | None = None
    input_tokens: int | None = None


class _Usage(msgspec.Struct, rename="camel"):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None
    cache_details: list[_Detail] | None = None


_decode = msgspec.json.Decoder(_Usage).decode


def read_count(raw: bytes | msgspec.Raw) -> Counted | None:
    """None when nothing was given that can be believed."""
    try:
        found = _decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        return None
    told = (found.input_tokens, found.output_tokens)
    cached = (found.cache_read_input_tokens or 0, found.cache_write_input_tokens or 0)
    if not all(each is not None and 0 <= each <= MOST_TOKENS for each in (*told, *cached)):
        return None
    written = cached[1]
    details = [each for each in found.cache_details or () if each.ttl == LONG]
    long = min(max(sum(each.input_tokens or 0 for each in details), 0), written)
    kinds = Kinds(long_write=long) if long else None
    return Counted(Usage(told[0] or 0, told[1] or 0, *cached, kinds=kinds))
