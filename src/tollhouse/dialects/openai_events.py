"""One event of an OpenAI stream, or a whole answer, read as far as a relay must.

The parse is strict and shallow: it takes less time than to look for three names in the bytes,
and a name cannot hide from it behind an escape. What is not looked at must be JSON all the same.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from tollhouse.domain.errors import UpstreamBroke

LINE_SEPARATORS = (("\x85", "\\u0085"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029"))
"""JSON may have them within a string, and readers exist that end a line there."""


NOTHING = Raw(b"null")


class _Named(Struct, gc=False):
    name: str | None = None


class _ToolCall(Struct, gc=False):
    function: _Named | None = None
    custom: _Named | None = None


class _Said(Struct, gc=False):
    tool_calls: list[_ToolCall] | None = None
    function_call: _Named | None = None


class Choice(Struct, gc=False):
    finish_reason: str | None = None
    delta: Raw = NOTHING
    message: Raw = NOTHING
    text: Raw = NOTHING


class Event(Struct, gc=False):
    error: Raw = NOTHING
    model: Raw = NOTHING
    usage: Raw = NOTHING
    choices: list[Choice] | UnsetType | None = UNSET


_decode = msgspec.json.Decoder(Event).decode
_said = msgspec.json.Decoder(_Said).decode


def read_event(data: bytes) -> Event:
    """Raises UpstreamBroke on what is not one JSON object of OpenAI's form."""
    try:
        return _decode(data)
    except (ValueError, RecursionError):  # of msgspec's errors each is a ValueError
        raise UpstreamBroke(private="what should be a JSON object is none") from None


def text_of(data: bytes) -> str:
    """Raises UpstreamBroke on what is not UTF-8: not each parser looks into each string."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise UpstreamBroke(private="what should be text is none") from None


def on_one_line(data: bytes) -> bytes:
    """The same JSON, on one line for every reader."""
    text = text_of(data)
    for separator, escaped in LINE_SEPARATORS:
        if separator in text:
            text = text.replace(separator, escaped)
            data = text.encode()
    return data


def is_given(raw: Raw) -> bool:
    return raw is not NOTHING and bytes(raw) != b"null"


def insist_on_declared(said: bytes, tools: frozenset[str]) -> None:
    """A tool is called only if the caller offered it: an upstream does not choose what a client runs.

    The name comes once for each call, with its first piece; an escape could hide the word.
    """
    if b'"name"' not in said and b"\\u00" not in said:
        return
    try:
        called = _called(_said(said))
    except (ValueError, RecursionError):
        raise UpstreamBroke(private="the call of a tool is not understood") from None
    if not called <= tools:
        raise UpstreamBroke(private="a tool is called that the caller did not declare")


def _called(said: _Said) -> set[str]:
    named = [said.function_call]
    for call in said.tool_calls or ():
        named += (call.function, call.custom)
    return {each.name for each in named if each is not None and each.name}
