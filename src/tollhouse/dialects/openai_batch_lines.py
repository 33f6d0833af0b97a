"""The lines of a batch: what a caller asks in them, and what a provider answers.

{"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {…}}
{"id": "x", "custom_id": "a", "response": {"status_code": 200, "body": {…}}, "error": null}
"""

from __future__ import annotations

import re

import msgspec
from msgspec import Raw

from tollhouse.dialects import strict_json
from tollhouse.dialects.cleaning import cleaned, cut
from tollhouse.dialects.openai_events import text_of
from tollhouse.dialects.openai_usage import read_input, read_usage
from tollhouse.dialects.strict_json import Members
from tollhouse.domain.batches import TASKS
from tollhouse.domain.errors import BodyTooLarge, FieldInvalid, UpstreamBroke
from tollhouse.domain.pricing import Usage
from tollhouse.domain.values import value

MEMBERS = frozenset(("custom_id", "method", "url", "body"))
LONGEST_ID = 512
OK = 200
MOST_OF_A_LINE = 16 * 1024 * 1024
"""Of a provider's."""

_name = re.compile(r"[a-z][a-z0-9_.]{0,63}").fullmatch


class LineCutter:
    """Cuts bytes into lines, however they came. Lines of nothing but blanks are none."""

    __slots__ = ("_most", "_rest", "count")

    def __init__(self, most: int) -> None:
        self.count = 0
        """Of lines so far, blank ones too: by this number a caller finds one."""

        self._most = most
        self._rest = bytearray()

    def push(self, chunk: bytes) -> list[tuple[int, bytes]]:
        """Raises BodyTooLarge on a line that is too long."""
        *whole, rest = chunk.split(b"\n")
        lines = [self._cut(end) for end in whole]
        self._rest += rest
        self._check(len(self._rest))
        return [each for each in lines if each[1]]

    def drain(self) -> list[tuple[int, bytes]]:
        """What came after the last end of a line."""
        return [each for each in [self._cut(b"")] if each[1]]

    def _cut(self, end: bytes) -> tuple[int, bytes]:
        self._check(len(self._rest) + len(end))
        line = bytes(self._rest) + end if self._rest else end
        self._rest.clear()
        self.count += 1
        return self.count, line.strip()

    def _check(self, size: int) -> None:
        if size > self._most:
            raise BodyTooLarge(
                f"Line {self.count + 1}: it is longer than the {self._most:,} bytes that a body may have."
            )


@value
class Line:
    custom_id: str
    url: str
    body: bytes
    """As it came."""


def read_line(raw: bytes) -> Line:
    """One strict parse, as for every body. Raises a Refusal."""
    found = strict_json.parse_object(raw)
    unknown = sorted(found.keys() - MEMBERS)
    if unknown:
        raise FieldInvalid(
            f"`{unknown[0][:100]}` is not a member of a line.", param=unknown[0][:100]
        )
    custom_id, url = found.get("custom_id"), found.get("url")
    if not isinstance(custom_id, str) or not 0 < len(custom_id) <= LONGEST_ID:
        raise FieldInvalid(
            f"`custom_id` must be a text of 1 to {LONGEST_ID} characters.", param="custom_id"
        )
    if found.get("method") != "POST":
        raise FieldInvalid("`method` must be `POST`.", param="method")
    if not isinstance(url, str) or url not in TASKS:
        raise FieldInvalid(f"`url` is one of {', '.join(TASKS)}.", param="url")
    if not isinstance(found.get("body"), dict):
        raise FieldInvalid("`body` must be an object.", param="body")
    return Line(custom_id, url, bytes(strict_json.members(raw)["body"]))


def with_body(raw: bytes, body: bytes) -> bytes:
    """A line that was read before, with what its target is to get."""
    return strict_json.join({**strict_json.members(raw), "body": Raw(body)}) + b"\n"


class _Body(msgspec.Struct):
    usage: Raw = Raw(b"null")


class _Response(msgspec.Struct):
    status_code: int = 0
    body: _Body | None = None


class _Result(msgspec.Struct):
    response: _Response | None = None


_read_result = msgspec.json.Decoder(_Result).decode
_members = msgspec.json.Decoder(Members).decode


def answered(line: bytes) -> tuple[bool, Usage | None]:
    """Whether a line tells of an answer, and what it used. Raises UpstreamBroke."""
    text_of(line)
    try:
        response = _read_result(line).response
    except (ValueError, RecursionError):
        raise UpstreamBroke(private="a result of a batch is not understood") from None
    if response is None or response.status_code != OK or response.body is None:
        return False, None
    usage = response.body.usage
    return True, read_usage(usage) or read_input(usage)


def shown(line: bytes, model: str) -> bytes:
    """A line of a batch for its caller: by the name that was asked, and errors in words that may be read."""
    text_of(line)
    try:
        members = _members(line)
        response = members.get("response")
        if response is not None and _is_object(response):
            within = _members(response)
            if _is_object(within.get("body")):
                within["body"] = Raw(_named(within["body"], model))
            members["response"] = Raw(strict_json.join(within))
        if _is_object(members.get("body")):
            members["body"] = Raw(_named(members["body"], model))
        if _is_object(members.get("error")):
            members["error"] = Raw(_cleaned(members["error"]))
    except (ValueError, RecursionError):
        raise UpstreamBroke(private="a line of a batch's file is not understood") from None
    return strict_json.join(members) + b"\n"


def _is_object(raw: Raw | None) -> bool:
    return raw is not None and bytes(raw).lstrip()[:1] == b"{"


def _named(body: Raw, model: str) -> bytes:
    members = _members(body)
    if "model" in members:
        members["model"] = Raw(strict_json.encode(model))
    if _is_object(members.get("error")):
        members["error"] = Raw(_cleaned(members["error"]))
    return strict_json.join(members)


class _Error(msgspec.Struct):
    message: str | None = None
    type: str | None = None
    code: str | None = None


_read_error = msgspec.json.Decoder(_Error).decode


def _cleaned(raw: Raw) -> bytes:
    try:
        error = _read_error(raw)
    except msgspec.ValidationError:
        error = _Error()
    said = cleaned(error.message) if error.message else None
    return msgspec.json.encode(
        {
            "message": cut(said or "The provider did not answer this line."),
            "type": _plain(error.type),
            "param": None,
            "code": _plain(error.code),
        }
    )


def _plain(name: str | None) -> str | None:
    return name if name and _name(name) else None
