"""Names of tools on the way to a dialect that knows functions alone, and back.

A tool of a namespace gets a name that says both. A custom tool, which takes a text, becomes a function
with one argument. What a body offers is kept as names in three forms: `look` or `eyes__look`, as it is
called; `eyes.look`, that it stands in a namespace; `look()`, that it is a custom one. No name of a
function has a dot or a bracket.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

LONGEST = 64
ARGUMENT = "input"
PARAMETERS = {
    "type": "object",
    "properties": {ARGUMENT: {"type": "string"}},
    "required": [ARGUMENT],
    "additionalProperties": False,
}
"""Of a custom tool that is said as a function."""


class _Input(msgspec.Struct):
    input: str


_read = msgspec.json.Decoder(_Input).decode


def flat(namespace: str | None, name: str) -> str:
    """One name for a tool of a namespace; its own where both together are too long."""
    if not namespace:
        return name
    joined = namespace + ("" if namespace.endswith("_") else "__") + name
    return joined if len(joined) <= LONGEST else name


def forms(namespace: str, name: str, *, is_custom: bool) -> Iterator[str]:
    """All that is kept of one tool."""
    called = flat(namespace, name)
    yield from (name, called)
    if namespace:
        yield f"{namespace}.{name}"
    if is_custom:
        yield custom(called)


def custom(name: str) -> str:
    return f"{name}()"


def apart(called: str, tools: frozenset[str]) -> tuple[str | None, str]:
    """The namespace and the name of a tool that was called by one name."""
    for each in tools:
        namespace, dot, name = each.partition(".")
        if dot and flat(namespace, name) == called:
            return namespace, name
    return None, called


def arguments_of(text: str) -> str:
    """The text for a custom tool as the one argument of a function."""
    return msgspec.json.encode({ARGUMENT: text}).decode()


def text_of(arguments: str) -> str:
    """And back; arguments that are none of it are the text."""
    try:
        return _read(arguments).input
    except (ValueError, RecursionError):
        return arguments
