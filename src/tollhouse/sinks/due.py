"""When the writing thread must wake though nobody writes."""

from __future__ import annotations

import time


class Moment:
    """A time on the monotonic clock by which something is to be done, or none."""

    def __init__(self) -> None:
        self.at_s: float | None = None
        self._is_at_once = False

    @property
    def is_set(self) -> bool:
        return self.at_s is not None

    def within(self, seconds: float) -> None:
        """An earlier moment stands."""
        if self.at_s is None:
            self.at_s = time.monotonic() + (0 if self._is_at_once else seconds)

    def at_once(self) -> None:
        """Now, and from now on without delay."""
        self._is_at_once = True
        self.at_s = None if self.at_s is None else 0.0

    def has_come(self) -> bool:
        return self.at_s is not None and time.monotonic() >= self.at_s

    def clear(self) -> None:
        self.at_s = None


class Due:
    def __init__(self) -> None:
        self.sync = Moment()
        self.anchor = Moment()
        self.checkpoint = Moment()

    def all_at_once(self) -> None:
        for moment in (self.sync, self.anchor, self.checkpoint):
            moment.at_once()

    def soonest_s(self) -> float | None:
        moments = [m.at_s for m in (self.sync, self.anchor, self.checkpoint) if m.at_s is not None]
        return max(0.0, min(moments) - time.monotonic()) if moments else None
