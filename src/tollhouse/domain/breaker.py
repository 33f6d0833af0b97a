"""Whether a target is asked: closed it is, open it is left alone, half open it gets one call at a time.

A call takes part in the era in which it began. When the breaker turns, a new era begins, and
what comes late from an old one no longer counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

WINDOW = 20
"""So many of the last calls are remembered, a bit each: 1 for a failure."""

MOST_FAILED = WINDOW // 2
"""So many failures among them open the breaker, though none may have followed another."""

LONGEST_OPEN_S = 300.0
"""However long a provider asks to be left alone."""

_MASK = (1 << WINDOW) - 1


class State(StrEnum):
    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Tripping:
    """When a breaker turns."""

    failures: int = 5
    """In a row, until it opens; 0 never opens it."""

    open_s: float = 60.0
    successes: int = 3
    """Of single probes, until it closes."""


class Breaker:
    """Of one target. Every call that is let in ends by `succeeded`, `failed` or `left`."""

    __slots__ = (
        "_era",
        "_good",
        "_is_probed",
        "_open_until",
        "_recent",
        "_rule",
        "reason",
        "state",
    )

    def __init__(self, rule: Tripping) -> None:
        self.state = State.CLOSED
        self.reason = ""
        """Why it opened last."""

        self._rule = rule
        self._era = 0
        self._recent = 0
        self._open_until = 0.0
        self._is_probed = False
        self._good = 0

    @property
    def recent_failures(self) -> int:
        """Of the last `WINDOW` calls."""
        return self._recent.bit_count()

    def is_shut(self, now: float) -> bool:
        """Whether a call would be kept out."""
        if self.state is State.CLOSED:
            return False
        return self._is_probed if self.state is State.HALF_OPEN else now < self._open_until

    def wait_s(self, now: float) -> float:
        """How long until the next probe may go; 0 if that hangs on the one under way."""
        return max(self._open_until - now, 0.0) if self.state is State.OPEN else 0.0

    def enter(self, now: float) -> int | None:
        """The era of a call that may go; None if it may not."""
        if self.state is State.CLOSED:
            return self._era
        if self.is_shut(now):
            return None
        if self.state is State.OPEN:
            self._turn(State.HALF_OPEN)
        self._is_probed = True
        return self._era

    def answered(self, era: int) -> None:
        """The target lives: for a probe that is enough, however long its answer may last."""
        if self.state is not State.HALF_OPEN or era != self._era:
            return
        self._is_probed = False
        self._good += 1
        if self._good >= self._rule.successes:
            self._recent = 0
            self._turn(State.CLOSED)

    def succeeded(self, era: int) -> None:
        """The answer came to its end."""
        if self.state is State.CLOSED and era == self._era:
            self._recent = (self._recent << 1) & _MASK

    def failed(self, era: int, now: float, why: str, retry_after_s: float | None = None) -> None:
        """No answer came, or it broke. `why` is for operators; the time is the provider's wish."""
        if era != self._era:
            return
        if self.state is State.CLOSED:
            self._recent = (self._recent << 1 | 1) & _MASK
            if not self._has_tripped():
                return
        self.reason = self._why(why)
        self._open_until = now + min(retry_after_s or self._rule.open_s, LONGEST_OPEN_S)
        self._turn(State.OPEN)

    def left(self, era: int) -> None:
        """Nobody waited for an answer: nothing was learned, and the next one may probe."""
        if era == self._era:
            self._is_probed = False

    def _has_tripped(self) -> bool:
        failures = self._rule.failures
        in_a_row = (1 << failures) - 1
        return failures > 0 and (
            self._recent & in_a_row == in_a_row
            or self.recent_failures >= max(failures, MOST_FAILED)
        )

    def _why(self, why: str) -> str:
        if self.state is State.HALF_OPEN:
            return f"a probe failed: {why}"
        return f"{self.recent_failures} of the last {WINDOW} calls failed: {why}"

    def _turn(self, state: State) -> None:
        self.state = state
        self._era += 1
        self._good = 0
