"""Cohere's chat (v2) as the one who is asked: nobody calls the gate in it, so the gate has no such half."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from tollhouse.dialects import data_url
from tollhouse.dialects.cohere_reader import STOPS
from tollhouse.domain.conversation import (
    Choose,
    Conversation,
    Form,
    Image,
    Message,
    OutputForm,
    Part,
    Reasoning,
    Role,
    Sampling,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from tollhouse.domain.deltas import (
    Argued,
    Began,
    Called,
    Cited,
    Counted,
    Declined,
    Delta,
    Said,
    Stopped,
    Thought,
)
from tollhouse.domain.errors import Problem
from tollhouse.domain.models import Ask
from tollhouse.ports import Writer

Members = dict[str, Any]

REASONS = {stop: reason for reason, stop in STOPS.items()}
CHOICES = {"REQUIRED": ToolChoice(Choose.SOME), "NONE": ToolChoice(Choose.NONE)}


class Cohere:
    """Implements Server."""

    stream_type = b"text/event-stream"

    def decode(self, body: bytes) -> Conversation:
        asked = json.loads(body)
        thinking = asked.get("thinking")
        return Conversation(
            messages=tuple(map(_message, asked["messages"])),
            tools=tuple(_tools(asked)),
            tool_choice=CHOICES.get(asked.get("tool_choice")),
            form=_form(asked.get("response_format")),
            sampling=Sampling(
                temperature=asked.get("temperature"),
                top_p=asked.get("p"),
                top_k=asked.get("k"),
                frequency_penalty=asked.get("frequency_penalty"),
                presence_penalty=asked.get("presence_penalty"),
                seed=asked.get("seed"),
                stop=tuple(asked.get("stop_sequences", [])),
            ),
            thinking=thinking
            and Thinking(thinking["type"] == "enabled", None, thinking.get("token_budget")),
            is_stream=asked["stream"],
        )

    def writer(self, ask: Ask, _: str, __: int) -> Writer:
        return _Streaming() if ask.is_stream else _Whole()

    def problem_event(self, _: Problem, __: str) -> bytes:
        return event("message-end", {"error": "no", "finish_reason": "ERROR"})


def _message(said: Members) -> Message:
    content = said.get("content") or []
    parts = [Text(content)] if isinstance(content, str) else [_part(block) for block in content]
    match said["role"]:
        case "tool":
            shown = tuple(part for part in parts if isinstance(part, Text | Image))
            return Message(Role.TOOL, (ToolResult(said["tool_call_id"], shown),))
        case "assistant":
            plan = [Reasoning(said["tool_plan"])] if said.get("tool_plan") else []
            calls = [
                ToolCall(it["id"], it["function"]["name"], it["function"]["arguments"])
                for it in said.get("tool_calls") or []
            ]
            return Message(Role.ASSISTANT, (*plan, *parts, *calls))
    return Message(Role(said["role"]), tuple(parts))


def _part(block: Members) -> Part:
    if block["type"] == "text":
        return Text(block["text"])
    image = block["image_url"]
    found = data_url.split(image["url"])
    media_type, data = found or (None, None)
    url = None if found else image["url"]
    return Image(media_type, data, url, image.get("detail"))


def _tools(asked: Members) -> Iterator[Tool]:
    is_strict = asked.get("strict_tools")
    for each in asked.get("tools", []):
        function = each["function"]
        yield Tool(function["name"], function.get("description"), function["parameters"], is_strict)


def _form(said: Members | None) -> OutputForm | None:
    if said is None:
        return None
    schema = said.get("json_schema")
    return OutputForm(Form.SCHEMA, schema=schema) if schema else OutputForm(Form.JSON)


class _Streaming:
    """Thoughts that lead to a call are its plan; here all are thoughts, as of a model that thinks."""

    def __init__(self) -> None:
        self._end: Members = {}
        self._calls: list[int] = []

    def write(self, deltas: Sequence[Delta]) -> bytes:
        return b"".join([piece for delta in deltas for piece in self._events(delta)])

    def finish(self) -> bytes:
        closed = b"".join(event("tool-call-end", {}, index) for index in self._calls)
        return closed + event("message-end", self._end)

    def _events(self, delta: Delta) -> Iterator[bytes]:
        match delta:
            case Began(id_):
                message: Members = {"role": "assistant", "content": []}
                yield event("message-start", {"message": message}, id=id_)
            case Said(text) | Declined(text):
                yield event("content-delta", {"message": {"content": {"text": text}}}, 1)
            case Thought(text):
                yield event("content-delta", {"message": {"content": {"thinking": text}}}, 0)
            case Cited(citation):
                cited = cited_as(citation.url, citation.title)
                yield event("citation-start", {"message": {"citations": cited}}, 0)
            case Called(index, id_, name):
                self._calls.append(index)
                call = {"id": id_, "type": "function", "function": {"name": name, "arguments": ""}}
                yield event("tool-call-start", {"message": {"tool_calls": call}}, index)
            case Argued(index, fragment):
                more = {"function": {"arguments": fragment}}
                yield event("tool-call-delta", {"message": {"tool_calls": more}}, index)
            case Stopped(stop):
                self._end["finish_reason"] = REASONS.get(stop, "COMPLETE")
            case Counted():
                self._end["usage"] = usage(delta)


class _Whole:
    def __init__(self) -> None:
        self._message: Members = {"role": "assistant", "content": [], "citations": []}
        self._calls: dict[int, Members] = {}
        self._end: Members = {}

    def write(self, deltas: Sequence[Delta]) -> bytes:
        for delta in deltas:
            self._keep(delta)
        return b""

    def finish(self) -> bytes:
        message = {**self._message, "tool_calls": list(self._calls.values())}
        return json.dumps({"id": "x", "message": message, **self._end}).encode()

    def _keep(self, delta: Delta) -> None:
        match delta:
            case Said(text) | Declined(text):
                self._message["content"].append({"type": "text", "text": text})
            case Thought(text):
                self._message["content"].append({"type": "thinking", "thinking": text})
            case Cited(citation):
                self._message["citations"].append(cited_as(citation.url, citation.title))
            case Called(index, id_, name):
                function = {"name": name, "arguments": ""}
                self._calls[index] = {"id": id_, "type": "function", "function": function}
            case Argued(index, fragment):
                self._calls[index]["function"]["arguments"] += fragment
            case Stopped(stop):
                self._end["finish_reason"] = REASONS.get(stop, "COMPLETE")
            case Counted():
                self._end["usage"] = usage(delta)


def event(kind: str, delta: Members, index: int | None = None, **more: Any) -> bytes:
    at = {} if index is None else {"index": index}
    said = {"type": kind, **at, **more, "delta": delta}
    return f"event: {kind}\ndata: {json.dumps(said)}\n\n".encode()


def cited_as(url: str | None, title: str | None) -> Members:
    source = {"type": "document", "id": "d", "document": {"url": url, "title": title}}
    return {"start": 0, "end": 1, "text": "a", "sources": [source]}


def usage(counted: Counted) -> Members:
    it = counted.usage
    read = it.input + it.cache_read + it.cache_write
    told = {"input_tokens": float(read), "output_tokens": float(it.output)}
    more = {"input_tokens": read + 500.0, "output_tokens": it.output + 1.0}
    return {"billed_units": told, "tokens": more}
