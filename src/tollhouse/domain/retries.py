"""Whether a call may be sent to the same target once more, and after how long.

Each first try at a target earns a share of a retry, and each retry spends a whole one. So in any
stretch of calls, whatever fails, no target is asked more often than the calls and their share.
"""

from __future__ import annotations

from dataclasses import dataclass

MOST_SAVED = 10
"""Retries: a quiet hour does not pay for a storm."""

LONGEST_WAIT_S = 60.0
_PER_CENT = 100


@dataclass(frozen=True, slots=True)
class Retrying:
    most: int = 2
    """For one call."""

    first_wait_s: float = 1.0
    """Doubled each time."""

    patience_s: float = 10.0
    """For all waits of one call together: what would last longer is left to the caller."""

    share_percent: int = 20
    """Retries for a hundred calls."""

    after_errors: bool = False
    """Also after 5xx, which may have done work."""


class RetryBudget:
    """Of one target, in hundredths of a retry. It begins with nothing."""

    __slots__ = ("_saved", "_share")

    def __init__(self, share_percent: int) -> None:
        self._share = share_percent
        self._saved = 0

    def earn(self) -> None:
        self._saved = min(self._saved + self._share, MOST_SAVED * _PER_CENT)

    def spend(self) -> bool:
        """False when there is no whole retry."""
        if self._saved < _PER_CENT:
            return False
        self._saved -= _PER_CENT
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
