"""Series in plain numbers, told to the metrics library when somebody is to read them.

A call touches a dozen series, and the library would take a twentieth of its CPU for them. One
thread counts, and nothing locks; `tell` may run in another: what it misses it tells next time.

Each label has a closed set of values; any other becomes `other`. So a metric has at most as many
series as its sets allow, whatever is asked for.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from prometheus_client import Counter, Histogram

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


class Spread:
    """A histogram's series, by the value of its one label."""

    def __init__(
        self, histogram: GroupedHistogram, bounds: Sequence[float], known: Collection[Label]
    ) -> None:
        self._histogram = histogram
        self._bounds = bounds
        self._known = known
        self._counted: dict[Label, Buckets] = {}
        self._told: dict[Label, Buckets] = {}

    def add(self, label: Label, observed: float) -> None:
        buckets = self._counted.get(label) or self._bounded(label)
        buckets.counts[bisect_left(self._bounds, observed)] += 1
        buckets.total += observed

    def tell(self) -> None:
        for label, buckets in tuple(self._counted.items()):
            counted = Buckets(list(buckets.counts), buckets.total)
            self._histogram.labels(label).add(counted.since(self._told.get(label, self._empty())))
            self._told[label] = counted

    def _bounded(self, label: Label) -> Buckets:
        (label,) = bounded((label,), (self._known,))
        return self._counted.setdefault(label, self._empty())

    def _empty(self) -> Buckets:
        return Buckets([0] * (len(self._bounds) + 1), 0.0)


@dataclass(slots=True)
class Buckets:
    """How many observations fell into each bucket, the last without a bound, and their total."""

    counts: list[int]
    total: float

    def since(self, earlier: Buckets) -> Buckets:
        counts = [now - then for now, then in zip(self.counts, earlier.counts, strict=True)]
        return Buckets(counts, self.total - earlier.total)


class GroupedHistogram(Histogram):
    """Takes many observations at once."""

    def add(self, observed: Buckets) -> None:
        for bucket, count in zip(self._buckets, observed.counts, strict=True):
            bucket.inc(count)
        self._sum.inc(observed.total)


def bounded(labels: Labels, known: Sequence[Collection[Label]]) -> Labels:
    return tuple(
        label if label in allowed else OTHER for label, allowed in zip(labels, known, strict=True)
    )
