"""The usage of an OpenAI response, in disjoint classes whose sum is the provider's total, and back."""

from __future__ import annotations

from typing import Any

import msgspec

from tollhouse.dialects.openai_usage import Details, in_classes
from tollhouse.domain.deltas import Counted
from tollhouse.domain.pricing import Usage


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    input_tokens_details: Details | None = None
    output_tokens_details: Details | None = None


_decoder = msgspec.json.Decoder(_Usage)


def read_usage(raw: bytes | msgspec.Raw) -> Usage | None:
    """None when the provider gave nothing that can be believed."""
    counted = read_count(raw)
    return counted.usage if counted else None


def read_count(raw: bytes | msgspec.Raw) -> Counted | None:
    try:
        found = _decoder.decode(raw)
    except (ValueError, RecursionError):
        return None
    return in_classes(
        *(found.input_tokens, found.output_tokens, found.total_tokens),
        *(found.input_tokens_details, found.output_tokens_details),
    )


def shown(counted: Counted) -> dict[str, Any]:
    """As OpenAI says it: the classes within the totals."""
    usage = counted.usage
    prompt = usage.input + usage.cache_read + usage.cache_write
    return {
        "input_tokens": prompt,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": usage.cache_write,
        },
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": prompt + usage.output,
    }
