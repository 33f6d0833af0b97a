"""Every single thing that a conversation or an answer says, so that what is lost can be named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

import msgspec

from tollhouse.domain.conversation import (
    Choose,
    Conversation,
    Mark,
    Part,
    Reasoning,
    Refusal,
    Role,
    State,
    Text,
    ToolCall,
    ToolResult,
)
from tollhouse.domain.deltas import (
    Argued,
    Called,
    Cited,
    Counted,
    Declined,
    Delta,
    Said,
    Sealed,
    Stopped,
    Thought,
)

Facts = Mapping[str, Sequence[Any]]
DERIVED = frozenset({"messages.toolresult.name", "form.name", "form.is_strict", "is_stream"})
"""What follows from the rest, or says nothing to a model."""

JOINED = frozenset({"messages.text.text", "messages.reasoning.text"})


def facts(conversation: Conversation) -> Facts:
    """By their paths. Where a text is cut into parts says nothing, a developer's words are a system's,
    to forbid tools is to offer none, and to leave the choice is what a model expects."""
    found: dict[str, list[Any]] = {}
    words: dict[str, list[str]] = {}
    for path, value in _walk(conversation):
        if path in JOINED:
            words.setdefault(f"{path} {value[0]}", []).append(value[1])
        elif path not in DERIVED:
            found.setdefault(path, []).append(value)
    for path, texts in words.items():
        found.setdefault(path.split()[0], []).append((path, "\n".join(texts)))
    return found


def heard(deltas: Iterable[Delta]) -> Facts:
    """However the answer came in pieces."""
    found: dict[str, list[Any]] = {}
    texts: dict[tuple[str, int], str] = {}
    calls: dict[tuple[int, int], list[str]] = {}
    for delta in deltas:
        match delta:
            case Said(text, choice) | Declined(text, choice) | Thought(text, choice):
                for kind in _kinds(delta):
                    texts[kind, choice] = texts.get((kind, choice), "") + text
            case Called(index, call_id, name, choice):
                calls[choice, index] = [call_id, name, ""]
            case Argued(index, fragment, choice):
                calls[choice, index][2] += fragment
            case Sealed(state, choice):
                found.setdefault("sealed", []).append((choice, state))
            case Cited(citation, choice):
                found.setdefault("cited", []).append((choice, citation.url, citation.title))
            case Stopped(stop, sequence, choice):
                found.setdefault(f"stop.{stop}", []).append(choice)
                if sequence is not None:
                    found.setdefault("sequence", []).append((choice, sequence))
            case Counted(usage):
                read = usage.input + usage.cache_read + usage.cache_write
                found["usage"] = [(read, usage.output)]
                found["usage.cache"] = [(usage.cache_read, usage.cache_write)]
                found["usage.reasoning"] = [usage.reasoning]
    for (kind, choice), text in texts.items():
        if text:
            found.setdefault(kind, []).append((choice, text))
    for (choice, _), (call_id, name, arguments) in calls.items():
        found.setdefault("calls.id", []).append(call_id)
        found.setdefault("calls", []).append((choice, name, _plain_json(arguments)))
    return found


def lost(before: Facts, after: Facts) -> set[str]:
    """Paths at which something was said that is said no more."""
    return {path for path, said in before.items() if _many(said) - _many(after.get(path, ()))}


def is_named(path: str, unsaid: Iterable[str]) -> bool:
    return any(path == name or path.startswith(f"{name}.") for name in unsaid)


def _many(said: Sequence[Any]) -> Counter[str]:
    return Counter(map(repr, said))


def _walk(conversation: Conversation) -> Iterator[tuple[str, Any]]:
    for message in conversation.messages:
        role = Role.SYSTEM if message.role is Role.DEVELOPER else message.role
        if message.name is not None:
            yield "messages.name", message.name
        for part in message.parts:
            yield from _walk_part(part, role)
    choice = conversation.tool_choice.choose if conversation.tool_choice else Choose.AUTO
    for tool in () if choice is Choose.NONE else conversation.tools:
        yield from _leaves(tool, "tools")
    for field in fields(conversation):
        value = getattr(conversation, field.name)
        if field.name in ("messages", "tools", "unsaid") or value == field.default:
            continue
        if field.name != "tool_choice" or choice in (Choose.SOME, Choose.ONE):
            yield from _leaves(value, field.name)


def _walk_part(part: Part, role: Role) -> Iterator[tuple[str, Any]]:
    kind = f"messages.{type(part).__name__.lower()}"
    match part:
        case Text(text):
            yield f"{kind}.text", (role.value, text)
            yield from _leaves(replace(part, text=""), kind)
        case Refusal(text):
            yield "messages.text.text", (role.value, text)
        case Reasoning(text):
            if text:
                yield f"{kind}.text", (role.value, text)
            yield from _leaves(replace(part, text=""), kind)
        case ToolCall(arguments=arguments):
            yield f"{kind}.arguments", _plain_json(arguments)
            yield from _leaves(replace(part, arguments=""), kind)
        case ToolResult():
            texts = [each.text for each in part.parts if isinstance(each, Text)]
            yield f"{kind}.text", (part.call_id, "\n".join(texts))
            for each in part.parts:
                if not isinstance(each, Text):
                    yield from _walk_part(each, role)
            yield from _leaves(replace(part, parts=()), kind)
        case _:
            yield from _leaves(part, kind)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mark | State):
        yield path, value
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            inner = getattr(value, field.name)
            if inner not in (field.default, None, "", (), False):
                yield from _leaves(inner, f"{path}.{field.name}")
    elif isinstance(value, tuple):
        for each in value:
            yield from _leaves(each, path)
    else:
        yield path, value


def _kinds(delta: Said | Declined | Thought) -> tuple[str, ...]:
    """Words by which a model declines are words too."""
    match delta:
        case Thought():
            return ("thought",)
        case Declined():
            return ("said", "declined")
    return ("said",)


def _plain_json(text: str) -> Any:
    try:
        return msgspec.json.decode(text or "{}")
    except msgspec.DecodeError:
        return text
