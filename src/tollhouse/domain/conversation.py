"""A conversation in no dialect: what a request says, so that it can be said in another.

Whatever a dialect says that has no place here is named in `unsaid`; nothing is dropped in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from tollhouse.domain.values import value


class Role(StrEnum):
    SYSTEM = "system"
    DEVELOPER = "developer"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@value
class Mark:
    """Up to here the provider is asked to keep the prompt for the next call."""

    ttl: str | None = None


@value
class Citation:
    """A passage that an answer rests on. What one dialect alone knows of it stays in `raw`."""

    url: str | None = None
    title: str | None = None
    quoted: str | None = None
    start: int | None = None
    end: int | None = None
    raw: Mapping[str, Any] | None = None


@value
class State:
    """What an upstream gave to be given back, unread: a signature, encrypted reasoning.

    It goes home to an upstream of the dialect that made it, and to nobody else.
    """

    dialect: str
    raw: Mapping[str, Any]


@value
class Text:
    text: str
    mark: Mark | None = None
    citations: tuple[Citation, ...] = ()


@value
class Image:
    """Its bytes in base64 with their type, or where they are."""

    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    detail: str | None = None
    mark: Mark | None = None


@value
class Audio:
    form: str
    """As in `mp3`."""

    data: str


@value
class File:
    """Its bytes in base64, its text, where it is, or the id that its provider gave it."""

    name: str | None = None
    media_type: str | None = None
    data: str | None = None
    text: str | None = None
    url: str | None = None
    id: str | None = None
    mark: Mark | None = None


@value
class Refusal:
    """The model said that it will not."""

    text: str


@value
class Reasoning:
    text: str = ""
    state: State | None = None


@value
class ToolCall:
    id: str
    name: str
    arguments: str
    """JSON as the model wrote it. A model may write what is none."""

    mark: Mark | None = None


@value
class ToolResult:
    call_id: str
    parts: tuple[Text | Image | File, ...]
    name: str | None = None
    is_error: bool = False
    mark: Mark | None = None


Part = Text | Image | Audio | File | Refusal | Reasoning | ToolCall | ToolResult


@value
class Message:
    """Results of tools stand in messages of the role `tool`, and calls in those of the assistant."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None


@value
class Tool:
    """A function that the caller would run."""

    name: str
    description: str | None = None
    parameters: Mapping[str, Any] | None = None
    is_strict: bool | None = None
    mark: Mark | None = None


class Choose(StrEnum):
    AUTO = "auto"
    NONE = "none"
    SOME = "some"
    ONE = "one"


@value
class ToolChoice:
    choose: Choose
    name: str | None = None


class Form(StrEnum):
    TEXT = "text"
    JSON = "json"
    SCHEMA = "schema"


@value
class OutputForm:
    form: Form
    name: str | None = None
    schema: Mapping[str, Any] | None = None
    is_strict: bool | None = None


@value
class Sampling:
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()


@value
class Thinking:
    """How hard to think, in a word or in tokens; False in `is_on` asks for an answer at once."""

    is_on: bool = True
    effort: str | None = None
    """One of minimal, low, medium, high, xhigh."""

    budget_tokens: int | None = None


@value
class Conversation:
    """A request, without its model and its bound on output: those are the plan's."""

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    has_parallel_calls: bool | None = None
    form: OutputForm | None = None
    sampling: Sampling = Sampling()
    thinking: Thinking | None = None
    choices: int = 1
    is_stream: bool = False
    user: str | None = None
    unsaid: tuple[str, ...] = ()
    """What was asked for and has no place here: members and parts, by their path in the caller's dialect."""
