"""A form of ours, on its way to a provider: its texts first, then one file, in pieces."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

LINE = b"\r\n"


@dataclass(frozen=True, slots=True)
class Parcel:
    """Implements Pieces. Nobody who wrote the content could know the `boundary`."""

    boundary: bytes
    texts: Mapping[str, str]
    """Names and values are the house's own or were looked at: none has a line break in it."""

    filename: str
    size: int
    content: Callable[[], AsyncIterator[bytes]]

    def __len__(self) -> int:
        return len(self._head) + self.size + len(self._tail)

    @property
    def media(self) -> bytes:
        return b"multipart/form-data; boundary=" + self.boundary

    async def pieces(self) -> AsyncIterator[bytes]:
        yield self._head
        async for piece in self.content():
            yield piece
        yield self._tail

    @property
    def _head(self) -> bytes:
        parts = [
            self._part(f'name="{name}"') + LINE + text.encode() + LINE
            for name, text in self.texts.items()
        ]
        file = self._part(f'name="file"; filename="{self.filename}"')
        return b"".join([*parts, file, b"content-type: application/octet-stream", LINE, LINE])

    @property
    def _tail(self) -> bytes:
        return LINE + b"--" + self.boundary + b"--" + LINE

    def _part(self, says: str) -> bytes:
        disposition = f"content-disposition: form-data; {says}".encode()
        return b"--" + self.boundary + LINE + disposition + LINE
