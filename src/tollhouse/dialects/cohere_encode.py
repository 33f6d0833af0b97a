"""A conversation as a body of Cohere's chat (v2), and what of it has no place there."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from tollhouse.dialects import data_url
from tollhouse.domain.conversation import (
    Choose,
    Conversation,
    File,
    Form,
    Image,
    Mark,
    Message,
    OutputForm,
    Part,
    Reasoning,
    Refusal,
    Role,
    Sampling,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from tollhouse.domain.models import Leg

Members = dict[str, Any]

BOUNDS = {
    "temperature": ("temperature", 0.0, 2.0),
    "top_p": ("p", 0.01, 0.99),
    "top_k": ("k", 0, 500),
    "frequency_penalty": ("frequency_penalty", 0.0, 1.0),
    "presence_penalty": ("presence_penalty", 0.0, 1.0),
}
"""What Cohere calls it, and from where to where it takes it."""

MOST_STOPS = 5


def encode(conversation: Conversation, leg: Leg) -> tuple[bytes, tuple[str, ...]]:
    saying = _Saying()
    body: Members = {
        "model": leg.target.model,
        "messages": saying.messages(conversation.messages),
        "max_tokens": leg.output_tokens,
        "stream": conversation.is_stream,
        **saying.tools(conversation),
        **saying.sampling(conversation.sampling),
        **saying.thinking(conversation.thinking),
        **_form(conversation.form),
    }
    saying.note("choices", conversation.choices > 1)
    saying.note("user", conversation.user)
    return msgspec.json.encode(body), tuple(dict.fromkeys(saying.unsaid))


class _Saying:
    """Remembers what could not be said."""

    def __init__(self) -> None:
        self.unsaid: list[str] = []

    def messages(self, messages: Sequence[Message]) -> list[Members]:
        """What a tool showed has no place in a result, and is shown after the results."""
        said: list[Members] = []
        shown: list[Part] = []
        for message in messages:
            self.note("messages.name", message.name)
            if message.role is not Role.TOOL and shown:
                said.append({"role": "user", "content": self._content(shown)})
                shown = []
            for part in message.parts if message.role is Role.TOOL else ():
                if isinstance(part, ToolResult):
                    said.append(self._result(part))
                    shown += [each for each in part.parts if isinstance(each, Image)]
            if message.role is Role.ASSISTANT:
                said.append(self._answer(message))
            elif message.role is not Role.TOOL:
                role = "user" if message.role is Role.USER else "system"
                said.append({"role": role, "content": self._content(message.parts)})
        if shown:
            said.append({"role": "user", "content": self._content(shown)})
        return said

    def tools(self, conversation: Conversation) -> Members:
        if not conversation.tools:
            return {}
        tools = conversation.tools
        said: Members = {"tools": [self._tool(tool) for tool in tools]}
        if all(tool.is_strict for tool in tools):
            said["strict_tools"] = True
        else:
            self.note("tools.is_strict", any(tool.is_strict for tool in tools))
        self.note("has_parallel_calls", conversation.has_parallel_calls is False)
        return said | self._choice(conversation.tool_choice)

    def sampling(self, sampling: Sampling) -> Members:
        said: Members = {}
        for name, (theirs, least, most) in BOUNDS.items():
            wish = getattr(sampling, name)
            if wish is not None:
                said[theirs] = min(max(wish, least), most)
                self.note(f"sampling.{name}", said[theirs] != wish)
        self.note("sampling.min_p", sampling.min_p is not None)
        if sampling.seed is not None:
            said["seed"] = sampling.seed
        if sampling.stop:
            said["stop_sequences"] = list(sampling.stop[:MOST_STOPS])
            self.note("sampling.stop", len(sampling.stop) > MOST_STOPS)
        return said

    def thinking(self, thinking: Thinking | None) -> Members:
        """Who can think does, if it is not told how long."""
        if thinking is None:
            return {}
        if not thinking.is_on:
            return {"thinking": {"type": "disabled"}}
        self.note("thinking.effort", thinking.effort)
        budget = thinking.budget_tokens
        return {"thinking": _given({"type": "enabled", "token_budget": budget})}

    def note(self, name: str, is_given: object) -> None:
        if is_given:
            self.unsaid.append(name)

    def _answer(self, message: Message) -> Members:
        """Thoughts that led to a call are its plan; Cohere takes no others back."""
        said = [part for part in message.parts if isinstance(part, Text | Refusal)]
        thoughts = [part for part in message.parts if isinstance(part, Reasoning)]
        calls = [self._call(part) for part in message.parts if isinstance(part, ToolCall)]
        for part in message.parts:
            if not isinstance(part, Text | Refusal | Reasoning | ToolCall):
                self.unsaid.append(f"messages.{_kind(part)}")
        self.note("messages.reasoning.state", any(each.state for each in thoughts))
        plan = "".join(each.text for each in thoughts)
        self.note("messages.reasoning", plan and not calls)
        return _given(
            {
                "role": "assistant",
                "content": self._content(said) if said or not calls else None,
                "tool_plan": plan or None if calls else None,
                "tool_calls": calls or None,
            }
        )

    def _content(self, parts: Sequence[Part]) -> str | list[Members]:
        blocks = [block for part in parts for block in self._part(part)]
        if all(block["type"] == "text" for block in blocks) and len(blocks) <= 1:
            return blocks[0]["text"] if blocks else ""
        return blocks

    def _part(self, part: Part) -> Iterator[Members]:
        self.note(f"messages.{_kind(part)}.mark", getattr(part, "mark", None))
        match part:
            case Text(text):
                self.note("messages.text.citations", part.citations)
                yield {"type": "text", "text": text}
            case Refusal(text):
                yield {"type": "text", "text": text}
            case Image():
                url = part.url if part.data is None else data_url.join(part.media_type, part.data)
                image = _given({"url": url, "detail": part.detail})
                yield {"type": "image_url", "image_url": image}
            case File() if (words := _text_of(part)) is not None:
                yield {"type": "text", "text": f"{part.name}\n\n{words}" if part.name else words}
            case _:
                self.unsaid.append(f"messages.{_kind(part)}")

    def _call(self, call: ToolCall) -> Members:
        self.note("messages.toolcall.mark", call.mark)
        function = {"name": call.name, "arguments": call.arguments}
        return {"id": call.id, "type": "function", "function": function}

    def _result(self, result: ToolResult) -> Members:
        self.note("messages.toolresult.is_error", result.is_error)
        self.note("messages.toolresult.mark", result.mark)
        texts = [part for part in result.parts if not isinstance(part, Image)]
        return {
            "role": "tool",
            "tool_call_id": result.call_id,
            "content": self._content(texts),
        }

    def _tool(self, tool: Tool) -> Members:
        self.note("tools.mark", tool.mark)
        function = {
            "name": tool.name,
            "description": tool.description,
            "parameters": {"type": "object", **(tool.parameters or {})},
        }
        return {"type": "function", "function": _given(function)}

    def _choice(self, choice: ToolChoice | None) -> Members:
        """One of them cannot be named: then it is any."""
        if choice is None or choice.choose is Choose.AUTO:
            return {}
        self.note("tool_choice", choice.choose is Choose.ONE)
        return {"tool_choice": "NONE" if choice.choose is Choose.NONE else "REQUIRED"}


def _form(form: OutputForm | None) -> Members:
    if form is None or form.form is Form.TEXT:
        return {}
    return {"response_format": _given({"type": "json_object", "json_schema": form.schema})}


def _text_of(file: File) -> str | None:
    """Of a file that is text; of another none."""
    if file.text is not None or file.data is None:
        return file.text
    if not (file.media_type or "").startswith("text/"):
        return None
    try:
        return base64.b64decode(file.data, validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def _kind(part: Part | Mark) -> str:
    return type(part).__name__.lower()


def _given(members: Members) -> Members:
    return {name: value for name, value in members.items() if value is not None}
