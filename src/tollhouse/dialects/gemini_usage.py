"""Gemini's usage, in disjoint classes.

There thoughts come on top of what was said, and what its own tools read on top of the prompt. Of what
was heard, seen and said aloud the tokens are told by their modality.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tollhouse.dialects.openai_usage import MOST_TOKENS, NO_KINDS
from tollhouse.domain.deltas import Counted
from tollhouse.domain.pricing import Kinds, Usage


class _Part(msgspec.Struct, rename="camel", gc=False):
    modality: str | None = None
    token_count: int | None = None


class _Usage(msgspec.Struct, rename="camel"):
    prompt_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    prompt_tokens_details: list[_Part] | None = None
    tool_use_prompt_tokens_details: list[_Part] | None = None
    cache_tokens_details: list[_Part] | None = None
    candidates_tokens_details: list[_Part] | None = None


_decode = msgspec.json.Decoder(_Usage).decode


def read_count(raw: bytes | msgspec.Raw) -> Counted | None:
    """A count of none is left out, but for the prompt's: without that, nothing was told."""
    try:
        found = _decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        return None
    if found.prompt_token_count is None:
        return None
    thoughts = max(found.thoughts_token_count or 0, 0)
    prompt = max(found.prompt_token_count, 0) + max(found.tool_use_prompt_token_count or 0, 0)
    output = max(found.candidates_token_count or 0, 0) + thoughts
    if max(prompt, output) > MOST_TOKENS:
        return None
    read = max(found.cached_content_token_count or 0, 0)
    read = read if read <= prompt else 0  # contradictory: all of it counts as fresh
    kinds = _kinds(found, prompt - read, read, output, thoughts)
    usage = Usage(prompt - read, output, read, kinds=None if kinds == NO_KINDS else kinds)
    return Counted(usage)


def _kinds(found: _Usage, fresh: int, read: int, output: int, thoughts: int) -> Kinds:
    """None of them more than its class has."""
    heard, seen = (
        _sum(modality, found.prompt_tokens_details, found.tool_use_prompt_tokens_details)
        for modality in ("AUDIO", "IMAGE")
    )
    heard_read = _sum("AUDIO", found.cache_tokens_details)
    seen_read = _sum("IMAGE", found.cache_tokens_details)
    audio_input = min(max(heard - heard_read, 0), fresh)
    audio_output = min(_sum("AUDIO", found.candidates_tokens_details), output - thoughts)
    drawn = _sum("IMAGE", found.candidates_tokens_details)
    return Kinds(
        audio_input=audio_input,
        image_input=min(max(seen - seen_read, 0), fresh - audio_input),
        audio_output=audio_output,
        image_output=min(drawn, output - thoughts - audio_output),
        reasoning=thoughts,
        audio_read=min(heard_read, read),
    )


def _sum(modality: str, *told: Sequence[_Part] | None) -> int:
    parts = [part for each in told for part in each or () if part.modality == modality]
    return sum(max(part.token_count or 0, 0) for part in parts)
