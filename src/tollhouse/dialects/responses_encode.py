"""A conversation as a body of OpenAI Responses, and what of it has no place there.

Nothing is left behind at the provider: `store` is false, and what was thought comes back encrypted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from tollhouse.dialects import data_url
from tollhouse.dialects.openai_encode import CHOOSING, UNNAMED, effort_of
from tollhouse.dialects.responses_ask import BOUND
from tollhouse.dialects.responses_state import DIALECT
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

ENCRYPTED = "reasoning.encrypted_content"
WITHOUT_A_PLACE = ("top_k", "min_p", "frequency_penalty", "presence_penalty", "seed")


def encode(conversation: Conversation, leg: Leg) -> tuple[bytes, tuple[str, ...]]:
    saying = _Saying()
    body: Members = {
        "model": leg.target.model,
        "input": [item for each in conversation.messages for item in saying.items(each)],
        BOUND: leg.output_tokens,
        "store": False,
        **saying.tools(conversation),
        **_form(conversation.form),
        **saying.sampling(conversation.sampling),
        **saying.thinking(conversation.thinking),
    }
    if conversation.choices > 1:
        saying.unsaid.append("choices")
    if conversation.user is not None:
        body["user"] = conversation.user
    if conversation.is_stream:
        body["stream"] = True
    return msgspec.json.encode(body), tuple(dict.fromkeys(saying.unsaid))


class _Saying:
    """Remembers what could not be said."""

    def __init__(self) -> None:
        self.unsaid: list[str] = []

    def items(self, message: Message) -> Iterator[Members]:
        """In the order of the parts: what is said in a row is one message."""
        if message.name is not None:
            self.unsaid.append("messages.name")
        said: list[Members] = []
        for part in message.parts:
            item = self._item(part)
            if item is None:
                said += self._part(part, message.role)
                continue
            if said:
                yield _message(message.role, said)
                said = []
            yield from item
        if said:
            yield _message(message.role, said)

    def tools(self, conversation: Conversation) -> Members:
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
        for name in WITHOUT_A_PLACE:
            if getattr(sampling, name) is not None:
                self.unsaid.append(f"sampling.{name}")
        if sampling.stop:
            self.unsaid.append("sampling.stop")
        return _given({"temperature": sampling.temperature, "top_p": sampling.top_p})

    def thinking(self, thinking: Thinking | None) -> Members:
        """To models that do not think nothing can be said of it: not to is what they do anyway."""
        if thinking is None:
            return {}
        if not thinking.is_on:
            self.unsaid.append("thinking.is_on")
            return {}
        if thinking.budget_tokens is not None:
            self.unsaid.append("thinking.budget_tokens")
        effort = thinking.effort or effort_of(thinking.budget_tokens)
        return {"include": [ENCRYPTED], **({"reasoning": {"effort": effort}} if effort else {})}

    def _item(self, part: Part) -> tuple[Members, ...] | None:
        """What is an item of its own; None for what stands in a message."""
        match part:
            case ToolCall():
                self._unmark(part.mark, "messages.toolcall")
                return (
                    {
                        "type": "function_call",
                        "call_id": part.id,
                        "name": part.name,
                        "arguments": part.arguments,
                    },
                )
            case ToolResult():
                return (self._result(part),)
            case Reasoning():
                return self._reasoning(part)
        return None

    def _reasoning(self, thought: Reasoning) -> tuple[Members, ...]:
        """A thought goes home with its seal, or not at all: OpenAI takes no words of others."""
        if thought.state is None or thought.state.dialect != DIALECT:
            self.unsaid.append("messages.reasoning" if thought.text else "messages.reasoning.state")
            return ()
        summary = [{"type": "summary_text", "text": thought.text}] if thought.text else []
        return ({"type": "reasoning", "summary": summary, **thought.state.raw},)

    def _result(self, result: ToolResult) -> Members:
        self._unmark(result.mark, "messages.toolresult")
        if result.is_error:
            self.unsaid.append("messages.toolresult.is_error")
        parts = [said for part in result.parts for said in self._part(part, Role.USER)]
        is_text = len(parts) == 1 and parts[0]["type"] == "input_text"
        output = parts[0]["text"] if is_text else parts or ""
        return {"type": "function_call_output", "call_id": result.call_id, "output": output}

    def _part(self, part: Part, role: Role) -> Iterator[Members]:
        match part:
            case Text():
                self._unmark(part.mark, "messages.text")
                if part.citations:
                    self.unsaid.append("messages.text.citations")
                if role is Role.ASSISTANT:
                    yield {"type": "output_text", "text": part.text, "annotations": []}
                else:
                    yield {"type": "input_text", "text": part.text}
            case Refusal() if role is Role.ASSISTANT:
                yield {"type": "refusal", "refusal": part.text}
            case Image() if role is not Role.ASSISTANT:
                yield self._image(part)
            case File() if role is not Role.ASSISTANT:
                yield self._file(part)
            case _:
                self.unsaid.append(f"messages.{type(part).__name__.lower()}")

    def _image(self, image: Image) -> Members:
        self._unmark(image.mark, "messages.image")
        url = image.url if image.data is None else data_url.join(image.media_type, image.data)
        return {"type": "input_image", "image_url": url, "detail": image.detail or "auto"}

    def _file(self, file: File) -> Members:
        self._unmark(file.mark, "messages.file")
        if file.text is not None and file.data is None:
            text = f"{file.name}\n\n{file.text}" if file.name else file.text
            return {"type": "input_text", "text": text}
        data = None if file.data is None else data_url.join(file.media_type, file.data)
        where = {"file_data": data, "file_url": file.url, "file_id": file.id}
        return {"type": "input_file", **_given({"filename": file.name, **where})}

    def _tool(self, tool: Tool) -> Members:
        self._unmark(tool.mark, "tools")
        function = {
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "parameters": tool.parameters,
            "strict": bool(tool.is_strict),
        }
        return {**_given(function), "parameters": tool.parameters}

    def _unmark(self, mark: Mark | None, place: str) -> None:
        if mark is not None:
            self.unsaid.append(f"{place}.mark")


def _message(role: Role, content: Sequence[Members]) -> Members:
    return {"type": "message", "role": role.value, "content": list(content)}


def _tool_choice(choice: ToolChoice) -> str | Members:
    if choice.choose is Choose.ONE:
        return {"type": "function", "name": choice.name}
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
        return {"text": {"format": {"type": "json_schema", **_given(schema)}}}
    return {"text": {"format": {"type": "json_object" if form.form is Form.JSON else "text"}}}


def _given(members: Members) -> Members:
    return {name: value for name, value in members.items() if value is not None}
