"""OpenAI's usage objects, turned into disjoint classes whose sum is the provider's total, and back."""

from __future__ import annotations

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

    @property
    def read(self) -> int | None:
        return self.prompt_cache_hit_tokens or self.cached_tokens


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
    before, after = found.prompt_tokens_details, found.completion_tokens_details
    if before is None and (read := found.read):
        before = Details(cached_tokens=read)
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
    if prompt is None or output is None or max(prompt, output) > MOST_TOKENS:
        return None
    prompt, output = max(prompt, 0), max(output, 0)
    unseen = 0
    if total is not None and prompt + output < total <= MOST_TOKENS:
        unseen = total - prompt - output
    elif before is None and after is None:
        return Counted(Usage(prompt, output))
    return _in_kinds(prompt, output, unseen, before or NO_DETAILS, after or NO_DETAILS)


def _in_kinds(prompt: int, output: int, unseen: int, before: Details, after: Details) -> Counted:
    output += unseen
    read, written = _told(before.cached_tokens), _told(before.cache_write_tokens)
    if read + written > prompt:  # contradictory: all of it counts as fresh
        read = written = 0
    fresh = prompt - read - written
    heard = min(_told(before.audio_tokens), prompt)
    audio_read = min(max(heard + read - prompt, 0), read)  # what cannot have been heard anew
    audio_input = min(heard - audio_read, fresh)
    kinds = Kinds(
        audio_input=audio_input,
        image_input=min(_told(before.image_tokens), fresh - audio_input),
        audio_output=(said := min(_told(after.audio_tokens), output)),
        image_output=(drawn := min(_told(after.image_tokens), output - said)),
        reasoning=min(max(_told(after.reasoning_tokens), unseen), output - said - drawn),
        audio_read=audio_read,
    )
    usage = Usage(fresh, output, read, written, kinds=None if kinds == NO_KINDS else kinds)
    return Counted(usage)


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
    except msgspec.MsgspecError:
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
    except msgspec.MsgspecError:
        return Usage(images=images)
    tokens = [
        count if 0 <= count <= MOST_TOKENS else 0
        for count in (found.input_tokens, found.output_tokens)
    ]
    seen = min(_told((found.input_tokens_details or NO_DETAILS).image_tokens), tokens[0])
    kinds = Kinds(image_input=seen) if seen else None
    return Usage(input=tokens[0], output=tokens[1], images=images, kinds=kinds)
