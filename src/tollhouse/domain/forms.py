"""A multipart form that has come whole: its parts by name, its bytes wherever they are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol


class Kept(Protocol):
    """The bytes of a form as they came. They can be read again, for as long as the call lasts."""

    def __len__(self) -> int: ...
    def read(self, begin: int, end: int) -> AsyncIterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class Part:
    """Of a form. `filename` is what a caller calls it, and nothing of ours ever bears that name."""

    name: str
    begin: int
    """Where its content begins among the bytes of the form."""

    size: int
    filename: str | None = None
    media: str = ""
    text: str | None = None
    """Of a part that is no file."""

    head: bytes = b""
    """What a file begins with."""

    @property
    def is_file(self) -> bool:
        return self.filename is not None


@dataclass(frozen=True, slots=True)
class Form:
    boundary: bytes
    parts: Sequence[Part]
    kept: Kept

    @property
    def names(self) -> frozenset[str]:
        return frozenset(part.name for part in self.parts)

    def text(self, name: str) -> str | None:
        """None too where a file has that name."""
        return next((part.text for part in self.parts if part.name == name), None)

    def texts(self, name: str) -> list[str]:
        """Of a list: all of its members, if there are any."""
        named = (part for part in self.parts if part.name == f"{name}[]")
        return [part.text for part in named if part.text is not None]

    def files(self, name: str) -> list[Part]:
        """One, or the members of a list."""
        return [part for part in self.parts if part.is_file and part.name in (name, f"{name}[]")]

    def content(self, part: Part) -> AsyncIterator[bytes]:
        return self.kept.read(part.begin, part.begin + part.size)

    def with_text(self, name: str, text: str) -> Upload:
        """The same form, byte for byte, but for one text. Raises StopIteration if it has none of that name."""
        part = next(part for part in self.parts if part.name == name and not part.is_file)
        return Upload(self, part, text.encode())


class Pieces(Protocol):
    """A body that leaves in pieces, and can leave again."""

    def __len__(self) -> int: ...
    def pieces(self) -> AsyncIterator[bytes]: ...


@dataclass(frozen=True, slots=True)
class Upload:
    """Implements Pieces."""

    form: Form
    part: Part
    text: bytes

    def __len__(self) -> int:
        return len(self.form.kept) - self.part.size + len(self.text)

    @property
    def media(self) -> bytes:
        return b'multipart/form-data; boundary="%b"' % self.form.boundary

    async def pieces(self) -> AsyncIterator[bytes]:
        kept, part = self.form.kept, self.part
        async for piece in kept.read(0, part.begin):
            yield piece
        yield self.text
        async for piece in kept.read(part.begin + part.size, len(kept)):
            yield piece
