"""Server-sent events, as far as a relay needs them: whole events in, whole events out."""

from __future__ import annotations

from tollhouse.domain.errors import UpstreamBroke

LONGEST_EVENT = 4 * 1024 * 1024
CR, LF = b"\r\n"
"""Numbers, by which bytes are looked through in half the time."""


class EventBuffer:
    """Cuts a stream of bytes after its last complete event, however it was split on the way.

    Each byte is looked at once: an event that comes in a million pieces costs what they cost.
    """

    __slots__ = ("_ended_with_cr", "_rest")

    def __init__(self) -> None:
        self._rest = bytearray()
        self._ended_with_cr = False

    def push(self, chunk: bytes) -> bytes:
        """All events that are complete by now; the rest waits for more."""
        if self._ended_with_cr or CR in chunk:
            chunk = self._with_plain_newlines(chunk)
        rest = self._rest
        if not rest and chunk.endswith(b"\n\n"):
            return chunk
        searched = max(0, len(rest) - 1)
        rest += chunk
        end = rest.rfind(b"\n\n", searched) + 2
        if end == 1:
            if len(rest) > LONGEST_EVENT:
                raise UpstreamBroke(private="an event of the stream is longer than 4 MiB")
            return b""
        block = bytes(rest[:end])
        del rest[:end]
        return block

    def drain(self) -> bytes:
        """What came after the last complete event; servers that forget the blank line exist."""
        rest = bytes(self._rest).rstrip(b"\n")
        self._rest.clear()
        return rest + b"\n\n"

    def _with_plain_newlines(self, chunk: bytes) -> bytes:
        """CR LF and CR become LF; the LF behind a CR that ended the last chunk is half of one."""
        if self._ended_with_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
            self._ended_with_cr = False
        if chunk:
            self._ended_with_cr = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def events(block: bytes) -> list[bytes]:
    """The events of a block of complete ones, without the blank lines between them."""
    return [event for event in block.split(b"\n\n") if event.strip(b"\n")]


def data_of(event: bytes) -> bytes:
    """The data of one event; empty for a comment."""
    lines = [
        line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:")
    ]
    return b"\n".join(lines)
