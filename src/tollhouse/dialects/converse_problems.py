"""What AWS Bedrock says when it refuses: the kind of it for the log, its sentence for the caller, cleaned."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from tollhouse.dialects.cleaning import cleaned, cut
from tollhouse.domain.errors import (
    ContextTooLong,
    Failure,
    UpstreamFailed,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
)

KINDS: Mapping[str, type[Failure]] = {
    "modelTimeoutException": UpstreamTimeout,
    "throttlingException": UpstreamRateLimited,
    "validationException": UpstreamRejected,
}
USUAL_RETRY_S = 5

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
    said = cleaned(_error(body).said)
    return cut("The provider did not accept this request: " + said) if said else None


def kind_of(body: bytes) -> str:
    """Its type, if that looks like a name, and by its words whether the conversation is too long."""
    error = _error(body)
    named = _name((error.kind or "").rpartition("#")[2])
    names = [named[0]] if named else []
    if _too_long(error.said):
        names.append(ContextTooLong.code)
    return f" ({', '.join(names)})" if names else ""


def within(kind: str, body: bytes) -> Failure:
    """What is told in the midst of an answer, by the name of its exception."""
    named = _name(kind)
    private = f"an error within the answer ({named[0]})" if named else "an error within the answer"
    failure = KINDS.get(kind, UpstreamFailed)
    if failure is UpstreamRateLimited:
        return failure(private=private, retry_after_s=USUAL_RETRY_S)
    if failure is UpstreamRejected and ContextTooLong.code in kind_of(body):
        failure = ContextTooLong
    return failure(
        message_of(body) if issubclass(failure, UpstreamRejected) else None, private=private
    )


def _error(body: bytes) -> _Error:
    try:
        return _decode(body)
    except (ValueError, RecursionError):
        return _Error()
