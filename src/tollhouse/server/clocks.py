"""How long a caller may take for each part of a request."""

from __future__ import annotations

from dataclasses import dataclass

from tollhouse.server.request import Request

GRACE_S = 10.0
LEAST_BYTES_S = 1024
STEADY_BYTES_S = 128 * 1024
"""Whoever sends so much a second may go on: a large file takes its time."""


@dataclass(frozen=True, slots=True)
class Clocks:
    head_s: float = 10.0
    """From the connection, or the first byte of a request, to the end of its head."""

    body_s: float = 60.0
    """From the first byte of a request to the end of its body, and as much longer as what came excuses."""

    gap_s: float = 15.0
    """Between two pieces of a body."""

    idle_s: float = 75.0
    """Between an answer and the next request."""

    stall_s: float = 120.0
    """How long a caller may leave an answer unread that is ready to be sent."""

    linger_s: float = 5.0
    """How long a caller whose body is not wanted may go on sending before it is cut off."""

    parting_s: float = 1.0
    """Of a door that drains: how long a connection may be silent. What is on its way is answered."""

    look_s: float = 1.0
    """How often the door looks whose time is over."""

    def overdue(self, request: Request, times: tuple[float, float]) -> str | None:
        """Why a request that is still arriving has taken too long, or None."""
        taken_s, silent_s = times
        if not request.has_head:
            return self._late("The head", self.head_s) if taken_s > self.head_s else None
        if taken_s > self.body_s + request.received // STEADY_BYTES_S:
            return self._late("The body", self.body_s)
        if silent_s > self.gap_s:
            return f"Nothing more of the body came for {self.gap_s:g} s."
        if taken_s > GRACE_S and request.received < taken_s * LEAST_BYTES_S:
            return f"The body came more slowly than {LEAST_BYTES_S:,} bytes a second."
        return None

    def _late(self, part: str, limit_s: float) -> str:
        return f"{part} of the request was not complete after {limit_s:g} s."
