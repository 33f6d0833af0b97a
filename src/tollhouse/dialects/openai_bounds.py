"""What no client of OpenAI's API sends, and what would cost an upstream more than a call may."""

from __future__ import annotations

from typing import Any

from tollhouse.domain.errors import FieldInvalid

ROLES = frozenset({"assistant", "developer", "function", "system", "tool", "user"})
MOST_STOPS = 128
MOST_LOGPROBS = 128
LOGPROBS = ("logprobs", "top_logprobs")
BOUNDED = frozenset({"stop", *LOGPROBS})
WITH_SCHEMAS = ("functions", "response_format", "tools")


def check(fields: dict[str, Any], messages: list[dict[str, Any]], body: bytes) -> None:
    """Raises FieldInvalid. A name or a NUL can only be where its bytes, or an escape, are."""
    _check_roles(messages)
    if not BOUNDED.isdisjoint(fields):
        check_stops(fields.get("stop"))
        for name in LOGPROBS:
            check_logprobs(name, fields.get(name))
    has_escapes = body.find(b"\\u") != -1
    if has_escapes:
        check_texts(fields)
    if has_escapes or body.find(b"$ref") != -1:
        for name in WITH_SCHEMAS:
            check_references(name, fields.get(name))


def _check_roles(messages: list[dict[str, Any]]) -> None:
    """By their letters: one that only looks like `system` is no role."""
    for message in messages:
        role = message.get("role")
        if not isinstance(role, str) or role not in ROLES:
            raise FieldInvalid(
                f"Each of `messages` has a `role`: one of {', '.join(sorted(ROLES))}.",
                param="messages",
            )


def check_stops(stops: Any) -> None:
    if isinstance(stops, list) and len(stops) > MOST_STOPS:
        raise FieldInvalid(f"`stop` takes at most {MOST_STOPS} texts.", param="stop")


def check_logprobs(name: str, wished: Any) -> None:
    """True and false are whole numbers too, within the bound."""
    if wished is None:
        return
    if not isinstance(wished, int) or not 0 <= wished <= MOST_LOGPROBS:
        raise FieldInvalid(f"`{name}` goes up to {MOST_LOGPROBS}.", param=name)


def check_texts(fields: dict[str, Any]) -> None:
    for name, text in fields.items():
        if isinstance(text, str) and "\0" in text:
            raise FieldInvalid("A text at the top of the body has a NUL in it.", param=name[:100])


def check_references(name: str, schemas: Any) -> None:
    """A schema may refer to itself; to fetch what it names elsewhere is nobody's work."""
    waiting = [schemas]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            target = part.get("$ref")
            if isinstance(target, str) and not target.startswith("#"):
                raise FieldInvalid(
                    "A schema refers to another document: put it in whole.", param=name
                )
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
