"""Server-sent events, as far as a relay needs them: whole events in, whole events out."""

from __future__ import annotations

from tollhouse.domain.errors import UpstreamBroke

LONGEST_EVENT = 4 * 1024 * 1024


class EventBuffer:
    """Cuts a stream of bytes after its last complete event, however it was split on the way."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def push(self, chunk: bytes) -> bytes:
        """All events that are complete by now; the rest waits for more."""
        rest = self._rest
        if b"\r" in chunk or rest.endswith(b"\r"):
            rest, chunk = b"", _with_plain_newlines(rest + chunk)
            if chunk.endswith(b"\r"):
                return self._cut(chunk, 0, held_back=1)
        if not rest and chunk.endswith(b"\n\n"):
            self._rest = b""
            return chunk
        return self._cut(rest + chunk, max(0, len(rest) - 1))

    def drain(self) -> bytes:
        """What came after the last complete event; servers that forget the blank line exist."""
        rest, self._rest = self._rest.rstrip(b"\r\n"), b""
        return rest + b"\n\n"

    def _cut(self, data: bytes, searched: int, held_back: int = 0) -> bytes:
        end = data.rfind(b"\n\n", searched, len(data) - held_back) + 2
        if end == 1:
            if len(data) > LONGEST_EVENT:
                raise UpstreamBroke(private="an event of the stream is longer than 4 MiB")
            self._rest = data
            return b""
        self._rest = data[end:]
        return data[:end]


def events(block: bytes) -> list[bytes]:
    """The events of a block of complete ones, without the blank lines between them."""
    return [event for event in block.split(b"\n\n") if event.strip(b"\n")]


def data_of(event: bytes) -> bytes:
    """The data of one event; empty for a comment."""
    lines = [
        line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")
    ]
    return b"\n".join(lines)


def _with_plain_newlines(data: bytes) -> bytes:
    """CR LF and CR become LF, but for a CR at the very end: its LF may still come."""
    held = data.endswith(b"\r")
    body = data[:-1] if held else data
    body = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return body + b"\r" if held else body
