"""What an Anthropic body asks for: one strict parse, and the bounds of what no client sends."""

from __future__ import annotations

from typing import Any

from tollhouse.dialects import anthropic_blocks, anthropic_tools, fields, openai_bounds, strict_json
from tollhouse.domain.errors import FieldInvalid, ThreadUnsupported
from tollhouse.domain.models import Ask

ROLES = frozenset({"assistant", "system", "user"})
WITH_SCHEMAS = ("output_config", "output_format", "tools")
MOST_TOKENS = 2**53

BILLED_APART = ("billing_policy", "compaction", "container", "fallbacks", "mcp_servers")
"""Members that bill other models, other calls or other people, or time in a container."""

AT_ONE_RATE = {
    "inference_geo": (None, "global"),
    "service_tier": (None, "auto", "standard_only"),
    "speed": (None, "standard"),
}
"""Members that change the rates, and their values that do not."""


def ask_of(body: bytes, *, is_counted_only: bool = False) -> Ask:
    """Raises Refusal. To count tokens, nobody says how many may come out."""
    asked = strict_json.parse_object(body)
    fields.refuse_steering(asked)
    if asked.get("thread") is not None:
        raise ThreadUnsupported(param="thread")
    messages = _messages(asked)
    _check(asked, body)
    weight = anthropic_blocks.weigh(messages)
    tools = anthropic_tools.tools(asked)
    is_stream = not is_counted_only and fields.flag(asked, "stream")
    return Ask(
        model=fields.model(asked),
        is_stream=is_stream,
        wants_usage=is_stream,
        input_bytes=len(body) - weight.inline_bytes,
        messages=len(messages),
        images=weight.images,
        choices=1,
        max_output=0 if is_counted_only else _max_tokens(asked),
        predicted_bytes=0,
        unpriced_features=_unpriced_features(asked, tools, is_bounded=weight.is_bounded),
        tools=anthropic_tools.names(tools),
        documents=weight.documents,
        added_tokens=anthropic_tools.added_tokens(tools),
        may_keep_long=_may_keep_long(body),
        named=_named(asked),
    )


def _messages(asked: dict[str, Any]) -> list[dict[str, Any]]:
    messages = asked.get("messages")
    if not isinstance(messages, list) or not messages:
        raise FieldInvalid("`messages` must be a list with at least one message.", param="messages")
    for message in messages:
        if not isinstance(message, dict):
            raise FieldInvalid("Each of `messages` must be an object.", param="messages")
        if not isinstance(role := message.get("role"), str) or role not in ROLES:
            raise FieldInvalid(
                f"Each of `messages` has a `role`: one of {', '.join(sorted(ROLES))}.",
                param="messages",
            )
        if not isinstance(message.get("content"), str | list):
            raise FieldInvalid(
                "Each of `messages` has a `content`: a text, or a list of blocks.", param="messages"
            )
    return messages


def _check(asked: dict[str, Any], body: bytes) -> None:
    system, stops = asked.get("system"), asked.get("stop_sequences")
    if not isinstance(system, str | list | None):
        raise FieldInvalid("`system` must be a text, or a list of blocks.", param="system")
    if stops is not None and not isinstance(stops, list):
        raise FieldInvalid("`stop_sequences` must be a list of texts.", param="stop_sequences")
    if stops and len(stops) > openai_bounds.MOST_STOPS:
        raise FieldInvalid(
            f"`stop_sequences` takes at most {openai_bounds.MOST_STOPS} texts.",
            param="stop_sequences",
        )
    if b"\\u" in body:
        openai_bounds.check_texts(asked)
    if b"$ref" in body or b"\\u" in body:
        for name in WITH_SCHEMAS:
            openai_bounds.check_references(name, asked.get(name))


def _max_tokens(asked: dict[str, Any]) -> int:
    """It must be said; 0 only fills the provider's cache."""
    most = asked.get("max_tokens")
    if isinstance(most, bool) or not isinstance(most, int) or not 0 <= most <= MOST_TOKENS:
        raise FieldInvalid(
            f"`max_tokens` must be a whole number up to {MOST_TOKENS}.", param="max_tokens"
        )
    return most


def _unpriced_features(
    asked: dict[str, Any], tools: list[dict[str, Any]], *, is_bounded: bool
) -> tuple[str, ...]:
    """What the provider bills apart from tokens, at other rates, or without a bound."""
    apart = [name for name in BILLED_APART if asked.get(name)]
    apart += [name for name, usual in AT_ONE_RATE.items() if asked.get(name) not in usual]
    if _compacts(asked.get("context_management")):
        apart.append("context_management")
    if not anthropic_tools.are_all_run_by_caller(tools):
        apart.append("tools")
    if not is_bounded:
        apart.append("messages")
    return tuple(apart)


def _compacts(management: Any) -> bool:
    """A summary is a call of its own, and the answer's usage does not count it."""
    edits = management.get("edits") if isinstance(management, dict) else None
    named = edits if isinstance(edits, list) else ()
    return any("compact" in str(edit.get("type")) for edit in named if isinstance(edit, dict))


def _named(asked: dict[str, Any]) -> tuple[str, ...]:
    """Whom the body calls its user."""
    metadata = asked.get("metadata")
    name = metadata.get("user_id") if isinstance(metadata, dict) else None
    return (name,) if isinstance(name, str) and name else ()


def _may_keep_long(body: bytes) -> bool:
    """Whether `1h` stands anywhere as a text: at a mark of the cache, or where it does no harm."""
    return b'"1h"' in body or b"\\u0031" in body or b"\\u0068" in body
