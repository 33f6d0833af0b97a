"""A conversation as a body of Anthropic's messages, and what of it has no place there."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from tollhouse.dialects import anthropic_state
from tollhouse.dialects.ollama_writer import arguments_object
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

CHOOSING = {Choose.AUTO: "auto", Choose.NONE: "none", Choose.SOME: "any"}
EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh"}
LEAST_BUDGET = 1024
"""Of tokens to think in."""

HOTTEST = 1.0
PDF = "application/pdf"

_not_of_an_id = re.compile(r"[^A-Za-z0-9_-]")


def encode(conversation: Conversation, leg: Leg) -> tuple[bytes, tuple[str, ...]]:
    saying = _Saying()
    system, messages = saying.messages(conversation.messages)
    body: Members = {
        "model": leg.target.model,
        "max_tokens": leg.output_tokens,
        **({"system": system} if system else {}),
        "messages": messages,
        **saying.tools(conversation),
        **saying.thinking(conversation.thinking, leg.output_tokens),
    }
    body |= saying.sampling(conversation.sampling, thinks="thinking" in body)
    if form := saying.form(conversation.form):
        body["output_config"] = {**body.get("output_config", {}), "format": form}
    if conversation.choices > 1:
        saying.unsaid.append("choices")
    if conversation.user is not None:
        body["metadata"] = {"user_id": conversation.user}
    if conversation.is_stream:
        body["stream"] = True
    return msgspec.json.encode(body), tuple(dict.fromkeys(saying.unsaid))


class _Saying:
    """Remembers what could not be said."""

    def __init__(self) -> None:
        self.unsaid: list[str] = []

    def messages(self, messages: Sequence[Message]) -> tuple[list[Members], list[Members]]:
        """What the system says stands before all else, and turns of one role are one."""
        system: list[Members] = []
        turns: list[Members] = []
        for message in messages:
            is_system = message.role in (Role.SYSTEM, Role.DEVELOPER)
            said = [block for part in message.parts for block in self._part(part)]
            if message.name is not None:
                self.unsaid.append("messages.name")
            if is_system:
                if turns and said:
                    self.unsaid.append("messages.system.place")
                system += said
                continue
            role = "assistant" if message.role is Role.ASSISTANT else "user"
            if turns and turns[-1]["role"] == role:
                turns[-1]["content"] += said
            elif said:
                turns.append({"role": role, "content": said})
        return system, turns

    def tools(self, conversation: Conversation) -> Members:
        """Without tools there is nothing to choose from."""
        if not conversation.tools:
            return {}
        said: Members = {"tools": [self._tool(tool) for tool in conversation.tools]}
        choice = _choice(conversation.tool_choice, conversation.has_parallel_calls)
        if choice == {"type": "none"}:
            self._leave("has_parallel_calls", conversation.has_parallel_calls)
        return {**said, "tool_choice": choice} if choice else said

    def thinking(self, thinking: Thinking | None, most: int) -> Members:
        """A budget is kept to where it is one; else the model decides, as hard as was wished."""
        if thinking is None:
            return {}
        if not thinking.is_on:
            return {"thinking": {"type": "disabled"}}
        effort = EFFORTS.get(thinking.effort or "")
        config: Members = {"output_config": {"effort": effort}} if effort else {}
        budget = thinking.budget_tokens
        if budget is not None and LEAST_BUDGET <= budget < most:
            return {"thinking": {"type": "enabled", "budget_tokens": budget}, **config}
        if budget is not None:
            self.unsaid.append("thinking.budget_tokens")
        return {"thinking": {"type": "adaptive"}, **config}

    def sampling(self, sampling: Sampling, *, thinks: bool) -> Members:
        """Anthropic takes one of temperature and top_p, and neither from who thinks."""
        for name in ("min_p", "frequency_penalty", "presence_penalty", "seed"):
            self._leave(f"sampling.{name}", getattr(sampling, name))
        temperature, top_p, top_k = sampling.temperature, sampling.top_p, sampling.top_k
        if thinks:
            self._leave("sampling.temperature", temperature)
            self._leave("sampling.top_k", top_k)
            temperature = top_k = None
        if temperature is not None and temperature > HOTTEST:
            self.unsaid.append("sampling.temperature")
            temperature = HOTTEST
        if top_p is not None and (thinks or temperature is not None):
            self._leave("sampling.top_p", top_p)
            top_p = None
        stops = [stop for stop in sampling.stop if stop.strip()]
        if len(stops) < len(sampling.stop):
            self.unsaid.append("sampling.stop")
        return _given(
            {
                "temperature": temperature,
                "top_p": top_p,
                "top_k": top_k,
                "stop_sequences": stops or None,
            }
        )

    def form(self, form: OutputForm | None) -> Members | None:
        if form is None or form.form is Form.TEXT:
            return None
        if form.schema is None:
            self.unsaid.append("form")
            return None
        return {"type": "json_schema", "schema": form.schema}

    def _part(self, part: Part) -> Iterator[Members]:
        match part:
            case Text():
                if part.text:  # none is taken that is empty
                    yield self._text(part)
            case Refusal():
                yield {"type": "text", "text": part.text}
            case Image():
                yield from self._image(part)
            case File():
                yield from self._file(part)
            case Reasoning():
                yield from self._thought(part)
            case ToolCall():
                yield _call(part)
            case ToolResult():
                yield self._result(part)
            case _:
                self.unsaid.append("messages.audio")

    def _text(self, text: Text) -> Members:
        cited = [each.raw for each in text.citations if each.raw and each.raw.get("type")]
        if len(cited) < len(text.citations):
            self.unsaid.append("messages.text.citations")
        said = {"type": "text", "text": text.text, **_marked(text.mark)}
        return {**said, "citations": cited} if cited else said

    def _image(self, image: Image) -> Iterator[Members]:
        self._leave("messages.image.detail", image.detail)
        if image.data is not None:
            source = {"type": "base64", "media_type": image.media_type, "data": image.data}
        elif image.url is not None:
            source = {"type": "url", "url": image.url}
        else:
            self.unsaid.append("messages.image")
            return
        yield {"type": "image", "source": source, **_marked(image.mark)}

    def _file(self, file: File) -> Iterator[Members]:
        source = _source(file)
        if source is None:
            self.unsaid.append("messages.file.id" if file.id else "messages.file")
            return
        title = {"title": file.name} if file.name else {}
        yield {"type": "document", "source": source, **title, **_marked(file.mark)}

    def _thought(self, thought: Reasoning) -> Iterator[Members]:
        """Anthropic takes back what it signed, and nothing else."""
        if block := anthropic_state.block(thought):
            yield block
            return
        self._leave("messages.reasoning", thought.text or None)
        self._leave("messages.reasoning.state", thought.state)

    def _result(self, result: ToolResult) -> Members:
        said: Members = {
            "type": "tool_result",
            "tool_use_id": _id(result.call_id),
            "content": [block for part in result.parts for block in self._part(part)],
            **_marked(result.mark),
        }
        return {**said, "is_error": True} if result.is_error else said

    def _tool(self, tool: Tool) -> Members:
        schema = {"type": "object", **(tool.parameters or {})}
        said = {"name": tool.name, "description": tool.description, "input_schema": schema}
        return {**_given({**said, "strict": tool.is_strict or None}), **_marked(tool.mark)}

    def _leave(self, name: str, value: object) -> None:
        if value is not None:
            self.unsaid.append(name)


def _call(call: ToolCall) -> Members:
    return {
        "type": "tool_use",
        "id": _id(call.id),
        "name": call.name,
        "input": arguments_object(call.arguments),
        **_marked(call.mark),
    }


def _id(given: str) -> str:
    """Anthropic takes letters, digits, dashes and underscores; a call and its result go by the same."""
    return _not_of_an_id.sub("_", given) or "_"


def _source(file: File) -> Members | None:
    if file.text is not None:
        return {"type": "text", "media_type": "text/plain", "data": file.text}
    if file.data is not None:
        media_type = file.media_type or PDF
        if media_type == PDF:
            return {"type": "base64", "media_type": PDF, "data": file.data}
        text = _text_of(file.data) if media_type.startswith("text/") else None
        return {"type": "text", "media_type": "text/plain", "data": text} if text else None
    return {"type": "url", "url": file.url} if file.url else None


def _text_of(data: str) -> str | None:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def _choice(choice: ToolChoice | None, has_parallel_calls: bool | None) -> Members | None:  # noqa: FBT001
    several = has_parallel_calls
    single = {} if several is None else {"disable_parallel_tool_use": not several}
    if choice is None:
        return {"type": "auto", **single} if single else None
    if choice.choose is Choose.NONE:
        return {"type": "none"}
    if choice.choose is Choose.ONE:
        return {"type": "tool", "name": choice.name, **single}
    return {"type": CHOOSING[choice.choose], **single}


def _marked(mark: Mark | None) -> Members:
    if mark is None:
        return {}
    return {"cache_control": _given({"type": "ephemeral", "ttl": mark.ttl})}


def _given(members: Members) -> Members:
    return {name: value for name, value in members.items() if value is not None}
