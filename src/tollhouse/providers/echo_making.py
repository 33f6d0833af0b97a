"""Pictures and sounds without a model: one dot for each image, and a silence as long as the text."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator

import msgspec

from tollhouse.domain.exchange import Sending
from tollhouse.providers.echo_forms import parts_of

RATE = 8000
BYTES_A_CHARACTER = RATE // 10
MOST_IMAGES = 10


class Pictured(msgspec.Struct):
    model: str
    prompt: str
    n: int | None = None


class Spoken(msgspec.Struct):
    model: str
    input: str


def pictured(body: bytes) -> bytes:
    wish = msgspec.json.decode(body, type=Pictured)
    dot = base64.b64encode(png(zlib.crc32(wish.prompt.encode()) & 0xFF)).decode()
    images = [{"b64_json": dot, "revised_prompt": wish.prompt}] * min(wish.n or 1, MOST_IMAGES)
    return msgspec.json.encode({"created": 0, "data": images})


def retouched(sending: Sending) -> bytes:
    """As many dots as are asked for, whatever was shown."""
    texts = {part.name: part.text for part in parts_of(sending)}
    count = int(texts.get("n") or 1)
    wish = {"model": texts.get("model"), "prompt": texts.get("prompt") or "", "n": count}
    return pictured(msgspec.json.encode(wish))


def spoken(body: bytes) -> Iterator[bytes]:
    """A WAV file of one byte a sample, a tenth of a second for each character."""
    wish = msgspec.json.decode(body, type=Spoken)
    size = BYTES_A_CHARACTER * len(wish.input)
    head = struct.pack("<4sI4s4sIHHIIHH4sI", *(b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1),
                       *(RATE, RATE, 1, 8, b"data", size))  # fmt: skip
    return iter([head, *([b"\x80" * BYTES_A_CHARACTER] * len(wish.input))])


def png(grey: int) -> bytes:
    """One dot."""
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes((0, grey)))),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
