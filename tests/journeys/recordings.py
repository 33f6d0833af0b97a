"""Recordings and the forms that they travel in."""

from __future__ import annotations

import io
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass

from tollhouse.domain.forms import Form
from tollhouse.domain.multipart import FormReader

BOUNDARY = "toll-4f0c"
FORM = ("content-type", f"multipart/form-data; boundary={BOUNDARY}")


def wav(seconds: int, rate: int = 8000) -> bytes:
    """One byte a sample, silent."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 1, rate, 0, "NONE", ""))
        sound.writeframes(b"\x80" * (seconds * rate - 44))
    return file.getvalue()


def form(*parts: bytes) -> bytes:
    mark = b"--" + BOUNDARY.encode()
    return b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts) + mark + b"--\r\n"


def text(name: str, value: object) -> bytes:
    said = str(value).lower() if isinstance(value, bool) else str(value)
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n{said}'.encode()


def file(content: bytes, name: str = "file", filename: str = "a.wav") -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\n'
    return head.encode() + b"Content-Type: audio/wav\r\n\r\n" + content


@dataclass
class Held:
    """Implements Kept, in memory."""

    data: bytes

    def __len__(self) -> int:
        return len(self.data)

    async def read(self, begin: int, end: int) -> AsyncIterator[bytes]:
        yield self.data[begin:end]


def read(body: bytes) -> Form:
    """As the door reads it."""
    reader = FormReader(BOUNDARY.encode())
    reader.feed(body)
    return Form(BOUNDARY.encode(), reader.finish(), Held(body))
