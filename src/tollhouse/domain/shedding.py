"""Who is refused when there is too much to do: the lowest class first, and early enough to leave room.

The load of a process is one number: the share of the calls that it takes at once, or of the lag
of its event loop that it stands, whichever is more.
"""

from __future__ import annotations

from tollhouse.domain.identity import Priority

REFUSED_FROM = {Priority.LOW: 0.7, Priority.NORMAL: 0.9, Priority.HIGH: 1.0}
RETRY_AFTER_S = {Priority.LOW: 5, Priority.NORMAL: 2, Priority.HIGH: 1}

STEADY = 0.25
"""How much a new measurement of the lag weighs against those before it."""


class Load:
    __slots__ = ("_most", "_most_lag_s", "lag_s", "under_way")

    def __init__(self, most: int, most_lag_s: float) -> None:
        self.under_way = 0
        self.lag_s = 0.0
        self._most = most
        self._most_lag_s = most_lag_s

    def measured(self, lag_s: float) -> None:
        """The event loop came so much later than it was asked to."""
        self.lag_s += (lag_s - self.lag_s) * STEADY

    def refuses(self, priority: Priority) -> bool:
        share = max(self.under_way / self._most, self.lag_s / self._most_lag_s)
        return share >= REFUSED_FROM[priority]
