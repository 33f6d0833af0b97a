"""What a price book would change, rate by rate: a diff that a person reads before it holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from tollhouse.domain.pricing import CLASSES, KINDS, Price

JUMP = 10
"""A rate that becomes more than so many times what it was, or less than such a part of it, is held by name."""

UNITS = ("per_call", "per_image", "per_second", "per_character")


@dataclass(frozen=True, slots=True)
class Move:
    """One rate: what it was and what it becomes, in pico-dollars. `above` so many tokens going in."""

    rate: str
    above: int
    old: int
    new: int

    @property
    def factor(self) -> Fraction | None:
        """None from nothing, or to nothing: no factor tells how much that is."""
        return Fraction(self.new, self.old) if self.old and self.new else None

    @property
    def is_jump(self) -> bool:
        factor = self.factor
        return factor is None or not Fraction(1, JUMP) <= factor <= JUMP


def moves(old: Price, new: Price) -> tuple[Move, ...]:
    """Every rate that would be another. A kind or a threshold counts where one of both names it."""
    return tuple(
        Move(rate, above, before, after)
        for rate, above, before, after in _compared(old, new)
        if before != after
    )


def _compared(old: Price, new: Price) -> Iterator[tuple[str, int, int, int]]:
    thresholds = {tier.above for price in (old, new) for tier in price.tiers}
    for above in (0, *sorted(thresholds)):
        before, after = old.at(above + 1 if above else 0), new.at(above + 1 if above else 0)
        named = {name for price in (before, after) for name, _ in price.kinds}
        for rate in (*CLASSES, *(kind for kind in KINDS if kind in named)):
            yield rate, above, _rate(before, rate), _rate(after, rate)
    for unit in UNITS:
        yield unit, 0, getattr(old, unit), getattr(new, unit)


def _rate(price: Price, name: str) -> int:
    """Of a kind without a rate of its own that of its class."""
    if name == "long_write":
        return price.long_write
    own = price.kind(name) if name in KINDS else getattr(price, name)
    return int(getattr(price, KINDS[name]) if own is None else own)
