"""AWS's event stream: messages in a binary frame, each with its length, its headers and two checksums.

A message is its length, that of its headers and a checksum over both; then the headers, the body, and a
checksum over all of it. What a checksum does not confirm is not read.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from zlib import crc32

from tollhouse.domain.errors import UpstreamBroke
from tollhouse.domain.values import value

MEDIA_TYPE = b"application/vnd.amazon.eventstream"
LONGEST_MESSAGE = 4 * 1024 * 1024
LONGEST_HEADERS = 128 * 1024
LENGTHS, PRELUDE, CHECKSUM = 8, 12, 4

TEXT = 7
BYTES = 6
SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Of values by their type: true, false, whole numbers of four sizes, a time, a UUID."""

_prelude = struct.Struct(">III").unpack_from
_checksum = struct.Struct(">I").unpack_from
_length = struct.Struct(">H").unpack_from


@value
class Message:
    headers: Mapping[str, str]
    """Those that are texts."""

    body: bytes


class Messages:
    """Implements Frames. Each frame is a whole message; one that has no beginning is handed on as it is."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = bytearray()

    def push(self, chunk: bytes) -> Sequence[bytes]:
        rest = self._rest
        rest += chunk
        frames: list[bytes] = []
        at = 0
        while len(rest) - at >= PRELUDE:
            size = _size(rest, at)
            if size is None:
                size = len(rest) - at
            elif size > len(rest) - at:
                break
            frames.append(bytes(rest[at : at + size]))
            at += size
        del rest[:at]
        return frames

    def drain(self) -> Sequence[bytes]:
        """What came after the last whole message: never one itself."""
        rest = bytes(self._rest)
        self._rest.clear()
        return [rest] if rest else []


def read_message(frame: bytes) -> Message:
    """Raises UpstreamBroke on what is not one whole message."""
    if len(frame) < PRELUDE + CHECKSUM or _size(frame, 0) != len(frame):
        raise UpstreamBroke(private="what should be a message of the event stream is none")
    end = len(frame) - CHECKSUM
    if _checksum(frame, end)[0] != crc32(memoryview(frame)[:end]):
        raise UpstreamBroke(private="a message of the event stream has another checksum")
    body = PRELUDE + _prelude(frame, 0)[1]
    return Message(_headers(frame[PRELUDE:body]), frame[body:end])


def written(headers: Mapping[str, str], body: bytes) -> bytes:
    """One message, all of whose headers are texts."""
    said = b"".join([_header(name.encode(), each.encode()) for name, each in headers.items()])
    lengths = struct.pack(">II", PRELUDE + len(said) + len(body) + CHECKSUM, len(said))
    message = lengths + struct.pack(">I", crc32(lengths)) + said + body
    return message + struct.pack(">I", crc32(message))


def _size(data: bytes | bytearray, at: int) -> int | None:
    """Of the message that begins there; None if none of a size that is read does."""
    size, headers, checksum = _prelude(data, at)
    if crc32(memoryview(data)[at : at + LENGTHS]) != checksum:
        return None
    is_read = headers <= LONGEST_HEADERS and size <= LONGEST_MESSAGE
    return size if is_read and size >= PRELUDE + headers + CHECKSUM else None


def _headers(data: bytes) -> Mapping[str, str]:
    """Each has a name of one to 255 bytes, a type, and a value as long as its type or its first two bytes say."""
    found: dict[str, str | None] = {}
    taking = _Taking(data)
    while taking.has_more:
        name = taking.text(taking.byte())
        kind = taking.byte()
        if not name or name in found:
            raise UpstreamBroke(private="a header of the event stream has no name of its own")
        if kind == TEXT:
            found[name] = taking.text(taking.length())
        elif kind == BYTES or kind in SIZES:
            taking.bytes(taking.length() if kind == BYTES else SIZES[kind])
            found[name] = None
        else:
            raise UpstreamBroke(private="a header of the event stream has an unknown type")
    return {name: said for name, said in found.items() if said is not None}


class _Taking:
    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def has_more(self) -> bool:
        return self._at < len(self._data)

    def bytes(self, size: int) -> bytes:
        begin, self._at = self._at, self._at + size
        if self._at > len(self._data):
            raise UpstreamBroke(private="a header of the event stream goes beyond its end")
        return self._data[begin : self._at]

    def byte(self) -> int:
        return self.bytes(1)[0]

    def length(self) -> int:
        return int(_length(self.bytes(2))[0])

    def text(self, size: int) -> str:
        try:
            return self.bytes(size).decode()
        except UnicodeDecodeError:
            raise UpstreamBroke(private="a header of the event stream is no text") from None


def _header(name: bytes, said: bytes) -> bytes:
    return struct.pack(">B", len(name)) + name + struct.pack(">BH", TEXT, len(said)) + said
