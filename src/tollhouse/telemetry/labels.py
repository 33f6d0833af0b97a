"""Label values that callers cannot multiply.

Each label has a closed set of values; any other becomes `other`. So a metric has at most as many
series as its sets allow, whatever is asked for, and its children are found in one dictionary.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Generic, TypeVar

from prometheus_client.metrics import MetricWrapperBase

OTHER = "other"

Metric = TypeVar("Metric", bound=MetricWrapperBase)
Label = str | int


class Labelled(Generic[Metric]):
    """The children of one metric, by the values of its labels."""

    def __init__(self, metric: Metric, *known: Collection[Label]) -> None:
        self._metric = metric
        self._known = known
        self._children: dict[tuple[Label, ...], Metric] = {}

    def __len__(self) -> int:
        return len(self._children)

    def __getitem__(self, values: tuple[Label, ...]) -> Metric:
        child = self._children.get(values)
        return child if child is not None else self._bounded(values)

    def _bounded(self, values: tuple[Label, ...]) -> Metric:
        bounded = tuple(
            value if value in known else OTHER
            for value, known in zip(values, self._known, strict=True)
        )
        if bounded not in self._children:
            self._children[bounded] = self._metric.labels(*bounded)
        return self._children[bounded]
