"""Which of a model's targets is so much worse than the best that the others go first."""

from __future__ import annotations

from collections.abc import Sequence

FEW = 5
"""So many failures among a breaker's window prove nothing, whatever the others do."""

TIMES_WORSE = 2


def stands_out(failures: int, of_all: Sequence[int]) -> bool:
    """Compared with the best of all: so that one never does, nor one that is alone."""
    return failures >= FEW and failures >= TIMES_WORSE * (min(of_all) + 1)
