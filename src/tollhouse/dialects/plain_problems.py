"""Errors whose sentence stands at the top of the body: AWS's and Cohere's."""

from __future__ import annotations

import re

import msgspec

from tollhouse.dialects.cleaning import cleaned, cut
from tollhouse.domain.errors import ContextTooLong

_name = re.compile(r"[A-Za-z]{1,64}").match
_too_long = re.compile(
    r"(?i)(?:input|prompt|conversation|request) is too long|too many (?:input )?tokens"
    r"|(?:maximum|max) context|context (?:length|window)|exceeds? the (?:maximum|max)[a-z ]*tokens"
).search


class _Error(msgspec.Struct):
    kind: str | None = msgspec.field(default=None, name="__type")
    message: str | None = None
    shouted: str | None = msgspec.field(default=None, name="Message")

    @property
    def said(self) -> str:
        return self.message or self.shouted or ""


_decode = msgspec.json.Decoder(_Error).decode


def message_of(body: bytes) -> str | None:
    """For the caller, cleaned."""
    said = cleaned(_error(body).said)
    return cut("The provider did not accept this request: " + said) if said else None


def kind_of(body: bytes) -> str:
    """For the log: its type, if that looks like a name, and whether it is that a conversation is too long."""
    error = _error(body)
    named = _name((error.kind or "").rpartition("#")[2])
    names = [named[0]] if named else []
    if _too_long(error.said):
        names.append(ContextTooLong.code)
    return f" ({', '.join(names)})" if names else ""


def _error(body: bytes) -> _Error:
    try:
        return _decode(body)
    except (ValueError, RecursionError):
        return _Error()
