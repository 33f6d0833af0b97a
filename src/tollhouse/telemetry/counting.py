"""Series in plain numbers, told to the metrics library when somebody is to read them.

A call touches a dozen series, and the library would take a twentieth of its CPU for them. One
thread counts, and nothing locks; `tell` may run in another: what it misses it tells next time.

Each label has a closed set of values; any other becomes `other`. So a metric has at most as many
series as its sets allow, whatever is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from prometheus_client import Counter

OTHER = "other"

Label = str | int
Labels = tuple[Label, ...]


class Counts:
    """A counter's series, by the values of its labels."""

    def __init__(self, counter: Counter, *known: Collection[Label]) -> None:
        self._counter = counter
        self._known = known
        self._counted: dict[Labels, int] = {}
        self._told: dict[Labels, int] = {}

    def __len__(self) -> int:
        return len(self._counted)

    def add(self, labels: Labels, amount: int = 1) -> None:
        try:
            self._counted[labels] += amount
        except KeyError:
            labels = bounded(labels, self._known)
            self._counted[labels] = self._counted.get(labels, 0) + amount

    def tell(self) -> None:
        for labels, counted in tuple(self._counted.items()):
            self._counter.labels(*labels).inc(counted - self._told.get(labels, 0))
            self._told[labels] = counted


def bounded(labels: Labels, known: Sequence[Collection[Label]]) -> Labels:
    return tuple(
        label if label in allowed else OTHER for label, allowed in zip(labels, known, strict=True)
    )
