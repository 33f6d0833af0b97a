"""What no client of Ollama's API sends, and what would cost an upstream more than a call may."""

from __future__ import annotations

from typing import Any

from tollhouse.dialects import openai_bounds
from tollhouse.domain.errors import FieldInvalid, FieldRefused

ROLES = frozenset({"assistant", "system", "tool", "user"})
MOST_TOKENS = 2**31 - 1
MOST_LOGPROBS = 128


def check(fields: dict[str, Any], body: bytes) -> None:
    """Raises a Refusal. A template could repeat what it is given as often as it likes."""
    if fields.get("template"):
        raise FieldRefused("`template` is not taken from callers.", param="template")
    _check_logprobs(fields.get("top_logprobs"))
    openai_bounds.check_stops(options_of(fields).get("stop"))
    if b"$ref" in body or b"\\u" in body:
        for name in ("tools", "format"):
            openai_bounds.check_references(name, fields.get(name))


def options_of(fields: dict[str, Any]) -> dict[str, Any]:
    options = fields.get("options")
    if options is None:
        return {}
    if not isinstance(options, dict):
        raise FieldInvalid("`options` must be an object.", param="options")
    return options


def num_predict(fields: dict[str, Any]) -> int | None:
    """The caller's bound. What is not above zero asks for as much as there is: the plan's bound."""
    wished = options_of(fields).get("num_predict")
    if wished is None:
        return None
    is_number = isinstance(wished, int | float) and not isinstance(wished, bool)
    if not is_number or wished != int(wished) or wished > MOST_TOKENS:
        raise FieldInvalid(
            "`options.num_predict` must be a whole number.", param="options.num_predict"
        )
    return int(wished) if wished > 0 else None


def messages_of(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """None at all is how a client asks that a model be loaded."""
    messages = fields.get("messages")
    if messages is None:
        return []
    if not isinstance(messages, list) or not all(isinstance(each, dict) for each in messages):
        raise FieldInvalid("`messages` must be a list of objects.", param="messages")
    for message in messages:
        role = message.get("role")
        if not isinstance(role, str) or role not in ROLES:
            raise FieldInvalid(
                f"Each of `messages` has a `role`: one of {', '.join(sorted(ROLES))}.",
                param="messages",
            )
    return messages


def text(holder: dict[str, Any], name: str) -> str:
    value = holder.get(name)
    if value is not None and not isinstance(value, str):
        raise FieldInvalid(f"`{name}` must be a text.", param=name)
    return value or ""


def tools_of(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """What each tool says of its function; some clients write that alone."""
    tools = fields.get("tools")
    if tools is None:
        return []
    if not isinstance(tools, list) or not all(isinstance(each, dict) for each in tools):
        raise FieldInvalid("`tools` must be a list of objects.", param="tools")
    functions = [each.get("function", each) for each in tools]
    if not all(isinstance(it, dict) and isinstance(it.get("name"), str) for it in functions):
        raise FieldInvalid("Each of `tools` has a function with a `name`.", param="tools")
    return functions


def is_unloading(fields: dict[str, Any]) -> bool:
    """Whether the model is not to be kept at all."""
    return fields.get("keep_alive") in (0, "0", "0s")


def _check_logprobs(wished: Any) -> None:
    if wished is None:
        return
    if isinstance(wished, bool) or not isinstance(wished, int) or not 0 <= wished <= MOST_LOGPROBS:
        raise FieldInvalid(f"`top_logprobs` goes up to {MOST_LOGPROBS}.", param="top_logprobs")
