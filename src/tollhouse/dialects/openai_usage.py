"""OpenAI's usage objects, turned into disjoint classes whose sum is the provider's total."""

from __future__ import annotations

import msgspec

from tollhouse.domain.pricing import Usage


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None


MOST_TOKENS = 10**12
"""Of one call: more is no count, and would not fit a row."""

_decoder = msgspec.json.Decoder(_Usage)


def read_usage(raw: bytes | msgspec.Raw) -> Usage | None:
    """None when the provider gave nothing that can be believed."""
    try:
        found = _decoder.decode(raw)
    except msgspec.MsgspecError:
        return None
    if found.prompt_tokens is None or found.completion_tokens is None:
        return None
    if max(found.prompt_tokens, found.completion_tokens) > MOST_TOKENS:
        return None
    prompt, output = max(found.prompt_tokens, 0), max(found.completion_tokens, 0)
    details = found.prompt_tokens_details or _PromptDetails()
    read, written = max(details.cached_tokens or 0, 0), max(details.cache_write_tokens or 0, 0)
    if read + written > prompt:  # contradictory: all of it counts as fresh
        read = written = 0
    return Usage(prompt - read - written, output, read, written)


def read_input(raw: bytes | msgspec.Raw) -> Usage | None:
    """Of an endpoint that produces no tokens; some of them say only how many there were in all."""
    try:
        found = _decoder.decode(raw)
    except msgspec.MsgspecError:
        return None
    counts = (found.prompt_tokens, found.total_tokens)
    tokens = next((count for count in counts if count is not None), -1)
    return Usage(input=tokens) if 0 <= tokens <= MOST_TOKENS else None
