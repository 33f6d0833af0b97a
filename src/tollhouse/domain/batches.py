"""What a batch comes to: what its lines may cost together, and what is owed once it has ended.

Lines are added up and priced once, so a batch costs no more than its lines would, and its hold covers
whatever becomes of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tollhouse.domain.errors import BatchUnknown
from tollhouse.domain.pricing import CLASSES, KINDS, PICOS_PER_NANO, Kinds, Price, Tier, Usage
from tollhouse.domain.tasks import Task
from tollhouse.domain.values import value

PREFIX = "batch_"
TIER = "batch"
"""Its price, where there is a row of its own for it: `TARGET@batch`."""

WINDOW = "24h"
GIVEN_UP_AFTER_S = 2 * 86_400
"""The window, and once more: who has not told by then how it ended is not asked any more."""

FINAL = frozenset(("completed", "failed", "expired", "cancelled"))
STATUSES = FINAL | {"validating", "in_progress", "finalizing", "cancelling"}
TASKS: Mapping[str, Task] = {
    "/v1/chat/completions": Task.CHAT,
    "/v1/completions": Task.COMPLETIONS,
    "/v1/embeddings": Task.EMBEDDINGS,
}
"""What a line may ask for, by its `url`: what providers tell the usage of."""

_is_id = re.compile(r"batch_[0-9a-f]{1,64}").fullmatch


@value
class Load:
    """The lines of an input file, added up."""

    url: str
    model: str
    """As the caller calls it."""

    target: str
    lines: int
    input_tokens: int
    output_tokens: int
    may_keep_long: bool = False
    unpriced: tuple[str, ...] = ()
    """What is billed apart from tokens, and was asked for while the target was free."""

    def worst(self, price: Price | None) -> int:
        if price is None:
            return 0
        tokens = price.worst(
            self.input_tokens, self.output_tokens, may_keep_long=self.may_keep_long
        )
        return tokens + _calls(price, self.lines - 1)


@dataclass(slots=True)
class Tally:
    """What the results of a batch say of their usage."""

    answered: int = 0
    untold: int = 0
    """Answers that do not say what they used."""

    bytes: int = 0
    """Of the file that is being read."""

    tiers: tuple[Tier, ...] = ()
    """Of its price: a long prompt makes its own line dearer, and no other."""

    _sums: dict[int, Counter[str]] = field(default_factory=dict)
    """By the threshold that lines have reached."""

    def add(self, usage: Usage | None) -> None:
        self.answered += 1
        if usage is None:
            self.untold += 1
            return
        reached = [tier.above for tier in self.tiers if usage.total_input > tier.above]
        sums = self._sums.setdefault(reached[-1] if reached else 0, Counter())
        sums.update({name: getattr(usage, name) for name in CLASSES})
        if usage.kinds is not None:
            sums.update({name: getattr(usage.kinds, name) for name in KINDS})

    @property
    def usage(self) -> Usage:
        return _usage(sum(self._sums.values(), Counter()))

    def cost(self, price: Price | None) -> int:
        if price is None or not self.answered:
            return 0
        told = [price.at(above + 1).cost(_usage(sums)) for above, sums in self._sums.items()] or [
            price.cost(Usage())
        ]
        return sum(told) + _calls(price, self.answered - len(told))


@value
class Batch:
    id: str
    project: str
    provider: str
    known_as: str
    """As its provider knows it: this never leaves."""

    call: str
    """Under which the ledger holds for it."""

    file: str
    """The id of its input, as ours."""

    model: str
    target: str
    held: int
    price: Price | None
    """As it was when the batch was created, whatever becomes of the row."""

    told: str
    """How callers see it, as JSON: what was true when it was looked at last."""

    created_at_ms: int
    looked_at_ms: int
    settled_at_ms: int | None = None

    @property
    def gives_up_at_ms(self) -> int:
        return self.created_at_ms + GIVEN_UP_AFTER_S * 1000

    def result(self, kind: str) -> str:
        """The id of a file of results: the same for whoever writes it down."""
        return f"file-{self.call}-{kind}"


def batch_id(text: str) -> str:
    """Raises BatchUnknown on what no batch of ours is called."""
    if not _is_id(text):
        raise BatchUnknown(param="batch_id")
    return text


def _usage(sums: Mapping[str, int]) -> Usage:
    kinds = Kinds(**{name: sums[name] for name in KINDS if name in sums})
    classes = {name: sums[name] for name in CLASSES if name in sums}
    return Usage(**classes, kinds=None if kinds == Kinds() else kinds)


def _calls(price: Price, more: int) -> int:
    """What so many calls cost besides the first, which the price counts itself."""
    return -(-more * price.per_call // PICOS_PER_NANO)
