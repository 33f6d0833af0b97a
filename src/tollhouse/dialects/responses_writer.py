"""An answer of OpenAI Responses, made of pieces: as events of a stream, or in one.

One id from the beginning to the end, whatever the end is, and every event has its number.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, TypeVar

import msgspec

from tollhouse.dialects import responses_problems
from tollhouse.dialects.openai_events import on_one_line
from tollhouse.dialects.responses_items import (
    CallItem,
    Event,
    Item,
    MessageItem,
    ReasoningItem,
    Told,
    call_item,
)
from tollhouse.dialects.responses_usage import shown
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

CUT_SHORT = {Stop.LENGTH: "max_output_tokens", Stop.FILTERED: "content_filter"}

_encode = msgspec.json.encode
Kind = TypeVar("Kind", bound=Item)


class _Answer:
    """What it has come to, and the events on the way."""

    def __init__(self, ask: Ask, reply_id: str, created: int) -> None:
        self.counted: Counted | None = None
        self._ask = ask
        self._reply_id = reply_id
        self._created = created
        self._items: list[Item] = []
        self._calls: dict[int, CallItem] = {}
        self._cut_short: str | None = None

    def take(self, delta: Delta) -> Told:
        match delta:
            case Began():
                yield "created", {"response": self.response("in_progress")}
                yield "in_progress", {"response": self.response("in_progress")}
            case Said(text):
                message = yield from self._open(MessageItem, "msg")
                yield from message.said(text)
            case Declined(text):
                message = yield from self._open(MessageItem, "msg")
                yield from message.declined(text)
            case Cited(citation):
                message = yield from self._open(MessageItem, "msg")
                yield from message.cited(citation)
            case Thought(text):
                reasoning = yield from self._open(ReasoningItem, "rs")
                yield from reasoning.thought(text)
            case Sealed(state):
                reasoning = yield from self._open(ReasoningItem, "rs")
                yield from reasoning.sealed(state)
            case Called():
                yield from self._call(delta)
            case Argued(index, fragment):
                yield from self._calls[index].argued(fragment)
            case Counted():
                self.counted = delta
            case Stopped(stop):
                self._cut_short = CUT_SHORT.get(stop)
                yield from self._close(self._items)

    def ending(self) -> tuple[str, dict[str, Any]]:
        status = "incomplete" if self._cut_short else "completed"
        return status, self.response(status)

    def response(self, status: str) -> dict[str, Any]:
        ask, why = self._ask, self._cut_short
        is_over = status in ("completed", "incomplete")
        return {
            "id": f"resp_{self._reply_id}",
            "object": "response",
            "created_at": self._created,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": {"reason": why} if why else None,
            "instructions": None,
            "max_output_tokens": ask.max_output,
            "model": ask.model,
            "output": [item.shown("completed") for item in self._items] if is_over else [],
            "parallel_tool_calls": True,
            "previous_response_id": None,
            "reasoning": {"effort": None, "summary": None},
            "store": False,
            "temperature": None,
            "text": {"format": {"type": "text"}},
            "tool_choice": "auto",
            "tools": [],
            "top_p": None,
            "truncation": "disabled",
            "usage": shown(self.counted) if self.counted and is_over else None,
            "metadata": {},
        }

    def _open(self, kind: type[Kind], prefix: str) -> Generator[Event, None, Kind]:
        """The item that is being written, if it is of this kind; else a new one."""
        last = self._items[-1] if self._items else None
        if isinstance(last, kind) and not last.is_closed:
            return last
        yield from self._close([item for item in self._items if not isinstance(item, CallItem)])
        item = kind(self._id(prefix), len(self._items))
        self._items.append(item)
        yield from item.opened()
        return item

    def _call(self, called: Called) -> Told:
        yield from self._close([item for item in self._items if not isinstance(item, CallItem)])
        item = call_item(self._id, len(self._items), called, self._ask.tools)
        self._items.append(item)
        self._calls[called.index] = item
        yield from item.opened()

    def _close(self, items: Sequence[Item]) -> Told:
        for item in items:
            if not item.is_closed:
                yield from item.closed()

    def _id(self, prefix: str) -> str:
        return f"{prefix}_{self._reply_id}_{len(self._items)}"


class ResponseStreamWriter:
    """Implements Writer and Failing for `stream: true`."""

    def __init__(self, ask: Ask, reply_id: str, created: int) -> None:
        self._answer = _Answer(ask, reply_id, created)
        self._number = 0

    def write(self, deltas: Sequence[Delta]) -> bytes:
        events = [self._event(*told) for delta in deltas for told in self._answer.take(delta)]
        return b"".join(events)

    def finish(self) -> bytes:
        status, response = self._answer.ending()
        return self._event(status, {"response": response})

    def problem_event(self, problem: Problem, request_id: str) -> bytes:  # noqa: ARG002 - ours is known
        begun = b"" if self._number else self.write([Began()])
        response = _encode(self._answer.response("in_progress"))
        return begun + responses_problems.failed(problem, response, self._number)

    def _event(self, kind: str, members: dict[str, Any]) -> bytes:
        name = f"response.{kind}"
        data = _encode({"type": name, "sequence_number": self._number, **members})
        self._number += 1
        if not data.isascii():
            data = on_one_line(data)
        return b"event: %b\ndata: %b\n\n" % (name.encode(), data)


class ResponseWholeWriter:
    """Implements Writer for an answer in one piece."""

    def __init__(self, ask: Ask, reply_id: str, created: int) -> None:
        self._answer = _Answer(ask, reply_id, created)

    def write(self, deltas: Sequence[Delta]) -> bytes:
        for delta in deltas:
            for _ in self._answer.take(delta):
                pass  # the events are nobody's; the answer grows by them
        return b""

    def finish(self) -> bytes:
        return _encode(self._answer.ending()[1])
