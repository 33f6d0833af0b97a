"""Members at the top of a body, read or refused by their name."""

from __future__ import annotations

from typing import Any

from tollhouse.domain.errors import FieldInvalid, FieldRefused

REFUSED = frozenset(
    {
        *("api_base", "api_key", "base_url", "endpoint", "extra_body", "extra_headers", "host"),
        *("mock_response", "proxy", "tool_servers", "user_config", "chat_template"),
    }
)
"""Members by which a caller would steer the gateway or an upstream's templates."""


def refuse_steering(fields: dict[str, Any]) -> None:
    if not REFUSED.isdisjoint(fields):
        name = next(name for name in fields if name in REFUSED)
        raise FieldRefused(f"`{name}` is not taken from callers.", param=name)


def model(fields: dict[str, Any]) -> str:
    name = fields.get("model")
    if not isinstance(name, str) or not name:
        raise FieldInvalid("`model` must be the name of a model.", param="model")
    return name


def flag(fields: dict[str, Any], name: str) -> bool:
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise FieldInvalid(f"`{name}` must be true or false.", param=name)
    return bool(value)


def whole(fields: dict[str, Any], name: str, *, most: int = 2**53) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise FieldInvalid(f"`{name}` must be a whole number from 1 to {most}.", param=name)
    return value


def named(fields: dict[str, Any]) -> tuple[str, ...]:
    """Whom an OpenAI body calls its user."""
    if "user" not in fields and "safety_identifier" not in fields:
        return ()
    given = (fields.get("user"), fields.get("safety_identifier"))
    return tuple([name for name in given if isinstance(name, str) and name])
