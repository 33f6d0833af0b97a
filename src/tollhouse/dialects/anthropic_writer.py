"""An answer in Anthropic's form, made of pieces: as the events of a stream, or in one.

Blocks follow one another there. Pieces of calls that take turns wait until the block before theirs
is whole: arguments are, once they are a JSON object.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tollhouse.dialects import anthropic_state
from tollhouse.dialects.ollama_writer import arguments_object
from tollhouse.dialects.openai_events import on_one_line
from tollhouse.domain.conversation import Citation, State
from tollhouse.domain.counting import tokens_in
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
    Stop.END: "end_turn",
    Stop.LENGTH: "max_tokens",
    Stop.SEQUENCE: "stop_sequence",
    Stop.TOOLS: "tool_use",
    Stop.FILTERED: "refusal",
    Stop.REFUSED: "refusal",
    Stop.PAUSED: "pause_turn",
}

MOST_TRIES = 16

Members = dict[str, Any]

_encode = msgspec.json.encode


@dataclass(slots=True)
class _Block:
    """One block as it grows: what it began with, and its pieces that no event has told yet."""

    kind: str
    begun: Members
    call: int | None = None
    waiting: list[Members] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    tries: int = 0

    def is_whole(self) -> bool:
        """Whether what comes next may begin. Who ends it too often without an end waits for that of the answer."""
        if self.call is None:
            return True
        if self.tries == MOST_TRIES or not self.arguments[-1:] or "}" not in self.arguments[-1]:
            return False
        self.tries += 1
        return _is_object("".join(self.arguments))


class _Content:
    """The blocks of an answer, in their order; the first of `blocks` is the one that is being told."""

    def __init__(self) -> None:
        self.blocks: list[_Block] = []
        self.text_bytes = 0
        self._calls: dict[int, _Block] = {}

    def take(self, delta: Delta) -> None:
        match delta:
            case Said(text) | Declined(text):
                self._grow("text", {"type": "text_delta", "text": text}, text)
            case Thought(text):
                self._grow("thinking", {"type": "thinking_delta", "thinking": text}, text)
            case Sealed(state):
                self._seal(state)
            case Cited(citation):
                self._grow("text", {"type": "citations_delta", "citation": _citation(citation)}, "")
            case Called(index, call_id, name):
                begun = {"type": "tool_use", "id": call_id, "name": name, "input": {}}
                self._calls[index] = block = _Block("tool_use", begun, index)
                self.blocks.append(block)
            case Argued(index, fragment):
                block = self._calls[index]
                block.arguments.append(fragment)
                block.waiting.append({"type": "input_json_delta", "partial_json": fragment})
                self.text_bytes += len(fragment.encode())

    def _grow(self, kind: str, piece: Members, text: str) -> None:
        last = self.blocks[-1] if self.blocks else None
        if last is None or last.kind != kind:
            last = _Block(kind, _empty(kind))
            self.blocks.append(last)
        last.waiting.append(piece)
        self.text_bytes += len(text.encode())

    def _seal(self, state: State) -> None:
        """A seal ends the thought that it belongs to; what was redacted is a block of its own."""
        raw = state.raw
        if state.dialect == anthropic_state.DIALECT and raw.get("type") == anthropic_state.REDACTED:
            sealed = _Block(
                anthropic_state.REDACTED, {"type": raw["type"], "data": raw.get("data")}
            )
            self.blocks.append(sealed)
            return
        signature = anthropic_state.signature(state)
        self._grow("thinking", {"type": "signature_delta", "signature": signature}, "")
        self.blocks[-1].kind = "sealed"


class MessagesStreamWriter:
    """Implements Writer for `stream: true`."""

    def __init__(self, ask: Ask, reply_id: str, _: int) -> None:
        self._begun = {
            **_head(ask, reply_id),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 0, "output_tokens": 0},
        }
        self._content = _Content()
        self._has_begun = self._is_open = False
        self._index = 0
        self._counted: Counted | None = None
        self._stopped = Stopped(Stop.END)

    def write(self, deltas: Sequence[Delta]) -> bytes:
        said = [self._begin()]
        for delta in deltas:
            match delta:
                case Counted():
                    self._counted = delta
                case Stopped():
                    self._stopped = delta
                case _:
                    self._content.take(delta)
                    said += self._tell()
        return b"".join(said)

    def finish(self) -> bytes:
        blocks = self._content.blocks
        said = [self._begin()]
        while blocks:
            said += [*self._tell(), self._stop()]
        usage = _usage(self._counted, self._content.text_bytes)
        said.append(_event("message_delta", delta=_ending(self._stopped), usage=usage))
        said.append(_event("message_stop"))
        return b"".join(said)

    def _begin(self) -> bytes:
        if self._has_begun:
            return b""
        self._has_begun = True
        return _event("message_start", message=self._begun)

    def _tell(self) -> Iterator[bytes]:
        """All pieces of the first block, and of those after it as far as what is before them is whole."""
        blocks = self._content.blocks
        while blocks:
            block = blocks[0]
            if not self._is_open:
                self._is_open = True
                yield _event("content_block_start", index=self._index, content_block=block.begun)
            for piece in block.waiting:
                yield _event("content_block_delta", index=self._index, delta=piece)
            block.waiting.clear()
            if len(blocks) == 1 or not block.is_whole():
                return
            yield self._stop()

    def _stop(self) -> bytes:
        self._content.blocks.pop(0)
        self._is_open = False
        self._index += 1
        return _event("content_block_stop", index=self._index - 1)


class MessagesWholeWriter:
    """Implements Writer for an answer in one piece."""

    def __init__(self, ask: Ask, reply_id: str, _: int) -> None:
        self._head = _head(ask, reply_id)
        self._content = _Content()
        self._counted: Counted | None = None
        self._stopped = Stopped(Stop.END)

    def write(self, deltas: Sequence[Delta]) -> bytes:
        for delta in deltas:
            match delta:
                case Counted():
                    self._counted = delta
                case Stopped():
                    self._stopped = delta
                case _:
                    self._content.take(delta)
        return b""

    def finish(self) -> bytes:
        return _encode(
            {
                **self._head,
                "content": [_whole(block) for block in self._content.blocks],
                **_ending(self._stopped),
                "usage": _usage(self._counted, self._content.text_bytes),
            }
        )


def _head(ask: Ask, reply_id: str) -> Members:
    named = {"id": f"msg_{reply_id}", "type": "message", "role": "assistant"}
    return {**named, "model": ask.model}


def _empty(kind: str) -> Members:
    if kind == "text":
        return {"type": "text", "text": ""}
    return {"type": "thinking", "thinking": "", "signature": ""}


def _ending(stopped: Stopped) -> Members:
    return {"stop_reason": REASONS[stopped.stop], "stop_sequence": stopped.sequence}


def _usage(counted: Counted | None, text_bytes: int) -> Members:
    """Clients wait for it: where nobody said, what came out is counted."""
    if counted is None:
        return {"input_tokens": 0, "output_tokens": tokens_in(text_bytes)}
    usage = counted.usage
    told = {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output,
    }
    thoughts = {"output_tokens_details": {"thinking_tokens": usage.reasoning}}
    return {**told, **thoughts} if usage.reasoning else told


def _whole(block: _Block) -> Members:
    whole = {**block.begun}
    if block.call is not None:
        whole["input"] = arguments_object("".join(block.arguments))
    for piece in block.waiting:
        match piece["type"]:
            case "text_delta":
                whole["text"] += piece["text"]
            case "thinking_delta":
                whole["thinking"] += piece["thinking"]
            case "signature_delta":
                whole["signature"] += piece["signature"]
            case "citations_delta":
                whole["citations"] = [*whole.get("citations", ()), piece["citation"]]
    return whole


def _citation(citation: Citation) -> Members:
    """As it came from Anthropic, or a page as Anthropic cites it."""
    if citation.raw and isinstance(citation.raw.get("type"), str):
        return dict(citation.raw)
    return {
        "type": "web_search_result_location",
        "url": citation.url or "",
        "title": citation.title,
        "cited_text": citation.quoted or "",
        "encrypted_index": "",
    }


def _is_object(text: str) -> bool:
    try:
        msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (ValueError, RecursionError):
        return False
    return True


def _event(kind: str, **members: Any) -> bytes:
    data = _encode({"type": kind, **members})
    if not data.isascii():
        data = on_one_line(data)
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), data)
