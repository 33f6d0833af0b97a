"""AWS Bedrock's Converse as the one who is asked: nobody calls the gate in it, so the gate has no such half."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tollhouse.dialects import converse_state, event_stream
from tollhouse.dialects.converse_encode import CHOOSING
from tollhouse.dialects.converse_parts import DOCUMENTS, IMAGES
from tollhouse.dialects.converse_reader import STOPS
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
    Called,
    Cited,
    Counted,
    Declined,
    Delta,
    Said,
    Sealed,
    Stop,
    Stopped,
    Thought,
)
from tollhouse.domain.errors import Problem
from tollhouse.domain.models import Ask
from tollhouse.ports import Writer

Members = dict[str, Any]

MEDIA = {form: media for media, form in {**IMAGES, **DOCUMENTS}.items()}
REASONS = {stop: reason for reason, stop in reversed(STOPS.items())} | {Stop.LENGTH: "max_tokens"}
CHOSEN = {word: choose for choose, word in CHOOSING.items()}


class Converse:
    """Implements Server."""

    stream_type = event_stream.MEDIA_TYPE

    def decode(self, body: bytes) -> Conversation:
        asked = json.loads(body)
        config, output = asked["inferenceConfig"], asked.get("outputConfig", {})
        more = asked.get("additionalModelRequestFields", {})
        tools = asked.get("toolConfig", {})
        return Conversation(
            messages=tuple(_messages(asked)),
            tools=tuple(_tools(tools.get("tools", []))),
            tool_choice=_choice(tools.get("toolChoice")),
            form=_form(output.get("textFormat")),
            sampling=Sampling(
                temperature=config.get("temperature"),
                top_p=config.get("topP"),
                top_k=more.get("top_k"),
                stop=tuple(config.get("stopSequences", [])),
            ),
            thinking=_thinking(more.get("thinking"), output.get("effort")),
        )

    def writer(self, ask: Ask, _: str, __: int) -> Writer:
        return _Streaming() if ask.is_stream else _Whole()

    def problem_event(self, problem: Problem, _: str) -> bytes:
        headers = {":message-type": "exception", ":exception-type": "modelStreamErrorException"}
        return event_stream.written(headers, json.dumps({"message": problem.detail}).encode())


def _messages(asked: Members) -> Iterator[Message]:
    if system := asked.get("system"):
        yield Message(Role.SYSTEM, tuple(_parts(system)))
    for turn in asked["messages"]:
        role = Role(turn["role"])
        parts = tuple(_parts(turn["content"]))
        results = tuple(part for part in parts if isinstance(part, ToolResult))
        if results:
            yield Message(Role.TOOL, results)
        if rest := tuple(part for part in parts if not isinstance(part, ToolResult)):
            yield Message(role, rest)


def _parts(blocks: Sequence[Members]) -> Iterator[Part]:
    """A place to keep the prompt is a mark of the part before it."""
    for number, block in enumerate(blocks):
        after = blocks[number + 1] if number + 1 < len(blocks) else {}
        ((kind, said),) = block.items()
        if kind != "cachePoint":
            yield _part(kind, said, _mark(after.get("cachePoint")))


def _part(kind: str, said: Any, mark: Mark | None) -> Part:
    match kind:
        case "text":
            return Text(said, mark)
        case "image":
            source = said["source"]
            return Image(MEDIA[said["format"]], source.get("bytes"), mark=mark)
        case "document":
            name = f"{said['name']}.{said['format']}"
            return File(name, MEDIA[said["format"]], said["source"].get("bytes"), mark=mark)
        case "audio":
            return Audio(said["format"], said["source"]["bytes"])
        case "toolUse":
            return ToolCall(said["toolUseId"], said["name"], json.dumps(said["input"]), mark)
        case "toolResult":
            parts = [_part(*each, None) for block in said["content"] for each in block.items()]
            shown = tuple(part for part in parts if isinstance(part, Text | Image | File))
            return ToolResult(said["toolUseId"], shown, None, "status" in said, mark)
        case "reasoningContent" if "redactedContent" in said:
            return Reasoning("", converse_state.redacted(said["redactedContent"]))
        case "reasoningContent":
            told = said["reasoningText"]
            return Reasoning(told["text"], converse_state.signed(told["signature"]))
    raise AssertionError(f"Converse has no {kind}")


def _mark(point: Members | None) -> Mark | None:
    return Mark(point.get("ttl")) if point else None


def _tools(blocks: Sequence[Members]) -> Iterator[Tool]:
    for number, block in enumerate(blocks):
        after = blocks[number + 1] if number + 1 < len(blocks) else {}
        if spec := block.get("toolSpec"):
            yield Tool(
                spec["name"],
                spec.get("description"),
                spec["inputSchema"]["json"],
                spec.get("strict"),
                _mark(after.get("cachePoint")),
            )


def _choice(said: Members | None) -> ToolChoice | None:
    if said is None:
        return None
    if "tool" in said:
        return ToolChoice(Choose.ONE, said["tool"]["name"])
    return ToolChoice(CHOSEN[next(iter(said))])


def _form(said: Members | None) -> OutputForm | None:
    if said is None:
        return None
    schema = said["structure"]["jsonSchema"]
    return OutputForm(Form.SCHEMA, schema.get("name"), json.loads(schema["schema"]))


def _thinking(said: Members | None, effort: str | None) -> Thinking | None:
    if said is None:
        return None
    if said["type"] == "disabled":
        return Thinking(is_on=False)
    return Thinking(effort=effort, budget_tokens=said.get("budget_tokens"))


class _Streaming:
    """Each piece is an event of its own. What it thinks, says and calls are blocks with an index each."""

    def __init__(self) -> None:
        self._block = -1
        self._kind = ""
        self._calls: dict[int, int] = {}
        self._usage: Members = {}
        self._has_begun = False

    def write(self, deltas: Sequence[Delta]) -> bytes:
        return b"".join([piece for delta in deltas for piece in self._events(delta)])

    def finish(self) -> bytes:
        return event("metadata", {"usage": self._usage, "metrics": {"latencyMs": 1}})

    def _events(self, delta: Delta) -> Iterator[bytes]:
        if not self._has_begun:
            self._has_begun = True
            yield event("messageStart", {"role": "assistant"})
        match delta:
            case Said(text) | Declined(text):
                yield from self._piece("text", {"text": text})
            case Thought(text):
                yield from self._piece("thought", {"reasoningContent": {"text": text}})
            case Sealed(state):
                (said,) = state.raw.items()
                yield from self._piece("thought", {"reasoningContent": dict([said])})
                yield from self._close()
            case Cited(citation):
                where = {"web": {"url": citation.url}}
                yield from self._piece(
                    "text", {"citation": {"title": citation.title, "location": where}}
                )
            case Called(index, id_, name):
                yield from self._close()
                self._block += 1
                self._calls[index] = self._block
                start = {"toolUse": {"toolUseId": id_, "name": name}}
                yield event("contentBlockStart", {"start": start, "contentBlockIndex": self._block})
            case Argued(index, fragment):
                said = {"delta": {"toolUse": {"input": fragment}}}
                yield event("contentBlockDelta", {**said, "contentBlockIndex": self._calls[index]})
            case Stopped(stop):
                yield from self._close()
                for block in self._calls.values():
                    yield event("contentBlockStop", {"contentBlockIndex": block})
                yield event("messageStop", {"stopReason": REASONS.get(stop, "end_turn")})
            case Counted():
                self._usage = usage(delta)

    def _piece(self, kind: str, said: Members) -> Iterator[bytes]:
        """A block of text has no beginning of its own."""
        if kind != self._kind:
            yield from self._close()
            self._kind = kind
            self._block += 1
        yield event("contentBlockDelta", {"delta": said, "contentBlockIndex": self._block})

    def _close(self) -> Iterator[bytes]:
        if self._kind:
            yield event("contentBlockStop", {"contentBlockIndex": self._block})
        self._kind = ""


class _Whole:
    def __init__(self) -> None:
        self._blocks: list[Members] = []
        self._calls: dict[int, list[str]] = {}
        self._reason = "end_turn"
        self._usage: Members = {}

    def write(self, deltas: Sequence[Delta]) -> bytes:
        for delta in deltas:
            self._keep(delta)
        return b""

    def finish(self) -> bytes:
        for block in self._blocks:
            if "toolUse" in block:
                said = "".join(block["toolUse"]["input"])
                block["toolUse"]["input"] = json.loads(said or "{}")
        answer = {
            "output": {"message": {"role": "assistant", "content": self._blocks}},
            "stopReason": self._reason,
            "usage": self._usage,
            "metrics": {"latencyMs": 1},
        }
        return json.dumps(answer).encode()

    def _keep(self, delta: Delta) -> None:
        match delta:
            case Said(text) | Declined(text):
                self._blocks.append({"text": text})
            case Thought(text):
                self._think(text)
            case Sealed(state):
                self._seal(state.raw)
            case Cited(citation):
                where = {"title": citation.title, "location": {"web": {"url": citation.url}}}
                self._blocks.append({"citationsContent": {"content": [], "citations": [where]}})
            case Called(index, id_, name):
                self._calls[index] = []
                made = {"toolUseId": id_, "name": name, "input": self._calls[index]}
                self._blocks.append({"toolUse": made})
            case Argued(index, fragment):
                self._calls[index].append(fragment)
            case Stopped(stop):
                self._reason = REASONS.get(stop, "end_turn")
            case Counted():
                self._usage = usage(delta)

    def _think(self, text: str) -> None:
        last = self._blocks[-1] if self._blocks else {}
        if "reasoningContent" in last:
            last["reasoningContent"]["reasoningText"]["text"] += text
        else:
            self._blocks.append({"reasoningContent": {"reasoningText": {"text": text}}})

    def _seal(self, raw: Mapping[str, Any]) -> None:
        if "redactedContent" in raw:
            self._blocks.append({"reasoningContent": dict(raw)})
            return
        self._think("")
        self._blocks[-1]["reasoningContent"]["reasoningText"] |= raw


def event(kind: str, said: Members) -> bytes:
    headers = {
        ":event-type": kind,
        ":content-type": "application/json",
        ":message-type": "event",
    }
    return event_stream.written(headers, json.dumps(said).encode())


def usage(counted: Counted) -> Members:
    it = counted.usage
    return {
        "inputTokens": it.input,
        "outputTokens": it.output,
        "totalTokens": it.total,
        "cacheReadInputTokens": it.cache_read,
        "cacheWriteInputTokens": it.cache_write,
    }
