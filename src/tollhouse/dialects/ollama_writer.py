"""An answer as Ollama says it, made of pieces that belong to no dialect.

A stream has a line for each piece and one last line with `done`; an answer in one piece is that last
line with all its words in it. A tool call is said once it is whole, because its arguments are an object.
Durations are measured here: Ollama's clients work out speeds from them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from tollhouse.dialects.openai_events import on_one_line
from tollhouse.domain.deltas import (
    Argued,
    Called,
    Counted,
    Declined,
    Delta,
    Said,
    Stop,
    Stopped,
    Thought,
)
from tollhouse.domain.models import Ask
from tollhouse.domain.pricing import Usage

NANOS_PER_S = 1_000_000_000
NOT_AN_OBJECT = "_not_an_object"
"""Under this name stands what a model wrote as arguments, where it is no JSON object."""

Words = dict[str, Any]


class Form(Protocol):
    """Where a path's answers have their words."""

    def __call__(self, words: Words) -> Words: ...


def chat_form(words: Words) -> Words:
    return {"message": {"role": "assistant", "content": "", **words}}


def generate_form(words: Words) -> Words:
    said = {"response": words.get("content", "")}
    if "thinking" in words:
        said["thinking"] = words["thinking"]
    return said


@dataclass(slots=True)
class _Call:
    id: str
    name: str
    arguments: list[str] = field(default_factory=list)


class OllamaWriter:
    """Implements Writer."""

    def __init__(self, ask: Ask, form: Form, began_ns: int, clock_ns: Callable[[], int]) -> None:
        self._ask = ask
        self._form = form
        self._clock_ns = clock_ns
        self._began_ns = began_ns
        self._first_ns = 0
        self._calls: dict[int, _Call] = {}
        self._stop = Stop.END
        self._usage: Usage | None = None
        self._whole: dict[str, Any] = {}

    def write(self, deltas: Sequence[Delta]) -> bytes:
        said = [words for delta in deltas for words in self._words(delta)]
        if said and not self._first_ns:
            self._first_ns = self._clock_ns()
        if self._ask.is_stream:
            return b"".join([self._line({**self._form(words), "done": False}) for words in said])
        for words in said:
            self._keep(words)
        return b""

    def finish(self) -> bytes:
        last = self._line({**self._form(self._whole), "done": True, **self._account()})
        return last if self._ask.is_stream else last.rstrip()

    def _words(self, delta: Delta) -> list[Words]:
        match delta:
            case Said(text) | Declined(text):
                return [{"content": text}] if text else []
            case Thought(text):
                return [{"thinking": text}] if text else []
            case Called(index, name=name, id=id_):
                self._calls[index] = _Call(id_, name)
            case Argued(index, fragment) if index in self._calls:
                self._calls[index].arguments.append(fragment)
            case Counted(usage):
                self._usage = usage
            case Stopped(stop):
                self._stop = stop
                return self._called()
        return []

    def _called(self) -> list[Words]:
        """All calls, each whole, in the order in which they began."""
        said = [
            {"tool_calls": [_said(number, call)]}
            for number, call in enumerate(self._calls.values())
        ]
        self._calls.clear()
        return said

    def _keep(self, words: Words) -> None:
        for name, piece in words.items():
            self._whole[name] = self._whole[name] + piece if name in self._whole else piece

    def _line(self, said: Mapping[str, Any]) -> bytes:
        head = {"model": self._ask.model, "created_at": _timestamp(self._clock_ns())}
        return on_one_line(msgspec.json.encode({**head, **said})) + b"\n"

    def _account(self) -> dict[str, Any]:
        now_ns = self._clock_ns()
        first_ns = self._first_ns or now_ns
        if not self._ask.is_stream:  # when its words were made, nobody saw
            first_ns = self._began_ns
        account: dict[str, Any] = {
            "done_reason": self._ask.idle or ("length" if self._stop is Stop.LENGTH else "stop"),
            "total_duration": now_ns - self._began_ns,
            "load_duration": 0,
        }
        if (usage := self._usage) is not None:
            account["prompt_eval_count"] = usage.total - usage.output
            account["prompt_eval_duration"] = first_ns - self._began_ns
            account["eval_count"] = usage.output
            account["eval_duration"] = now_ns - first_ns
        return account


def _said(index: int, call: _Call) -> dict[str, Any]:
    function = {
        "index": index,
        "name": call.name,
        "arguments": arguments_object("".join(call.arguments)),
    }
    return {"id": call.id, "function": function}


def arguments_object(text: str) -> Any:
    """As the model wrote it, if it is an object; else the text under a name of its own."""
    written = text.strip() or "{}"
    try:
        msgspec.json.decode(written, type=dict[str, msgspec.Raw])
    except (ValueError, RecursionError):
        return {NOT_AN_OBJECT: text}
    return msgspec.Raw(written.replace("\n", " ").replace("\r", " ").encode())


def _timestamp(now_ns: int) -> str:
    seconds, nanos = divmod(now_ns, NANOS_PER_S)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{nanos:09}Z"
