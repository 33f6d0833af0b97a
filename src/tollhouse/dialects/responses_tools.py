"""The tools that a body of OpenAI Responses offers, and what an answer may bring of them.

Functions and custom tools are known by their names, tools of every other kind by a colon and the
kind, which no name of a function has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from tollhouse.dialects import responses_names
from tollhouse.domain.errors import FieldInvalid, FieldRefused, UpstreamBroke

NAMED = frozenset({"function", "custom"})
SEARCHES = frozenset(
    {
        *("web_search", "web_search_2025_08_26"),
        *("web_search_preview", "web_search_preview_2025_03_11"),
    }
)
RUN_BY_CALLERS = frozenset(
    {
        *("function", "custom", "namespace", "tool_search", "programmatic_tool_calling"),
        *("local_shell", "shell", "apply_patch", "computer", "computer_use_preview"),
    }
)
"""Nothing happens at the provider that is billed apart from tokens."""

BILLED_APART = frozenset({"file_search", "code_interpreter", "image_generation", "mcp"})
PROVIDER_IDS = ("file_id", "file_ids", "vector_store_ids", "container_id", "skill_id")
CARRYING_TOOLS = ("additional_tools", "tool_search_output")

_KNOWN = RUN_BY_CALLERS | SEARCHES | BILLED_APART


class _Kind(msgspec.Struct):
    type: Any = None


_raws = msgspec.json.Decoder(list[msgspec.Raw]).decode
_kind_of = msgspec.json.Decoder(_Kind).decode
_BROUGHT = (
    (tuple(SEARCHES), ("web_search_call",)),
    (("file_search",), ("file_search_call",)),
    (("code_interpreter",), ("code_interpreter_call",)),
    (("image_generation",), ("image_generation_call",)),
    (("mcp",), ("mcp_call", "mcp_list_tools", "mcp_approval_request")),
    (("computer", "computer_use_preview"), ("computer_call", "computer_call_output")),
    (("tool_search",), ("tool_search_call", *CARRYING_TOOLS)),
    (("local_shell",), ("local_shell_call", "local_shell_call_output")),
    (("shell",), ("shell_call", "shell_call_output")),
    (("apply_patch",), ("apply_patch_call", "apply_patch_call_output")),
    (("programmatic_tool_calling",), ("program", "program_output")),
    (("programmatic_tool_calling",), ("function_call_output", "custom_tool_call_output")),
)
"""Kinds of tools, and the items that come of them."""

_MADE_BY = {item: kinds for kinds, items in _BROUGHT for item in items}
_ALWAYS = frozenset({"message", "reasoning", "compaction"})


def offered(fields: dict[str, Any]) -> list[dict[str, Any]]:
    return _objects("tools", fields.get("tools"))


def carried(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tools that came in the course of the conversation."""
    carrying = [item for item in items if item.get("type") in CARRYING_TOOLS]
    return [tool for item in carrying for tool in _objects("input", item.get("tools"))]


def names_of(tools: Iterable[dict[str, Any]]) -> frozenset[str]:
    return frozenset(_names(tools))


def is_billed_apart(tool: dict[str, Any]) -> bool:
    return _kind(tool) not in RUN_BY_CALLERS or _runs_at_provider(tool)


def is_search(tool: dict[str, Any]) -> bool:
    """On the web: it can be left out, and the call be answered without."""
    return _kind(tool) in SEARCHES


def refuse_provider_ids(tools: Iterable[dict[str, Any]]) -> None:
    """What stands at the provider was made by nobody here, so its id could only be somebody else's."""
    for tool in tools:
        if _kind(tool) not in NAMED and _kind(tool) != "namespace" and has_provider_ids(tool):
            raise FieldRefused(
                "`tools` names something that is kept at the provider, which no caller of this "
                "gateway owns.",
                param="tools",
            )


def has_provider_ids(value: object) -> bool:
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if any(part.get(name) for name in PROVIDER_IDS) or isinstance(
                part.get("container"), str
            ):
                return True
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return False


def without_searches(tools: msgspec.Raw) -> list[msgspec.Raw]:
    """The list that came, less the tools that search the web; each of the others in its own bytes."""
    return [raw for raw in _raws(tools) if _kind_of(raw).type not in SEARCHES]


def insist_on_declared(
    kind: str, name: str | None, namespace: str | None, tools: frozenset[str]
) -> None:
    """An upstream does not choose what a client runs: an item of a tool that was not offered ends it."""
    if kind in _ALWAYS:
        return
    if kind in ("function_call", "custom_tool_call"):
        is_declared = name in tools and (not namespace or f"{namespace}.{name}" in tools)
    elif kind in _MADE_BY:
        is_declared = any(f":{each}" in tools for each in _MADE_BY[kind])
    else:  # what is new here can only come of a tool that is new here
        is_declared = any(each[0] == ":" and each[1:] not in _KNOWN for each in tools if each)
    if not is_declared:
        raise UpstreamBroke(private="a tool is called that the caller did not declare")


def _names(tools: Iterable[dict[str, Any]], namespace: str = "") -> Iterator[str]:
    for tool in tools:
        kind, name = _kind(tool), tool.get("name")
        if kind == "namespace" and isinstance(name, str):
            yield from _names(_objects("tools", tool.get("tools")), name)
        elif kind in NAMED:
            if isinstance(name, str):
                yield from responses_names.forms(namespace, name, is_custom=kind == "custom")
        else:
            yield f":{kind}"


def _kind(tool: dict[str, Any]) -> str:
    kind = tool.get("type")
    return kind if isinstance(kind, str) else ""


def _runs_at_provider(tool: dict[str, Any]) -> bool:
    environment = tool.get("environment")
    return isinstance(environment, dict) and environment.get("type") != "local"


def _objects(name: str, tools: Any) -> list[dict[str, Any]]:
    if tools is None:
        return []
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise FieldInvalid(f"The tools in `{name}` must be a list of objects.", param=name)
    return list(tools)
