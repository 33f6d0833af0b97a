"""The blocks of Anthropic's messages, as parts of a message in no dialect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from tollhouse.dialects import anthropic_state
from tollhouse.dialects.taking import Taking
from tollhouse.domain.conversation import (
    Citation,
    File,
    Image,
    Mark,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)

Read = Callable[[Taking, Taking], Part | None]


def text_or(parent: Taking, name: str, read: Read) -> tuple[Part, ...]:
    """A text is a list of one block."""
    given = parent.peek(name)
    if isinstance(given, str):
        parent.skip(name)
        return (Text(given),)
    parts = [read(each, parent) for each in parent.each(name)]
    return tuple(part for part in parts if part is not None)


def read(given: Taking, message: Taking) -> Part | None:
    kind = given.needed("type")
    part: Part | None
    match kind:
        case "thinking":
            part = anthropic_state.given_back(given.text("thinking") or "", given.text("signature"))
        case "redacted_thinking":
            part = Reasoning(state=anthropic_state.redacted(given.needed("data")))
        case "tool_use":
            part = _call(given)
        case "tool_result":
            part = _result(given)
        case _:
            return _shown(kind, given, message)
    given.leave()
    return part


def mark(given: Taking) -> Mark | None:
    control = given.within("cache_control")
    if control is None:
        return None
    control.skip("type")
    found = Mark(control.text("ttl"))
    control.leave()
    return found


def _shown(kind: str, given: Taking, message: Taking) -> Text | Image | File | None:
    part: Text | Image | File | None
    match kind:
        case "text":
            found = given.any("citations")
            citations = tuple(map(cited, found)) if isinstance(found, list) else ()
            part = Text(given.needed("text"), mark(given), citations)
        case "image":
            part = _image(given)
        case "document":
            part = _document(given)
        case "search_result":
            part = _found(given)
        case _:
            message.unsay(f"content.{kind}")
            return None
    given.leave()
    return part


def cited(raw: Any) -> Citation:
    """What other dialects know of a passage, and the whole of it for who knows more."""
    given = raw if isinstance(raw, dict) else {}

    def text(name: str) -> str | None:
        value = given.get(name)
        return value if isinstance(value, str) else None

    return Citation(
        text("url"), text("title") or text("document_title"), text("cited_text"), raw=given
    )


def _call(given: Taking) -> ToolCall:
    if (caller := given.within("caller")) is not None and caller.peek("type") != "direct":
        caller.unsay("type")
    called = msgspec.json.encode(given.object("input") or {}).decode()
    return ToolCall(given.needed("id"), given.needed("name"), called, mark(given))


def _result(given: Taking) -> ToolResult:
    def shown(each: Taking, result: Taking) -> Part | None:
        return _shown(each.needed("type"), each, result)

    return ToolResult(
        given.needed("tool_use_id"),
        text_or(given, "content", shown),  # type: ignore[arg-type]
        is_error=bool(given.flag("is_error")),
        mark=mark(given),
    )


def _image(given: Taking) -> Image | None:
    source, marked = given.inside("source"), mark(given)
    kind = source.needed("type")
    if kind == "base64":
        image = Image(source.needed("media_type"), source.needed("data"), mark=marked)
    elif kind == "url":
        image = Image(url=source.needed("url"), mark=marked)
    else:
        source.unsay(kind)
        return None
    source.leave()
    return image


def _document(given: Taking) -> File | None:
    source, marked, name = given.inside("source"), mark(given), given.text("title")
    if (citing := given.within("citations")) is not None and citing.flag("enabled"):
        citing.unsay("enabled")
    kind = source.needed("type")
    match kind:
        case "base64":
            file = File(name, source.needed("media_type"), source.needed("data"), mark=marked)
        case "text":
            source.skip("media_type")
            file = File(name, "text/plain", text=source.needed("data"), mark=marked)
        case "url":
            file = File(name, url=source.needed("url"), mark=marked)
        case "file":
            file = File(name, id=source.needed("file_id"), mark=marked)
        case "content":
            file = File(name, text=_texts(source), mark=marked)
        case _:
            source.unsay(kind)
            return None
    source.leave()
    return file


def _found(given: Taking) -> File:
    """A passage that a search of the caller's own came upon."""
    given.skip("citations")
    return File(given.text("title"), text=_texts(given), url=given.text("source"), mark=mark(given))


def _texts(parent: Taking) -> str:
    """Of pictures in between the text alone is left."""
    parts = text_or(parent, "content", lambda each, of: _shown(each.needed("type"), each, of))
    if any(not isinstance(part, Text) for part in parts):
        parent.unsay("content.image")
    return "\n\n".join(part.text for part in parts if isinstance(part, Text))
