"""Everything a request is decided on, immutable: rebuilt on change and swapped by assignment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from tollhouse.domain.identity import KeyRecord
from tollhouse.domain.pricing import Price
from tollhouse.domain.tasks import CHAT_ONLY, Task


@dataclass(frozen=True)
class Target:
    """One model at one provider. `name` is what prices and ledgers know it by."""

    provider: str
    kind: str
    model: str
    output_bound: str = "max_tokens"
    """The member by which this upstream is told how much it may produce."""

    @cached_property
    def name(self) -> str:
        return f"{self.provider}:{self.model}"

    @cached_property
    def priced_as(self) -> tuple[str, str]:
        """By its own name first, then by its provider's kind."""
        return self.name, f"{self.kind}:{self.model}"


@dataclass(frozen=True, slots=True)
class Model:
    """A public model name and the targets that answer for it, in order."""

    name: str
    targets: tuple[Target, ...]
    max_output: int
    image_tokens: int
    does: frozenset[Task] = CHAT_ONLY
    context_tokens: int = 32_768
    """What it is told to hold, where a dialect asks."""
    is_strict: bool = False
    """Whether a call is refused rather than told to a target in part."""


@dataclass(frozen=True, slots=True)
class DatedPrice:
    """A price and the moment, in seconds since the epoch, from which it holds."""

    effective_at: float
    price: Price


@dataclass(frozen=True, slots=True)
class Snapshot:
    revision: int
    keys: Mapping[str, KeyRecord]
    models: Mapping[str, Model]
    prices: Mapping[str, tuple[DatedPrice, ...]]
    """By target name or `kind:model`; the newest first."""

    requires_price: bool = True

    def price(self, target: Target, now: float) -> Price | None:
        """The price in force."""
        for name in target.priced_as:
            for dated in self.prices.get(name, ()):
                if dated.effective_at <= now:
                    return dated.price
        return None
