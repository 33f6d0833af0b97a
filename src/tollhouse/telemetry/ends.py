"""How many requests ended how, and what time they took: a number and two histograms of each request in one go."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from prometheus_client import Counter, Histogram

from tollhouse.telemetry.counting import Label, Labels, bounded


class Ends:
    """How requests ended and what time they took: told by labels, and by the first of them, their route."""

    def __init__(
        self,
        counter: Counter,
        took: GroupedHistogram,
        began: GroupedHistogram,
        *known: Collection[Label],
    ) -> None:
        self._counter = counter
        self._took = took
        self._began = began
        self._known = known
        self._counted: dict[Labels, Ended] = {}
        self._told: dict[Labels, Ended] = {}

    def __len__(self) -> int:
        return len(self._counted)

    def add(self, labels: Labels, took_s: float, began_s: float | None) -> None:
        """`began_s` is when the first byte of its answer left, if any did."""
        ended = self._counted.get(labels) or self._bounded(labels)
        took = ended.took
        took.counts[bisect_left(took.bounds, took_s)] += 1
        took.total += took_s
        if began_s is not None:
            began = ended.began
            began.counts[bisect_left(began.bounds, began_s)] += 1
            began.total += began_s

    def tell(self) -> None:
        for labels, counted in tuple(self._counted.items()):
            now, told = counted.copy(), self._told.get(labels) or self._none()
            new = now.took.since(told.took)
            self._counter.labels(*labels).inc(sum(new.counts))
            self._took.labels(labels[0]).add(new)
            if any(now.began.counts):
                self._began.labels(labels[0]).add(now.began.since(told.began))
            self._told[labels] = now

    def _bounded(self, labels: Labels) -> Ended:
        return self._counted.setdefault(bounded(labels, self._known), self._none())

    def _none(self) -> Ended:
        return Ended(self._took.none(), self._began.none())


@dataclass(slots=True)
class Ended:
    """Requests that ended alike."""

    took: Buckets
    began: Buckets

    def copy(self) -> Ended:
        return Ended(self.took.copy(), self.began.copy())


@dataclass(slots=True)
class Buckets:
    """How many observations fell into each bucket, the last without a bound, and their total."""

    bounds: Sequence[float]
    counts: list[int]
    total: float = 0.0

    def copy(self) -> Buckets:
        return Buckets(self.bounds, list(self.counts), self.total)

    def since(self, earlier: Buckets) -> Buckets:
        counts = [now - then for now, then in zip(self.counts, earlier.counts, strict=True)]
        return Buckets(self.bounds, counts, self.total - earlier.total)


class GroupedHistogram(Histogram):
    """Takes many observations at once."""

    def none(self) -> Buckets:
        """To count into: its own bounds, the last of which is none."""
        bounds = self._upper_bounds[:-1]
        return Buckets(bounds, [0] * (len(bounds) + 1))

    def add(self, observed: Buckets) -> None:
        for bucket, count in zip(self._buckets, observed.counts, strict=True):
            bucket.inc(count)
        self._sum.inc(observed.total)
