"""The name a model was asked by, put where an upstream says its own.

Only the member `model` at the top of an object is replaced. A text that looks like it, or a
member of that name further in, stays as it is.
"""

from __future__ import annotations

import re

from tollhouse.dialects import strict_json

MEMBER = b'"model"'
ESCAPED = b"\\u006"
"""How each letter of that name would begin, if it hid behind an escape."""

_member = re.compile(rb'"model"[ \t\r\n]*:[ \t\r\n]*')


class AskedName:
    """Learns how an upstream's events begin, so that each further one costs a comparison."""

    __slots__ = ("_head", "_head_as_asked", "_name", "_told")

    def __init__(self, asked: str) -> None:
        self._name = strict_json.encode(asked)
        self._told: bytes | None = None
        self._head = self._head_as_asked = b""

    def put(self, data: bytes, told: bytes) -> bytes:
        """The same object under the name that was asked; `told` is its `model` as it came."""
        if told == self._told and data.startswith(self._head):
            return self._head_as_asked + data[len(self._head) :]
        if told == self._name:
            return data
        if data.count(MEMBER) == 1 and ESCAPED not in data and (found := _member.search(data)):
            return self._spliced(data, told, found.end())
        return strict_json.join({**strict_json.members(data), "model": strict_json.Raw(self._name)})

    def _spliced(self, data: bytes, told: bytes, begin: int) -> bytes:
        """A quote within a text has a backslash before it: a member named once is the one at the top."""
        end = begin + len(told)
        head = data[:begin] + self._name
        if told.endswith(b'"'):  # where a number ends, its first digits do not tell
            self._told, self._head, self._head_as_asked = told, data[:end], head
        return head + data[end:]
