"""What the settled calls of each model came to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from prometheus_client import Counter

from tollhouse.domain.pricing import Usage
from tollhouse.telemetry.counting import OTHER, Label

KINDS = ("input", "output", "cache_read", "cache_write")
ALWAYS_TOLD = ("input", "output")


class Spending:
    """By the model's name: tokens in disjoint kinds, and nano-dollars."""

    def __init__(self, tokens: Counter, owed: Counter, known: Collection[Label]) -> None:
        self._tokens = tokens
        self._owed = owed
        self._known = known
        self._counted: dict[str, Spent] = {}
        self._told: dict[str, Spent] = {}

    def __len__(self) -> int:
        return len(self._counted)

    def add(self, model: str, usage: Usage, owed: int) -> None:
        spent = self._counted.get(model) or self._bounded(model)
        spent.owed += owed
        spent.input += usage.input
        spent.output += usage.output
        if usage.cache_read or usage.cache_write:
            spent.cache_read += usage.cache_read
            spent.cache_write += usage.cache_write

    def tell(self) -> None:
        for model, counted in tuple(self._counted.items()):
            now, told = replace(counted), self._told.get(model) or Spent()
            self._owed.labels(model).inc(now.owed - told.owed)
            for kind in KINDS:
                if (total := getattr(now, kind)) or kind in ALWAYS_TOLD:
                    self._tokens.labels(model, kind).inc(total - getattr(told, kind))
            self._told[model] = now

    def _bounded(self, model: str) -> Spent:
        name = model if model in self._known else OTHER
        return self._counted.setdefault(name, Spent())


@dataclass(slots=True)
class Spent:
    owed: int = 0
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
