"""A conversation as a body of OpenAI's chat completions, and what of it has no place there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from tollhouse.dialects import data_url, openai_state
from tollhouse.domain.conversation import (
    Audio,
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

CHOOSING = {Choose.AUTO: "auto", Choose.NONE: "none", Choose.SOME: "required"}
OF_OTHER_SERVERS = ("top_k", "min_p")
"""What OpenAI itself does not take, and servers of its form do."""

LEAST_OF_MEDIUM, LEAST_OF_HIGH = 4096, 16_384
"""Tokens to think in, from which on it is called so."""

UNNAMED = "answer"


def encode(conversation: Conversation, leg: Leg) -> tuple[bytes, tuple[str, ...]]:
    saying = _Saying(is_openai=leg.target.kind == "openai")
    body: Members = {
        "model": leg.target.model,
        "messages": saying.messages(conversation.messages),
        leg.target.output_bound: leg.output_tokens,
        **saying.tools(conversation),
        **_form(conversation.form),
        **saying.sampling(conversation.sampling),
        **saying.thinking(conversation.thinking),
    }
    if conversation.choices > 1:
        body["n"] = conversation.choices
    if conversation.user is not None:
        body["user"] = conversation.user
    if conversation.is_stream:
        body["stream"] = True
        if leg.target.asks_usage:
            body["stream_options"] = {"include_usage": True}
    return msgspec.json.encode(body), tuple(dict.fromkeys(saying.unsaid))


class _Saying:
    """Remembers what could not be said."""

    def __init__(self, *, is_openai: bool) -> None:
        self.unsaid: list[str] = []
        self._is_openai = is_openai

    def messages(self, messages: Sequence[Message]) -> list[Members]:
        """What a tool showed, and this form has no place for in a result, is shown after the results."""
        said: list[Members] = []
        shown: list[Part] = []
        for message in messages:
            if message.role is not Role.TOOL and shown:
                said.append({"role": "user", "content": self._content(shown)})
                shown = []
            for part in message.parts if message.role is Role.TOOL else ():
                if isinstance(part, ToolResult):
                    said.append(self._result(part))
                    shown += [each for each in part.parts if not isinstance(each, Text)]
            if message.role is Role.ASSISTANT:
                said.append(self._answer(message))
            elif message.role is not Role.TOOL:
                said.append(self._asked(message))
        if shown:
            said.append({"role": "user", "content": self._content(shown)})
        return said

    def tools(self, conversation: Conversation) -> Members:
        """Without tools there is nothing to choose from, and OpenAI takes no choice."""
        if not conversation.tools:
            return {}
        choice = conversation.tool_choice
        return _given(
            {
                "tools": [self._tool(tool) for tool in conversation.tools],
                "tool_choice": None if choice is None else _tool_choice(choice),
                "parallel_tool_calls": conversation.has_parallel_calls,
            }
        )

    def sampling(self, sampling: Sampling) -> Members:
        members: Members = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "top_k": sampling.top_k,
            "min_p": sampling.min_p,
            "frequency_penalty": sampling.frequency_penalty,
            "presence_penalty": sampling.presence_penalty,
            "seed": sampling.seed,
            "stop": list(sampling.stop) or None,
        }
        for name in OF_OTHER_SERVERS if self._is_openai else ():
            if members.pop(name) is not None:
                self.unsaid.append(f"sampling.{name}")
        return _given(members)

    def thinking(self, thinking: Thinking | None) -> Members:
        """To models that do not think, nothing can be said of it: not to is what they do anyway."""
        if thinking is None:
            return {}
        if not thinking.is_on:
            self.unsaid.append("thinking.is_on")
            return {}
        if thinking.budget_tokens is not None:
            self.unsaid.append("thinking.budget_tokens")
        effort = thinking.effort or effort_of(thinking.budget_tokens)
        return {"reasoning_effort": effort} if effort else {}

    def _asked(self, message: Message) -> Members:
        role = message.role.value
        if message.role is Role.DEVELOPER and not self._is_openai:
            role = "system"  # chat templates know no other
        return _given({"role": role, "content": self._content(message.parts), "name": message.name})

    def _answer(self, message: Message) -> Members:
        said = [part for part in message.parts if isinstance(part, Text)]
        declined = [part.text for part in message.parts if isinstance(part, Refusal)]
        calls = [self._call(part) for part in message.parts if isinstance(part, ToolCall)]
        for part in message.parts:
            if not isinstance(part, Text | Refusal | ToolCall | Reasoning):
                self.unsaid.append(f"messages.{_kind(part)}")
        members: Members = {
            "role": "assistant",
            "content": self._content(said) if said or not (calls or declined) else None,
        }
        more = {
            "refusal": "".join(declined) or None,
            "name": message.name,
            "tool_calls": calls or None,
            **self._thoughts(message.parts),
        }
        return {**members, **_given(more)}

    def _thoughts(self, parts: Sequence[Part]) -> Members:
        """OpenAI takes none back; other servers need them within a turn of tools."""
        thoughts = [part for part in parts if isinstance(part, Reasoning)]
        details: list[Any] = []
        for thought in thoughts:
            if thought.state is None:
                continue
            if thought.state.dialect == openai_state.DIALECT:
                details += openai_state.entries(thought.state, "", 0)
            else:
                self.unsaid.append("messages.reasoning.state")
        text = "".join(thought.text for thought in thoughts)
        if text and self._is_openai:
            self.unsaid.append("messages.reasoning")
            text = ""
        return {"reasoning_content": text or None, "reasoning_details": details or None}

    def _call(self, call: ToolCall) -> Members:
        self._unmark(call.mark, "messages.toolcall")
        function = {"name": call.name, "arguments": call.arguments}
        return {"id": call.id, "type": "function", "function": function}

    def _result(self, result: ToolResult) -> Members:
        self._unmark(result.mark, "messages.toolresult")
        if result.is_error:
            self.unsaid.append("messages.toolresult.is_error")
        texts = [part for part in result.parts if isinstance(part, Text)]
        return _given(
            {
                "role": "tool",
                "tool_call_id": result.call_id,
                "name": result.name,
                "content": self._content(texts),
            }
        )

    def _content(self, parts: Sequence[Part]) -> str | list[Members]:
        if not parts:
            return ""
        if len(parts) == 1 and isinstance(parts[0], Text):
            self._text(parts[0])
            return parts[0].text
        return [said for part in parts for said in self._part(part)]

    def _part(self, part: Part) -> Iterator[Members]:
        match part:
            case Text():
                yield self._text(part)
            case Image():
                yield self._image(part)
            case Audio():
                yield {
                    "type": "input_audio",
                    "input_audio": {"data": part.data, "format": part.form},
                }
            case File():
                yield from self._file(part)
            case _:
                self.unsaid.append(f"messages.{_kind(part)}")

    def _text(self, text: Text) -> Members:
        self._unmark(text.mark, "messages.text")
        if text.citations:
            self.unsaid.append("messages.text.citations")
        return {"type": "text", "text": text.text}

    def _image(self, image: Image) -> Members:
        self._unmark(image.mark, "messages.image")
        url = image.url if image.data is None else data_url.join(image.media_type, image.data)
        return {"type": "image_url", "image_url": _given({"url": url, "detail": image.detail})}

    def _file(self, file: File) -> Iterator[Members]:
        self._unmark(file.mark, "messages.file")
        if file.data is not None:
            data = data_url.join(file.media_type, file.data)
            yield {"type": "file", "file": _given({"filename": file.name, "file_data": data})}
        elif file.text is not None:
            yield {
                "type": "text",
                "text": f"{file.name}\n\n{file.text}" if file.name else file.text,
            }
        elif file.id is not None:
            yield {"type": "file", "file": _given({"file_id": file.id, "filename": file.name})}
        else:
            self.unsaid.append("messages.file.url")

    def _tool(self, tool: Tool) -> Members:
        self._unmark(tool.mark, "tools")
        function = {
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
            "strict": tool.is_strict,
        }
        return {"type": "function", "function": _given(function)}

    def _unmark(self, mark: Mark | None, place: str) -> None:
        if mark is not None:
            self.unsaid.append(f"{place}.mark")


def _tool_choice(choice: ToolChoice) -> str | Members:
    if choice.choose is Choose.ONE:
        return {"type": "function", "function": {"name": choice.name}}
    return CHOOSING[choice.choose]


def _form(form: OutputForm | None) -> Members:
    if form is None:
        return {}
    if form.form is Form.SCHEMA:
        schema = {
            "name": form.name or UNNAMED,
            "schema": form.schema,
            "strict": form.is_strict,
        }
        return {"response_format": {"type": "json_schema", "json_schema": _given(schema)}}
    return {"response_format": {"type": "json_object" if form.form is Form.JSON else "text"}}


def effort_of(budget_tokens: int | None) -> str | None:
    if budget_tokens is None:
        return None
    if budget_tokens < LEAST_OF_MEDIUM:
        return "low"
    return "medium" if budget_tokens < LEAST_OF_HIGH else "high"


def _kind(part: Part) -> str:
    return type(part).__name__.lower()


def _given(members: Members) -> Members:
    return {name: value for name, value in members.items() if value is not None}
