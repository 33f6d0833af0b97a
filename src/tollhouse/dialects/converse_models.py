"""What the name of a model at AWS Bedrock says of it: Converse takes some things for some families only.

A model's own id and that of an inference profile name the family, as in `eu.anthropic.claude-…`. The name
of an application's own profile says nothing, and what hangs on the family is then left unsaid.
"""

from __future__ import annotations

import re

_family = re.compile(r"(?:^|[./])(anthropic\.claude|amazon\.nova)\b").search


def is_claude(model: str) -> bool:
    return _of(model) == "anthropic.claude"


def has_cache_points(model: str) -> bool:
    """Others refuse a call with one."""
    return _of(model) != ""


def tells_tool_errors(model: str) -> bool:
    return _of(model) != ""


def _of(model: str) -> str:
    found = _family(model)
    return found[1] if found else ""
