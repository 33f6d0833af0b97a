"""Gemini as it is on its own side: what it understands of a call, and the form of its answers.

The gateway never speaks it to a caller, so this stands here and not with the dialects.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from tollhouse.dialects.gemini_state import DIALECT, FOREIGN
from tollhouse.domain.conversation import (
    Audio,
    Choose,
    Conversation,
    File,
    Form,
    Image,
    Message,
    OutputForm,
    Part,
    Reasoning,
    Role,
    Sampling,
    State,
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
    Sealed,
    Stop,
    Stopped,
    Thought,
)
from tollhouse.domain.errors import Problem
from tollhouse.domain.models import Ask
from tollhouse.ports import Writer

REASONS = {Stop.LENGTH: "MAX_TOKENS", Stop.FILTERED: "SAFETY"}
CHOOSING = {"AUTO": Choose.AUTO, "NONE": Choose.NONE, "ANY": Choose.SOME}


class GeminiServer:
    """Implements Server."""

    stream_type = b"text/event-stream"

    def decode(self, body: bytes) -> Conversation:
        asked = json.loads(body)
        config = asked["generationConfig"]
        system = tuple(
            Message(Role.SYSTEM, (Text(part["text"]),))
            for part in asked.get("systemInstruction", {}).get("parts", ())
        )
        said = [message for content in asked["contents"] for message in _messages(content)]
        return Conversation(
            messages=(*system, *said),
            tools=tuple(
                Tool(each["name"], each.get("description"), each.get("parametersJsonSchema"))
                for tool in asked.get("tools", ())
                for each in tool["functionDeclarations"]
            ),
            tool_choice=_choice(asked.get("toolConfig", {}).get("functionCallingConfig")),
            form=_form(config),
            sampling=Sampling(
                config.get("temperature"),
                config.get("topP"),
                config.get("topK"),
                frequency_penalty=config.get("frequencyPenalty"),
                presence_penalty=config.get("presencePenalty"),
                seed=config.get("seed"),
                stop=tuple(config.get("stopSequences", ())),
            ),
            thinking=_thinking(config.get("thinkingConfig")),
            choices=config.get("candidateCount", 1),
        )

    def writer(self, ask: Ask, reply_id: str, _: int) -> Writer:
        return _StreamWriter(reply_id) if ask.is_stream else _WholeWriter(reply_id)

    def problem_event(self, _: Problem, __: str) -> bytes:
        error = {"code": 500, "message": "An internal error has occurred.", "status": "INTERNAL"}
        return _event({"error": error})


class _StreamWriter:
    """Implements Writer: an event a piece. Calls come whole, so they come last."""

    def __init__(self, reply_id: str) -> None:
        self._reply_id = reply_id
        self._calls: dict[tuple[int, int], dict[str, Any]] = {}
        self._signatures: dict[tuple[int, int], str] = {}
        self._stops: dict[int, str] = {}
        self._usage: dict[str, int] = {}

    def write(self, deltas: Sequence[Delta]) -> bytes:
        return b"".join(_event(self._answer([each])) for each in self._parts(deltas))

    def finish(self) -> bytes:
        last = [self._last(choice, reason) for choice, reason in self._stops.items()]
        return _event({**self._answer(last), "usageMetadata": self._usage}) if last else b""

    def _parts(self, deltas: Sequence[Delta]) -> Iterator[dict[str, Any]]:
        for delta in deltas:
            match delta:
                case Said(text, choice) | Declined(text, choice):
                    yield _said(choice, {"text": text})
                case Thought(text, choice):
                    yield _said(choice, {"text": text, "thought": True})
                case Sealed(state, choice):
                    signature = state.raw["signature"]
                    if "call" in state.raw:
                        self._signatures[choice, state.raw["call"]] = signature
                    else:
                        yield _said(choice, {"text": "", "thoughtSignature": signature})
                case Cited(citation, choice):
                    found = {"uri": citation.url, "title": citation.title}
                    yield {"index": choice, "citationMetadata": {"citationSources": [found]}}
                case Called(index, call_id, name, choice):
                    self._calls[choice, index] = {"id": call_id, "name": name, "args": ""}
                case Argued(index, fragment, choice):
                    self._calls[choice, index]["args"] += fragment
                case Stopped(stop, _, choice):
                    self._stops[choice] = REASONS.get(stop, "STOP")
                case Counted():
                    self._usage = _usage(delta)
                case Began():
                    continue

    def _last(self, choice: int, reason: str) -> dict[str, Any]:
        parts = []
        for (of, index), call in self._calls.items():
            if of != choice:
                continue
            part = {"functionCall": {**call, "args": json.loads(call["args"] or "{}")}}
            if signature := self._signatures.get((of, index)):
                part["thoughtSignature"] = signature
            parts.append(part)
        content = {"content": {"role": "model", "parts": parts}} if parts else {}
        return {"index": choice, **content, "finishReason": reason}

    def _answer(self, candidates: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "candidates": candidates,
            "modelVersion": "m-real",
            "responseId": self._reply_id,
        }


class _WholeWriter(_StreamWriter):
    """Implements Writer for an answer in one piece, written over several lines as Google does."""

    def __init__(self, reply_id: str) -> None:
        super().__init__(reply_id)
        self._said: list[dict[str, Any]] = []

    def write(self, deltas: Sequence[Delta]) -> bytes:
        self._said += self._parts(deltas)
        return b""

    def finish(self) -> bytes:
        candidates = []
        for choice, reason in self._stops.items():
            mine = [each for each in self._said if each["index"] == choice]
            last = self._last(choice, reason)
            parts = [part for each in (*mine, last) for part in _parts(each)]
            cited = [
                source
                for each in mine
                for source in each.get("citationMetadata", {}).get("citationSources", ())
            ]
            candidates.append(
                {
                    **last,
                    "content": {"role": "model", "parts": parts},
                    "citationMetadata": {"citationSources": cited},
                }
            )
        answer = {**self._answer(candidates), "usageMetadata": self._usage}
        return json.dumps(answer, indent=2, ensure_ascii=False).encode()


def _messages(content: dict[str, Any]) -> Iterator[Message]:
    """A result is a message of its own, before what was shown with it."""
    if content["role"] == "model":
        yield Message(Role.ASSISTANT, tuple(_answered(content["parts"])))
        return
    results = [part["functionResponse"] for part in content["parts"] if "functionResponse" in part]
    if results:
        yield Message(Role.TOOL, tuple(map(_result, results)))
    if shown := [_part(part) for part in content["parts"] if "functionResponse" not in part]:
        yield Message(Role.USER, tuple(shown))


def _answered(parts: Sequence[dict[str, Any]]) -> Iterator[Part]:
    calls = 0
    for part in parts:
        signature = part.get("thoughtSignature")
        if call := part.get("functionCall"):
            if signature not in (None, FOREIGN):
                yield Reasoning("", State(DIALECT, {"signature": signature, "call": calls}))
            calls += 1
            yield ToolCall(call.get("id", ""), call["name"], json.dumps(call["args"]))
            continue
        if part.get("thought"):
            yield Reasoning(part["text"])
        elif part["text"]:
            yield Text(part["text"])
        if signature:
            yield Reasoning("", State(DIALECT, {"signature": signature}))


def _result(found: dict[str, Any]) -> ToolResult:
    (kind, text), *_ = found["response"].items()
    return ToolResult(found["id"], (Text(text),), name=found["name"], is_error=kind == "error")


def _part(part: dict[str, Any]) -> Part:
    if "text" in part:
        return Text(part["text"])
    if place := part.get("fileData"):
        kind = place.get("mimeType")
        is_image = bool(kind) and kind.startswith("image/")
        return Image(url=place["fileUri"]) if is_image else File(url=place["fileUri"])
    kind, data = part["inlineData"]["mimeType"], part["inlineData"]["data"]
    family, _, form = kind.partition("/")
    if family == "image":
        return Image(kind, data)
    return Audio(form, data) if family == "audio" else File(media_type=kind, data=data)


def _choice(found: dict[str, Any] | None) -> ToolChoice | None:
    if found is None:
        return None
    if names := found.get("allowedFunctionNames"):
        return ToolChoice(Choose.ONE, names[0])
    return ToolChoice(CHOOSING[found["mode"]])


def _form(config: dict[str, Any]) -> OutputForm | None:
    if config.get("responseMimeType") != "application/json":
        return None
    schema = config.get("responseJsonSchema")
    return OutputForm(Form.JSON) if schema is None else OutputForm(Form.SCHEMA, schema=schema)


def _thinking(found: dict[str, Any] | None) -> Thinking | None:
    if found is None:
        return None
    return Thinking(
        effort=found.get("thinkingLevel"),
        budget_tokens=found.get("thinkingBudget"),
    )


def _said(choice: int, part: dict[str, Any]) -> dict[str, Any]:
    return {"index": choice, "content": {"role": "model", "parts": [part]}}


def _parts(candidate: dict[str, Any]) -> Sequence[dict[str, Any]]:
    found: Sequence[dict[str, Any]] = candidate.get("content", {}).get("parts", ())
    return found


def _usage(counted: Counted) -> dict[str, int]:
    usage = counted.usage
    read = usage.input + usage.cache_read + usage.cache_write
    return {
        "promptTokenCount": read,
        "cachedContentTokenCount": usage.cache_read,
        "candidatesTokenCount": usage.output - usage.reasoning,
        "thoughtsTokenCount": usage.reasoning,
        "totalTokenCount": read + usage.output,
    }


def _event(answer: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(answer, ensure_ascii=False).encode() + b"\r\n\r\n"
