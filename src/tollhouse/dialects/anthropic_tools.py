"""The tools of an Anthropic body: who runs them, and how a model calls them."""

from __future__ import annotations

from typing import Any

from tollhouse.domain.errors import FieldInvalid

RUN_BY_CALLERS = ("bash_", "browser_", "computer_", "custom", "memory_", "text_editor_")
"""How the types begin of tools that the provider describes and the caller runs. It runs all others itself."""

TOOLSET = "_toolset_"
PREAMBLE_TOKENS = 1024
"""What a provider says of tools before it names the first."""

DESCRIBED_TOKENS = 4096
"""What it says of a tool that it describes itself."""

TOOLSET_TOKENS = 16_384


def tools(fields: dict[str, Any]) -> list[dict[str, Any]]:
    given = fields.get("tools")
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(tool, dict) for tool in given):
        raise FieldInvalid("`tools` must be a list of objects.", param="tools")
    return given


def names(declared: list[dict[str, Any]]) -> frozenset[str]:
    """By which the model may call them; a set of tools goes by its family's name."""
    called = [tool.get("name") or _type(tool).partition(TOOLSET)[0] for tool in declared]
    return frozenset(name for name in called if isinstance(name, str) and name)


def added_tokens(declared: list[dict[str, Any]]) -> int:
    return sum(map(_described, declared), start=PREAMBLE_TOKENS if declared else 0)


def are_all_run_by_caller(declared: list[dict[str, Any]]) -> bool:
    return all(
        tool.get("type") is None or _type(tool).startswith(RUN_BY_CALLERS) for tool in declared
    )


def _described(tool: dict[str, Any]) -> int:
    kind = _type(tool)
    if kind in ("", "custom"):
        return 0
    return TOOLSET_TOKENS if TOOLSET in kind else DESCRIBED_TOKENS


def _type(tool: dict[str, Any]) -> str:
    kind = tool.get("type")
    return kind if isinstance(kind, str) else ""
