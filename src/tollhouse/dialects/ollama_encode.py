"""A conversation as `/api/chat` is asked it, and what Ollama's API cannot say of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tollhouse.dialects import strict_json
from tollhouse.dialects.ollama_writer import arguments_object
from tollhouse.domain.conversation import (
    Choose,
    Conversation,
    Form,
    Image,
    Message,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from tollhouse.domain.models import Leg

EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high"}

SAMPLING = (
    *("temperature", "top_p", "top_k", "min_p", "seed"),
    *("frequency_penalty", "presence_penalty"),
)


def encode(conversation: Conversation, leg: Leg) -> tuple[bytes, tuple[str, ...]]:
    said = _Said(conversation, leg)
    return strict_json.encode(said.body), tuple(dict.fromkeys(said.unsaid))


class _Said:
    def __init__(self, conversation: Conversation, leg: Leg) -> None:
        self.unsaid: list[str] = []
        self._names: dict[str, str] = {}
        """Of the tools that were called, by the ids of the calls."""

        messages = [each for it in conversation.messages for each in self._messages(it)]
        self.body: dict[str, Any] = {
            "model": leg.target.model,
            "messages": messages,
            "stream": conversation.is_stream,
            "options": {**self._sampling(conversation), "num_predict": leg.output_tokens},
            **self._tools(conversation),
            **self._form(conversation),
            **self._think(conversation.thinking),
        }
        self._name_the_rest(conversation)

    def _messages(self, message: Message) -> Iterable[dict[str, Any]]:
        if message.name is not None:
            self.unsaid.append("messages.name")
        if message.role is Role.TOOL:
            return [self._result(part) for part in message.parts if isinstance(part, ToolResult)]
        return [self._message(message)]

    def _message(self, message: Message) -> dict[str, Any]:
        role = Role.SYSTEM if message.role is Role.DEVELOPER else message.role
        said: dict[str, Any] = {"role": role.value, **self._content(message.parts)}
        if thoughts := [part for part in message.parts if isinstance(part, Reasoning)]:
            self._note("messages.reasoning.state", any(each.state for each in thoughts))
            said["thinking"] = "".join(each.text for each in thoughts)
        if calls := [part for part in message.parts if isinstance(part, ToolCall)]:
            said["tool_calls"] = [self._call(index, call) for index, call in enumerate(calls)]
        return said

    def _content(self, parts: Iterable[Part]) -> dict[str, Any]:
        """Texts in a row become one, and images stand beside it."""
        texts, images = [], []
        for part in parts:
            match part:
                case Text(text):
                    texts.append(text)
                    self._note("messages.text.citations", part.citations)
                case Refusal(text):
                    texts.append(text)
                case Image(data=str(data)):
                    images.append(data)
                    self._note("messages.image.detail", part.detail)
                case Image():
                    self.unsaid.append("messages.image.url")
                case Reasoning() | ToolCall() | ToolResult():
                    continue
                case _:
                    self.unsaid.append(f"messages.{_kind(part)}")
            self._note(f"messages.{_kind(part)}.mark", getattr(part, "mark", None))
        return {"content": "\n".join(texts), **({"images": images} if images else {})}

    def _call(self, index: int, call: ToolCall) -> dict[str, Any]:
        self._names[call.id] = call.name
        self._note("messages.toolcall.mark", call.mark)
        function = {
            "index": index,
            "name": call.name,
            "arguments": arguments_object(call.arguments),
        }
        return {"id": call.id, "function": function}

    def _result(self, result: ToolResult) -> dict[str, Any]:
        self._note("messages.toolresult.is_error", result.is_error)
        self._note("messages.toolresult.mark", result.mark)
        name = result.name or self._names.get(result.call_id)
        said = {"role": "tool", **self._content(result.parts), "tool_call_id": result.call_id}
        return {**said, "tool_name": name} if name else said

    def _sampling(self, conversation: Conversation) -> dict[str, Any]:
        """Nothing that was not asked for: a model has defaults of its own."""
        said = {name: getattr(conversation.sampling, name) for name in SAMPLING}
        given = {name: value for name, value in said.items() if value is not None}
        return {**given, "stop": list(stop)} if (stop := conversation.sampling.stop) else given

    def _tools(self, conversation: Conversation) -> dict[str, Any]:
        """To forbid tools is to offer none."""
        choice = conversation.tool_choice
        if choice is not None and choice.choose is Choose.NONE:
            return {}
        self._note("tool_choice", choice is not None and choice.choose is not Choose.AUTO)
        self._note("tools.is_strict", any(tool.is_strict for tool in conversation.tools))
        self._note("tools.mark", any(tool.mark for tool in conversation.tools))
        tools = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description or "",
                    "parameters": tool.parameters or {"type": "object", "properties": {}},
                },
            }
            for tool in conversation.tools
        ]
        return {"tools": tools} if tools else {}

    def _form(self, conversation: Conversation) -> dict[str, Any]:
        form = conversation.form
        if form is None or form.form is Form.TEXT:
            return {}
        return {"format": form.schema if form.form is Form.SCHEMA and form.schema else "json"}

    def _think(self, thinking: Thinking | None) -> dict[str, Any]:
        if thinking is None:
            return {}
        self._note("thinking.budget_tokens", thinking.budget_tokens)
        if not thinking.is_on:
            return {"think": False}
        return {"think": EFFORTS[thinking.effort] if thinking.effort else True}

    def _name_the_rest(self, conversation: Conversation) -> None:
        self._note("choices", conversation.choices > 1)
        self._note("user", conversation.user)
        self._note("has_parallel_calls", conversation.has_parallel_calls is False)

    def _note(self, name: str, is_given: object) -> None:
        if is_given:
            self.unsaid.append(name)


def _kind(part: Part) -> str:
    return type(part).__name__.lower()
