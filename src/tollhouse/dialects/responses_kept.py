"""Items of Responses with what their provider encrypted: marked on the way to the caller, bare on the way home.

Every other member keeps its bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Raw

from tollhouse.dialects import strict_json
from tollhouse.dialects.openai_events import NOTHING, is_given
from tollhouse.domain.errors import NotTranslatable, UpstreamBroke
from tollhouse.domain.homes import Thought

ENCRYPTED = "encrypted_content"
LEFT_BEHIND = "input.reasoning"
NEEDING_NO_ID = (None, "message", "reasoning", "function_call", "custom_tool_call")
"""Kinds of items; without one it is a message."""

_list = msgspec.json.Decoder(list[Raw]).decode
_text = msgspec.json.Decoder(str).decode


class _Item(msgspec.Struct):
    type: Any = None
    encrypted_content: Any = None


_read = msgspec.json.Decoder(_Item).decode


def within(items: list[dict[str, Any]]) -> tuple[str, ...]:
    """What of the input was encrypted, each once; what is no text is no upstream's."""
    found = [given for item in items if isinstance(given := item.get(ENCRYPTED), str) and given]
    return tuple(dict.fromkeys(found))


def marked(item: bytes, mark: Callable[[str], str]) -> bytes:
    members = strict_json.members(item)
    if not is_given(given := members.get(ENCRYPTED, NOTHING)):
        return item
    try:
        text = _text(given)
    except msgspec.MsgspecError:
        raise UpstreamBroke(private="what should be encrypted is no text") from None
    return strict_json.join({**members, ENCRYPTED: mark(text)}) if text else item


def marked_all(output: bytes, mark: Callable[[str], str]) -> bytes:
    return _joined([marked(bytes(item), mark) for item in _list(output)])


def at_home(items: bytes, thoughts: Mapping[str, Thought], provider: str) -> bytes:
    """The input with what this provider encrypted, as it did, and without what others did.

    Where a thought is missing, the ids that its provider gave to what followed would ask for it.
    """
    said: list[bytes] = []
    has_left = False
    for item in [bytes(item) for item in _list(items)]:
        encrypted = _encrypted(item)
        if not encrypted:
            said.append(item)
        elif (thought := thoughts[encrypted]).provider == provider:
            said.append(strict_json.join({**strict_json.members(item), ENCRYPTED: thought.text}))
        else:
            _insist_on_reasoning(item)
            has_left = True
    return _joined([_without_id(item) for item in said] if has_left else said)


def _insist_on_reasoning(item: bytes) -> None:
    if _read(item).type != "reasoning":
        raise NotTranslatable(
            "A part of `input` that stands for more was encrypted by a provider of another model. "
            "Send the conversation itself.",
            param="input",
        )


def _encrypted(item: bytes) -> str | None:
    """None also where no text stands: that is no upstream's."""
    found = _read(item).encrypted_content
    return found if isinstance(found, str) else None


def _without_id(item: bytes) -> bytes:
    if _read(item).type not in NEEDING_NO_ID:
        return item
    members = strict_json.members(item)
    return strict_json.join({name: value for name, value in members.items() if name != "id"})


def _joined(items: list[bytes]) -> bytes:
    return b"[" + b",".join(items) + b"]"
