"""What a body of OpenAI Responses asks for, as far as a decision needs it.

State that is kept at a provider is refused, not forgotten: an answer without the conversation that
the caller counts on would be a wrong one.
"""

from __future__ import annotations

import re
from typing import Any

from tollhouse.dialects import (
    openai_api,
    openai_bounds,
    openai_tiers,
    responses_kept,
    responses_tools,
)
from tollhouse.dialects.fields import flag, model, named, whole
from tollhouse.dialects.responses_tools import is_billed_apart, is_search
from tollhouse.domain.errors import FieldInvalid, FieldRefused
from tollhouse.domain.models import PREVIOUS, Ask

BOUND = "max_output_tokens"
ROLES = frozenset({"assistant", "developer", "system", "user"})
KEPT_ELSEWHERE = ("background", "conversation", "prompt")
WITH_SCHEMAS = ("text", "tools")

_of_ours = re.compile(r"rs_[0-9a-f]{32}_[0-9]{1,6}").fullmatch


def read(body: bytes) -> Ask:
    fields = openai_api.parse(body)
    _refuse_state(fields)
    items = _items(fields)
    offered, carried = responses_tools.offered(fields), responses_tools.carried(items)
    tools = offered + carried
    responses_tools.refuse_provider_ids(tools)
    _check_bounds(fields, tools, body)
    parts = _parts(items)
    _refuse_files(parts)
    images, image_bytes = _images(parts)
    is_stream = flag(fields, "stream")
    tier = openai_tiers.asked(fields) if "service_tier" in fields else ""
    return Ask(
        model=model(fields),
        is_stream=is_stream,
        wants_usage=is_stream,
        input_bytes=len(body) - image_bytes,
        messages=len(items) + 1,
        images=images,
        choices=1,
        max_output=whole(fields, BOUND),
        predicted_bytes=0,
        unpriced_features=_unpriced_features(fields, offered, carried, parts),
        tools=responses_tools.names_of(tools),
        previous=_previous(fields),
        encrypted=responses_kept.within(items),
        variant=tier,
        tier=tier,
        named=named(fields),
    )


def _refuse_state(fields: dict[str, Any]) -> None:
    for name in KEPT_ELSEWHERE:
        if fields.get(name) not in (None, False):
            raise FieldRefused(
                f"`{name}` counts on state at the provider. Send the whole conversation in `input`.",
                param=name,
            )


def _previous(fields: dict[str, Any]) -> str | None:
    given = fields.get(PREVIOUS)
    if given is not None and (not isinstance(given, str) or not given):
        raise FieldInvalid(f"`{PREVIOUS}` must be the id of an answer.", param=PREVIOUS)
    return given


def _items(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """What is said, item by item; a text alone is one message of the user."""
    given = fields.get("input")
    if isinstance(given, str) and given:
        return [{"role": "user", "content": given}]
    if not isinstance(given, list) or not given:
        raise FieldInvalid(
            "`input` must be a text or a list with at least one item.", param="input"
        )
    for item in given:
        if not isinstance(item, dict):
            raise FieldInvalid("Each item of `input` must be an object.", param="input")
        _check_item(item)
    return given


def _check_item(item: dict[str, Any]) -> None:
    """By the letters of its role: one that only looks like `system` is none."""
    kind = item.get("type")
    if kind in (None, "message", "additional_tools"):
        if kind is None and "role" not in item:
            raise _is_reference() if "id" in item else _is_nothing()
        role = item.get("role")
        if not isinstance(role, str) or role not in ROLES:
            raise FieldInvalid(
                f"Each message of `input` has a `role`: one of {', '.join(sorted(ROLES))}.",
                param="input",
            )
    elif not isinstance(kind, str):
        raise _is_nothing()
    elif kind == "item_reference" and not _is_thought_of_ours(item.get("id")):
        raise _is_reference()


def _is_thought_of_ours(item_id: object) -> bool:
    """It was translated, and nobody keeps it. Clients that take us for OpenAI send no more of it than its id."""
    return isinstance(item_id, str) and _of_ours(item_id) is not None


def _is_nothing() -> FieldInvalid:
    return FieldInvalid("Each item of `input` has a `type` or a `role`.", param="input")


def _is_reference() -> FieldRefused:
    return FieldRefused(
        "An item of `input` names one that is kept at the provider. Send the item itself.",
        param="input",
    )


def _check_bounds(fields: dict[str, Any], tools: list[dict[str, Any]], body: bytes) -> None:
    openai_bounds.check_logprobs("top_logprobs", fields.get("top_logprobs"))
    if b"\\u" in body:
        openai_bounds.check_texts(fields)
    if b"$ref" in body or b"\\u" in body:
        openai_bounds.check_references("text", fields.get("text"))
        openai_bounds.check_references("tools", tools)


def _parts(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What stands in messages and in results of tools beside plain text."""
    lists = [item.get(name) for item in items for name in ("content", "output")]
    return [
        part
        for each in lists
        for part in ([each] if isinstance(each, dict) else each if isinstance(each, list) else ())
        if isinstance(part, dict)
    ]


def _refuse_files(parts: list[dict[str, Any]]) -> None:
    if any(part.get("file_id") is not None for part in parts):
        raise FieldRefused(
            "A part of `input` names a file that is kept at the provider. Send its data.",
            param="input",
        )


def _images(parts: list[dict[str, Any]]) -> tuple[int, int]:
    """How many there are, and the bytes of those that came inside the body."""
    images = [part["image_url"] for part in parts if "image_url" in part]
    inline = [len(url) for url in images if isinstance(url, str) and url.startswith("data:image/")]
    return len(images), sum(inline)


def _unpriced_features(
    fields: dict[str, Any],
    offered: list[dict[str, Any]],
    carried: list[dict[str, Any]],
    parts: list[dict[str, Any]],
) -> tuple[str, ...]:
    """What providers bill apart from tokens, or at other rates than a price row knows.

    A search that is only offered is none of it: where it has no price it is left out.
    """
    asked = []
    if openai_tiers.is_unpriced(fields):
        asked.append(openai_tiers.UNPRICED)
    if any(is_billed_apart(tool) and not is_search(tool) for tool in offered):
        asked.append("tools")
    if _insists_on_a_search(fields.get("tool_choice")):
        asked.append("tool_choice")
    if any(map(is_billed_apart, carried)) or any(map(_is_unbounded, parts)):
        asked.append("input")
    return tuple(asked)


def _insists_on_a_search(choice: Any) -> bool:
    return isinstance(choice, dict) and is_search(choice)


def _is_unbounded(part: dict[str, Any]) -> bool:
    """A file that the provider fetches: nobody here knows how many tokens it holds. Or sound."""
    return "file_url" in part or part.get("type") == "input_audio"
