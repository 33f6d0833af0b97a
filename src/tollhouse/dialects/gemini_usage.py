"""Gemini's usage, in disjoint classes.

There thoughts come on top of what was said, and what its own tools read on top of the prompt.
"""

from __future__ import annotations

import msgspec

from tollhouse.dialects.openai_usage import in_classes
from tollhouse.domain.deltas import Counted


class _Usage(msgspec.Struct, rename="camel"):
    prompt_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None


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
    return in_classes(
        max(found.prompt_token_count, 0) + max(found.tool_use_prompt_token_count or 0, 0),
        max(found.candidates_token_count or 0, 0) + thoughts,
        found.cached_content_token_count,
        None,
        thoughts,
    )
