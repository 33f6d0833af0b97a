"""The items of an answer of OpenAI Responses, as they grow: each knows its place and its events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tollhouse.dialects import responses_names, responses_state
from tollhouse.domain.conversation import Citation, State
from tollhouse.domain.deltas import Called

Members = dict[str, Any]
Event = tuple[str, Members]
"""What follows `response.` in its type, and its members."""

Told = Iterator[Event]


class Item:
    """One item of the output. `opened` comes first and `closed` last; `shown` is what it has come to."""

    kind: str

    def __init__(self, item_id: str, place: int) -> None:
        self.id = item_id
        self.place = place
        self.is_closed = False

    def opened(self) -> Told:
        yield "output_item.added", {"output_index": self.place, "item": self.shown("in_progress")}

    def closed(self) -> Told:
        self.is_closed = True
        yield from self._closing()
        yield "output_item.done", {"output_index": self.place, "item": self.shown("completed")}

    def shown(self, status: str) -> Members:
        return {"id": self.id, "type": self.kind, "status": status}

    def _closing(self) -> Told:
        yield from ()

    def _at(self, **more: Any) -> Members:
        return {"item_id": self.id, "output_index": self.place, **more}


class MessageItem(Item):
    """What is said, and the model's own words for that it will not."""

    kind = "message"

    def __init__(self, item_id: str, place: int) -> None:
        super().__init__(item_id, place)
        self._parts: list[_Part] = []
        self._is_open = False

    def said(self, text: str) -> Told:
        yield from self._with("output_text")
        self._parts[-1].pieces.append(text)
        yield "output_text.delta", self._within(delta=text, logprobs=[])

    def declined(self, text: str) -> Told:
        yield from self._with("refusal")
        self._parts[-1].pieces.append(text)
        yield "refusal.delta", self._within(delta=text)

    def cited(self, citation: Citation) -> Told:
        """This form cites pages."""
        if citation.url is None:
            return
        yield from self._with("output_text")
        annotations = self._parts[-1].annotations
        annotations.append(_annotation(citation))
        yield (
            "output_text.annotation.added",
            self._within(annotation_index=len(annotations) - 1, annotation=annotations[-1]),
        )

    def shown(self, status: str) -> Members:
        content = [part.shown() for part in self._parts]
        return {**super().shown(status), "role": "assistant", "content": content}

    def _with(self, kind: str) -> Told:
        if self._is_open and self._parts[-1].kind == kind:
            return
        yield from self._closing()
        self._parts.append(_Part(kind))
        self._is_open = True
        yield "content_part.added", self._within(part=self._parts[-1].shown())

    def _closing(self) -> Told:
        if not self._is_open:
            return
        self._is_open = False
        part = self._parts[-1]
        logprobs: Members = {"logprobs": []} if part.kind == "output_text" else {}
        yield f"{part.kind}.done", self._within(**{part.member: part.text}, **logprobs)
        yield "content_part.done", self._within(part=part.shown())

    def _within(self, **more: Any) -> Members:
        return self._at(content_index=len(self._parts) - 1, **more)


class _Part:
    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.member = "text" if kind == "output_text" else "refusal"
        self.pieces: list[str] = []
        self.annotations: list[Members] = []

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def shown(self) -> Members:
        more = {"annotations": [*self.annotations], "logprobs": []} if self.member == "text" else {}
        return {"type": self.kind, self.member: self.text, **more}


class ReasoningItem(Item):
    """A thought, shown as a summary, and what is to be given back with it."""

    kind = "reasoning"

    def __init__(self, item_id: str, place: int) -> None:
        super().__init__(item_id, place)
        self._pieces: list[str] = []
        self._state: State | None = None

    def thought(self, text: str) -> Told:
        if not self._pieces:
            yield "reasoning_summary_part.added", self._within(part=_summary(""))
        self._pieces.append(text)
        yield "reasoning_summary_text.delta", self._within(delta=text)

    def sealed(self, state: State) -> Told:
        self._state = state
        yield from self.closed()

    def shown(self, status: str) -> Members:
        text = "".join(self._pieces)
        sealed = responses_state.written(self._state) if self._state else None
        item = {**super().shown(status), "summary": [_summary(text)] if text else []}
        return {**item, "encrypted_content": sealed} if sealed else item

    def _closing(self) -> Told:
        if self._pieces:
            text = "".join(self._pieces)
            yield "reasoning_summary_text.done", self._within(text=text)
            yield "reasoning_summary_part.done", self._within(part=_summary(text))

    def _within(self, **more: Any) -> Members:
        return self._at(summary_index=0, **more)


class CallItem(Item):
    """The call of a function."""

    kind = "function_call"
    member = "arguments"

    def __init__(self, item_id: str, place: int, called: Called, tools: frozenset[str]) -> None:
        super().__init__(item_id, place)
        self._call_id = called.id or item_id
        self._namespace, self._name = responses_names.apart(called.name, tools)
        self._pieces: list[str] = []

    def argued(self, fragment: str) -> Told:
        self._pieces.append(fragment)
        yield "function_call_arguments.delta", self._at(delta=fragment)

    def shown(self, status: str) -> Members:
        namespace = {"namespace": self._namespace} if self._namespace else {}
        return {
            **super().shown(status),
            "call_id": self._call_id,
            "name": self._name,
            self.member: self._value(),
            **namespace,
        }

    def _closing(self) -> Told:
        yield "function_call_arguments.done", self._at(arguments=self._value(), name=self._name)

    def _value(self) -> str:
        return "".join(self._pieces)


class CustomCallItem(CallItem):
    """The call of a tool that takes a text. It is known once its one argument is complete."""

    kind = "custom_tool_call"
    member = "input"

    def argued(self, fragment: str) -> Told:
        self._pieces.append(fragment)
        yield from ()

    def _closing(self) -> Told:
        yield "custom_tool_call_input.delta", self._at(delta=self._value())
        yield "custom_tool_call_input.done", self._at(input=self._value())

    def _value(self) -> str:
        return responses_names.text_of("".join(self._pieces)) if self._pieces else ""


def call_item(
    item_id: Callable[[str], str], place: int, called: Called, tools: frozenset[str]
) -> CallItem:
    if responses_names.custom(called.name) in tools:
        return CustomCallItem(item_id("ctc"), place, called, tools)
    return CallItem(item_id("fc"), place, called, tools)


def _annotation(citation: Citation) -> Members:
    start = citation.start or 0
    return {
        "type": "url_citation",
        "url": citation.url,
        "title": citation.title or citation.url,
        "start_index": start,
        "end_index": citation.end or start,
    }


def _summary(text: str) -> Members:
    return {"type": "summary_text", "text": text}
