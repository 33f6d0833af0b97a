"""One event of an Anthropic stream, or a whole answer, read as far as a relay must."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct

from tollhouse.dialects.openai_events import NOTHING
from tollhouse.domain.errors import UpstreamBroke


class Message(Struct, gc=False):
    """The answer as it begins, or whole."""

    type: str = ""
    model: Raw = NOTHING
    content: list[Raw] | None = None
    stop_reason: str | None = None
    usage: Raw = NOTHING
    error: Raw = NOTHING


class Delta(Struct, gc=False):
    type: str = ""
    thinking: str | None = None
    stop_reason: str | None = None


class Event(Struct, gc=False):
    type: str = ""
    index: int = -1
    message: Raw = NOTHING
    content_block: Raw = NOTHING
    delta: Raw = NOTHING
    usage: Raw = NOTHING
    error: Raw = NOTHING


class Block(Struct, gc=False):
    type: str = ""
    name: str | None = None
    toolset_name: str | None = None


_event = msgspec.json.Decoder(Event).decode
_message = msgspec.json.Decoder(Message).decode
_delta = msgspec.json.Decoder(Delta).decode
_block = msgspec.json.Decoder(Block).decode


def read_event(data: bytes) -> Event:
    """Raises UpstreamBroke on what is not one JSON object of Anthropic's form."""
    try:
        return _event(data)
    except (ValueError, RecursionError):  # of msgspec's errors each is a ValueError
        raise UpstreamBroke(private="what should be a JSON object is none") from None


def read_message(data: bytes | Raw) -> Message:
    try:
        return _message(data)
    except (ValueError, RecursionError):
        raise UpstreamBroke(private="what should be a JSON object is none") from None


def read_delta(raw: Raw) -> Delta:
    try:
        return _delta(raw)
    except (ValueError, RecursionError):
        raise UpstreamBroke(private="a piece of a block is not understood") from None


def insist_on_declared(blocks: Sequence[Raw], tools: frozenset[str]) -> bool:
    """A tool is called only if the caller offered it. Tells whether one is called."""
    is_called = False
    for raw in blocks:
        try:
            block = _block(raw)
        except (ValueError, RecursionError):
            raise UpstreamBroke(private="a block of the answer is not understood") from None
        if block.type == "tool_use":
            is_called = True
            if block.name not in tools and block.toolset_name not in tools:
                raise UpstreamBroke(private="a tool is called that the caller did not declare")
    return is_called
