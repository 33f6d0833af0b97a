"""OpenAI's usage objects, turned into disjoint classes whose sum is the provider's total, and back."""

from __future__ import annotations

from typing import Any

import msgspec

from tollhouse.domain.deltas import Counted
from tollhouse.domain.pricing import Usage


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _OutputDetails | None = None


MOST_TOKENS = 10**12
"""Of one call: more is no count, and would not fit a row."""

_decoder = msgspec.json.Decoder(_Usage)


def read_usage(raw: bytes | msgspec.Raw) -> Usage | None:
    """None when the provider gave nothing that can be believed."""
    counted = read_count(raw)
    return counted.usage if counted else None


def read_count(raw: bytes | msgspec.Raw) -> Counted | None:
    try:
        found = _decoder.decode(raw)
    except msgspec.MsgspecError:
        return None
    details, thoughts = found.prompt_tokens_details, found.completion_tokens_details
    return in_classes(
        found.prompt_tokens,
        found.completion_tokens,
        details.cached_tokens if details else None,
        details.cache_write_tokens if details else None,
        thoughts.reasoning_tokens if thoughts else None,
    )


def in_classes(
    prompt: int | None,
    output: int | None,
    read: int | None,
    written: int | None,
    reasoning: int | None,
) -> Counted | None:
    """Of a prompt's tokens some were read from a cache and some written to it; some output was thought."""
    if prompt is None or output is None or max(prompt, output) > MOST_TOKENS:
        return None
    if prompt >= 0 <= output and not (read or written or reasoning):
        return Counted(Usage(prompt, output))
    prompt, output = max(prompt, 0), max(output, 0)
    read, written = max(read or 0, 0), max(written or 0, 0)
    if read + written > prompt:  # contradictory: all of it counts as fresh
        read = written = 0
    reasoning = min(max(reasoning or 0, 0), output)
    return Counted(Usage(prompt - read - written, output, read, written), reasoning)


def shown(counted: Counted) -> dict[str, Any]:
    usage = counted.usage
    prompt = usage.input + usage.cache_read + usage.cache_write
    return {
        "prompt_tokens": prompt,
        "completion_tokens": usage.output,
        "total_tokens": prompt + usage.output,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": usage.cache_write,
        },
        "completion_tokens_details": {"reasoning_tokens": counted.reasoning},
    }


def read_input(raw: bytes | msgspec.Raw) -> Usage | None:
    """Of an endpoint that produces no tokens; some of them say only how many there were in all."""
    try:
        found = _decoder.decode(raw)
    except msgspec.MsgspecError:
        return None
    counts = (found.prompt_tokens, found.total_tokens)
    tokens = next((count for count in counts if count is not None), -1)
    return Usage(input=tokens) if 0 <= tokens <= MOST_TOKENS else None


class _Made(msgspec.Struct):
    input_tokens: int = 0
    output_tokens: int = 0


_made = msgspec.json.Decoder(_Made | None).decode


def read_made(raw: bytes | msgspec.Raw, images: int) -> Usage:
    """Of what was made, with the tokens that went into it where they are told."""
    try:
        found = _made(raw) or _Made()
    except msgspec.MsgspecError:
        return Usage(images=images)
    tokens = [
        count if 0 <= count <= MOST_TOKENS else 0
        for count in (found.input_tokens, found.output_tokens)
    ]
    return Usage(input=tokens[0], output=tokens[1], images=images)
