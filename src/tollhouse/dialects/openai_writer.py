"""An answer in OpenAI's form, made of pieces: as chunks of a stream, or in one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from tollhouse.dialects import openai_state
from tollhouse.dialects.openai_events import on_one_line
from tollhouse.dialects.openai_usage import shown
from tollhouse.domain.conversation import Citation
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
from tollhouse.domain.models import Ask

REASONS = {
    Stop.END: "stop",
    Stop.LENGTH: "length",
    Stop.SEQUENCE: "stop",
    Stop.TOOLS: "tool_calls",
    Stop.FILTERED: "content_filter",
    Stop.REFUSED: "content_filter",
    Stop.PAUSED: "stop",
}
DONE = b"data: [DONE]\n\n"

_encode = msgspec.json.encode


class ChatStreamWriter:
    """Implements Writer for `stream: true`."""

    def __init__(self, ask: Ask, reply_id: str, created: int) -> None:
        head = {"id": f"chatcmpl-{reply_id}", "object": "chat.completion.chunk"}
        named = _encode({**head, "created": created, "model": ask.model})
        self._head = b"data: " + named[:-1] + b',"choices":['
        self._tail = b'],"usage":null}\n\n' if ask.wants_usage else b"]}\n\n"
        self._wants_usage = ask.wants_usage
        self._counted: Counted | None = None
        self._choices: dict[int, _Chunks] = {}

    def write(self, deltas: Sequence[Delta]) -> bytes:
        said = []
        for delta in deltas:
            match delta:
                case Counted():
                    self._counted = delta
                case Said() | Thought() | Declined() | Sealed() | Cited() | Called() | Argued():
                    said.append(self._chunk(self._chunks(delta.choice).said(delta)))
                case Stopped():
                    reason = _encode(REASONS[delta.stop])
                    said.append(self._chunk(self._chunks(delta.choice).chunk(b"{}", reason)))
        return b"".join(said)

    def finish(self) -> bytes:
        if self._counted is None or not self._wants_usage:
            return DONE
        usage = b'],"usage":' + _encode(shown(self._counted)) + b"}\n\n"
        return self._head + usage + DONE

    def _chunks(self, choice: int) -> _Chunks:
        if choice not in self._choices:
            self._choices[choice] = _Chunks(choice)
        return self._choices[choice]

    def _chunk(self, choice: bytes) -> bytes:
        chunk = self._head + choice + self._tail
        return chunk if choice.isascii() else on_one_line(chunk)


class _Chunks:
    """One choice. Its first chunk names the role, as those of OpenAI do."""

    __slots__ = ("_calls", "_opening", "_start", "_thought", "_thoughts")

    def __init__(self, choice: int) -> None:
        self._start = b'{"index":%d,"delta":' % choice
        self._opening = b'{"role":"assistant",'
        self._calls: dict[int, int] = {}
        self._thought = ""
        self._thoughts = 0

    def said(self, delta: Delta) -> bytes:
        match delta:
            case Said(text):
                return self.chunk(b'{"content":' + _encode(text) + b"}")
            case Argued(index, fragment):
                call = b'{"index":%d,"function":{"arguments":' % self._calls[index]
                return self.chunk(b'{"tool_calls":[' + call + _encode(fragment) + b"}}]}")
            case Thought(text):
                self._thought += text
                return self.chunk(b'{"reasoning_content":' + _encode(text) + b"}")
            case Declined(text):
                return self.chunk(b'{"refusal":' + _encode(text) + b"}")
        return self.chunk(_encode(self._rarely(delta)))

    def chunk(self, delta: bytes, reason: bytes = b"null") -> bytes:
        if self._opening:
            more = delta[1:] if len(delta) > 2 else b'"content":""}'
            delta, self._opening = self._opening + more, b""
        return self._start + delta + b',"logprobs":null,"finish_reason":' + reason + b"}"

    def _rarely(self, delta: Delta) -> dict[str, Any]:
        match delta:
            case Called(index):
                place = self._calls[index] = len(self._calls)
                return {"tool_calls": [{"index": place, **_call(delta, "")}]}
            case Sealed(state):
                sealed = openai_state.entries(state, self._thought, self._thoughts)
                self._thought = ""
                self._thoughts += 1
                return {"reasoning_details": sealed}
            case Cited(citation):
                return {"annotations": _annotations([citation])}
        return {}


class ChatWholeWriter:
    """Implements Writer for an answer in one piece."""

    def __init__(self, ask: Ask, reply_id: str, created: int) -> None:
        self._head = {
            "id": f"chatcmpl-{reply_id}",
            "object": "chat.completion",
            "created": created,
            "model": ask.model,
        }
        self._counted: Counted | None = None
        self._choices: dict[int, _Answer] = {}

    def write(self, deltas: Sequence[Delta]) -> bytes:
        for delta in deltas:
            match delta:
                case Counted():
                    self._counted = delta
                case (
                    Said() | Thought() | Declined() | Sealed() | Cited()
                    | Called() | Argued() | Stopped()
                ):  # fmt: skip
                    self._choices.setdefault(delta.choice, _Answer()).take(delta)
        return b""

    def finish(self) -> bytes:
        choices = [answer.shown(index) for index, answer in sorted(self._choices.items())]
        usage = {"usage": shown(self._counted)} if self._counted else {}
        return _encode({**self._head, "choices": choices, **usage})


class _Answer:
    """One choice, as it grows."""

    __slots__ = (
        "_calls",
        "_cited",
        "_details",
        "_reason",
        "_refused",
        "_said",
        "_thought",
        "_thoughts",
    )

    def __init__(self) -> None:
        self._said: list[str] = []
        self._refused: list[str] = []
        self._thoughts: list[str] = []
        self._thought: list[str] = []
        self._details: list[dict[str, Any]] = []
        self._cited: list[Citation] = []
        self._calls: dict[int, tuple[Called, list[str]]] = {}
        self._reason = "stop"

    def take(self, delta: Delta) -> None:
        match delta:
            case Said(text):
                self._said.append(text)
            case Thought(text):
                self._thoughts.append(text)
                self._thought.append(text)
            case Declined(text):
                self._refused.append(text)
            case Sealed(state):
                thought = "".join(self._thought)
                self._details += openai_state.entries(state, thought, len(self._details))
                self._thought.clear()
            case Cited(citation):
                self._cited.append(citation)
            case Called(index):
                self._calls[index] = (delta, [])
            case Argued(index, fragment):
                self._calls[index][1].append(fragment)
            case Stopped(stop):
                self._reason = REASONS[stop]

    def shown(self, index: int) -> dict[str, Any]:
        calls = [_call(called, "".join(pieces)) for called, pieces in self._calls.values()]
        said = "".join(self._said)
        message: dict[str, Any] = {
            "role": "assistant",
            "content": said if said or not (calls or self._refused) else None,
            "refusal": "".join(self._refused) or None,
            "annotations": _annotations(self._cited),
        }
        more = {
            "reasoning_content": "".join(self._thoughts),
            "reasoning_details": self._details,
            "tool_calls": calls,
        }
        message |= {name: value for name, value in more.items() if value}
        return {"index": index, "message": message, "logprobs": None, "finish_reason": self._reason}


def _call(called: Called, arguments: str) -> dict[str, Any]:
    function = {"name": called.name, "arguments": arguments}
    return {"id": called.id, "type": "function", "function": function}


def _annotations(citations: Sequence[Citation]) -> list[dict[str, Any]]:
    """This form cites pages alone."""
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "url": each.url,
                "title": each.title or each.url,
                "start_index": each.start or 0,
                "end_index": each.end or each.start or 0,
            },
        }
        for each in citations
        if each.url is not None
    ]
