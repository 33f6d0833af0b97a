"""OpenAI's usage objects, turned into disjoint classes whose sum is the provider's total, and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from tollhouse.domain.deltas import Counted
from tollhouse.domain.pricing import Kinds, Usage


class Details(msgspec.Struct, gc=False):
    """What of a prompt, or of an answer, was of which kind."""

    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None
    reasoning_tokens: int | None = None

    @property
    def has_kinds(self) -> bool:
        return bool(self.audio_tokens or self.image_tokens or self.reasoning_tokens)


NO_DETAILS = Details()


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: Details | None = None
    completion_tokens_details: Details | None = None
    prompt_cache_hit_tokens: int | None = None
    """DeepSeek's word."""

    cached_tokens: int | None = None
    """Moonshot's place."""


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
    except (ValueError, RecursionError):
        return None
    before, after = found.prompt_tokens_details, found.completion_tokens_details
    if before is None and (found.prompt_cache_hit_tokens or found.cached_tokens):
        before = Details(cached_tokens=found.prompt_cache_hit_tokens or found.cached_tokens)
    return in_classes(
        found.prompt_tokens, found.completion_tokens, found.total_tokens, before, after
    )


def in_classes(
    prompt: int | None,
    output: int | None,
    total: int | None,
    before: Details | None,
    after: Details | None,
) -> Counted | None:
    """Of a prompt's tokens some were read from a cache and some written to it; of both some are of a kind.

    Some providers count thoughts in the total alone: what is in none of the others was put out.
    """
    if prompt is None or output is None or prompt > MOST_TOKENS or output > MOST_TOKENS:
        return None
    prompt, output = max(prompt, 0), max(output, 0)
    unseen = 0
    if total is not None and prompt + output < total <= MOST_TOKENS:
        unseen = total - prompt - output
    read = written = 0
    if before is not None and (before.cached_tokens or before.cache_write_tokens):
        read, written = _told(before.cached_tokens), _told(before.cache_write_tokens)
        if read + written > prompt:  # contradictory: all of it counts as fresh
            read = written = 0
    usage = Usage(prompt - read - written, output + unseen, read, written)
    if unseen or (before and before.has_kinds) or (after and after.has_kinds):
        kinds = _kinds(usage, unseen, before or NO_DETAILS, after or NO_DETAILS)
        usage = replace(usage, kinds=None if kinds == NO_KINDS else kinds)
    return Counted(usage)


def _kinds(usage: Usage, unseen: int, before: Details, after: Details) -> Kinds:
    """None of them more than its class has."""
    fresh, output, read = usage.input, usage.output, usage.cache_read
    heard = min(_told(before.audio_tokens), usage.total_input)
    audio_read = max(heard + read - usage.total_input, 0)  # cannot have been heard anew
    audio_input = min(heard - audio_read, fresh)
    return Kinds(
        audio_input=audio_input,
        image_input=min(_told(before.image_tokens), fresh - audio_input),
        audio_output=(said := min(_told(after.audio_tokens), output)),
        image_output=(drawn := min(_told(after.image_tokens), output - said)),
        reasoning=min(max(_told(after.reasoning_tokens), unseen), output - said - drawn),
        audio_read=audio_read,
    )


NO_KINDS = Kinds()


def _told(count: int | None) -> int:
    return max(count or 0, 0)


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
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def read_input(raw: bytes | msgspec.Raw) -> Usage | None:
    """Of an endpoint that produces no tokens; some of them say only how many there were in all."""
    try:
        found = _decoder.decode(raw)
    except (ValueError, RecursionError):
        return None
    counts = (found.prompt_tokens, found.total_tokens)
    tokens = next((count for count in counts if count is not None), -1)
    return Usage(input=tokens) if 0 <= tokens <= MOST_TOKENS else None


class _Made(msgspec.Struct):
    input_tokens: int = 0
    output_tokens: int = 0
    input_tokens_details: Details | None = None


_made = msgspec.json.Decoder(_Made | None).decode


def read_made(raw: bytes | msgspec.Raw, images: int) -> Usage:
    """Of what was made, with the tokens that went into it where they are told."""
    try:
        found = _made(raw) or _Made()
    except (ValueError, RecursionError):
        return Usage(images=images)
    tokens = [
        count if 0 <= count <= MOST_TOKENS else 0
        for count in (found.input_tokens, found.output_tokens)
    ]
    seen = min(_told((found.input_tokens_details or NO_DETAILS).image_tokens), tokens[0])
    kinds = Kinds(image_input=seen) if seen else None
    return Usage(input=tokens[0], output=tokens[1], images=images, kinds=kinds)
