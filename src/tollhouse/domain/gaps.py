"""Numbers that were passed over, until they turn up or are missed for good."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gap:
    """The numbers from first to last, missed at a place."""

    first: int
    last: int
    file: str
    line: int


class Gaps:
    """Ascending and apart; beyond `most` no more are kept."""

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._gaps: list[Gap] = []

    def __iter__(self) -> Iterator[Gap]:
        return iter(self._gaps)

    def add(self, gap: Gap) -> bool:
        """Keep a gap after all others; False when there are too many to keep."""
        if len(self._gaps) >= self._most:
            return False
        self._gaps.append(gap)
        return True

    def fill(self, number: int) -> bool:
        """Whether the number was missing; from now on it is not."""
        index = bisect_right(self._gaps, number, key=lambda gap: gap.first) - 1
        if index < 0 or number > self._gaps[index].last or len(self._gaps) > self._most:
            return False
        gap = self._gaps[index]
        parts = (
            Gap(gap.first, number - 1, gap.file, gap.line),
            Gap(number + 1, gap.last, gap.file, gap.line),
        )
        self._gaps[index : index + 1] = [part for part in parts if part.first <= part.last]
        return True
