"""JSON on lines, as far as a relay needs it: whole lines in, whole lines out."""

from __future__ import annotations

from tollhouse.domain.errors import UpstreamBroke

LONGEST_LINE = 4 * 1024 * 1024


class LineBuffer:
    """Cuts a stream of bytes into its lines, however it was split on the way.

    Each byte is looked at once: a line that comes in a million pieces costs what they cost.
    """

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = bytearray()

    def push(self, chunk: bytes) -> list[bytes]:
        """The lines that are complete by now, without their ends; the rest waits for more."""
        rest = self._rest
        end = chunk.rfind(b"\n")
        if end < 0:
            rest += chunk
            if len(rest) > LONGEST_LINE:
                raise UpstreamBroke(private="a line of the stream is longer than 4 MiB")
            return []
        block = bytes(rest) + chunk[:end] if rest else chunk[:end]
        rest[:] = chunk[end + 1 :]
        return _said(block)

    def drain(self) -> list[bytes]:
        """What came after the last end of a line; servers that forget it exist."""
        block = bytes(self._rest)
        self._rest.clear()
        return _said(block)


def _said(block: bytes) -> list[bytes]:
    return [line for each in block.split(b"\n") if (line := each.strip())]
