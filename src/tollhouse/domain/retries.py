"""Whether a call may be sent once more, to another target or to the same, and after how long.

Each call of a model earns a share of a try, and each try beyond its first spends a whole one. So whatever
fails, and wherever the call goes next, there are never more tries than the calls and their share.
"""

from __future__ import annotations

from dataclasses import dataclass

ADVANCE = 20
"""Tries at other targets that a model has from its first call on, and that its first hundred calls pay back."""

MOST_SAVED = 512
"""Tries: about as many calls as are under way at a target in the moment it falls over."""

MOST_SAVED_AGAIN = 10
"""Of those, at the same target: a quiet hour does not pay for a storm."""

LONGEST_WAIT_S = 60.0
_TRY = 100


@dataclass(frozen=True, slots=True)
class Retrying:
    most: int = 2
    """For one call."""

    first_wait_s: float = 1.0
    """Doubled each time."""

    patience_s: float = 10.0
    """For all waits of one call together: what would last longer is left to the caller."""

    share_percent: int = 20
    """Tries for a hundred calls, beyond the first of each."""

    after_errors: bool = False
    """Also after 5xx, which may have done work."""


class TryBudget:
    """Of one model, in hundredths of a try."""

    __slots__ = ("_earned", "_share", "_spent", "_spent_again")

    def __init__(self, share_percent: int) -> None:
        self._share = share_percent
        self._earned = 0
        self._spent = 0
        self._spent_again = 0

    def earn(self) -> None:
        self._earned += self._share

    def spend(self) -> bool:
        """On another target. False when there is no whole try."""
        spent = max(self._spent, self._earned - MOST_SAVED * _TRY)
        if spent + _TRY > max(self._earned, ADVANCE * _TRY):
            return False
        self._spent = spent + _TRY
        return True

    def spend_again(self) -> bool:
        """On a target that was asked before: nothing is advanced for that."""
        spent = max(self._spent_again, self._earned - MOST_SAVED_AGAIN * _TRY)
        if spent + _TRY > self._earned or not self.spend():
            return False
        self._spent_again = spent + _TRY
        return True


def wait_s(rule: Retrying, number: int, retry_after_s: float | None, draw: float) -> float:
    """Before the retry of this number, the first being 0; `draw` is from 0 to 1.

    A quarter more or less than planned, so that callers who failed together do not come together.
    A provider's own wish is never cut short.
    """
    planned = min(rule.first_wait_s * (1 << number), LONGEST_WAIT_S) * (0.75 + draw / 2)
    return max(planned, (retry_after_s or 0) * (1 + draw / 4))


def is_safe(rule: Retrying, status: int | None, retry_after_s: float | None) -> bool:
    """Whether a target that answered so, or could not be reached at all, surely did no work."""
    match status:
        case None | 408 | 425 | 429:
            return True
        case 503 | 529 if retry_after_s is not None:
            return True
    return rule.after_errors and status >= 500
