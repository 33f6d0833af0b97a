"""Everything a request is decided on, immutable: rebuilt on change and swapped by assignment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import inf

from tollhouse.domain.identity import KeyRecord
from tollhouse.domain.people import NOBODY, People
from tollhouse.domain.pricing import Price
from tollhouse.domain.tasks import CHAT_ONLY, NONE, Task


@dataclass(frozen=True)
class Target:
    """One model at one provider. `name` is what prices and ledgers know it by."""

    provider: str
    kind: str
    model: str
    output_bound: str = "max_tokens"
    """The member by which this upstream is told how much it may produce."""

    asks_usage: bool = True
    """Whether it is asked for the usage of a stream; some tell it unasked, and refuse to be asked."""

    @cached_property
    def name(self) -> str:
        return f"{self.provider}:{self.model}"

    @cached_property
    def priced_as(self) -> tuple[str, str]:
        """By its own name first, then by its provider's kind."""
        return self.name, f"{self.kind}:{self.model}"


@dataclass(frozen=True, slots=True)
class Model:
    """A public model name and the targets that answer for it, in order.

    The name of a wildcard ends with `*`, and so may models of its targets contain one.
    """

    name: str
    targets: tuple[Target, ...]
    max_output: int
    image_tokens: int
    does: frozenset[Task] = CHAT_ONLY
    context_tokens: int = 32_768
    """What it is told to hold, where a dialect asks."""

    is_strict: bool = False
    """Whether a call is refused rather than told to a target in part."""
    document_tokens: int = 200_000
    refuses_more: bool = False
    """Whether a call that asks for more output than `max_output` is refused, and not bounded."""

    weights: tuple[int, ...] = ()
    """By which the first targets share the calls; those without come after, in order."""

    price_optional: frozenset[Task] = NONE
    """What may be asked of it though its targets have no price."""

    takes_tools: bool = True
    drops_prefix: bool = False
    """Whether `*` in a target stands for what follows a wildcard's beginning, or for the whole name."""


@dataclass(frozen=True, slots=True)
class Names:
    """What models are called by, as the settings have it. No alias leads back to itself."""

    models: Mapping[str, Model]
    wildcards: tuple[Model, ...] = ()
    """The longest beginning first."""

    aliases: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class View:
    """What one tenant calls models by: names of its own, and those that it does not see."""

    names: Mapping[str, str]
    hidden: tuple[str, ...]
    """Exact, or `prefix*`."""


@dataclass(frozen=True, slots=True)
class DatedPrice:
    """A price and the moment, in seconds since the epoch, from which it holds."""

    effective_at: float
    price: Price
    effective_until: float = inf
    """From then on it does not hold any more."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    revision: int
    keys: Mapping[str, KeyRecord]
    names: Names
    prices: Mapping[str, tuple[DatedPrice, ...]]
    """By target name or `kind:model`; the newest first."""

    requires_price: bool = True
    views: Mapping[str, View] = field(default_factory=dict)
    """By tenant."""

    users: frozenset[str] = frozenset()
    """All of them, by their whole names."""

    own_prices: Mapping[str, Mapping[str, tuple[DatedPrice, ...]]] = field(default_factory=dict)
    """Of the tenants that have some: these come before everybody's."""

    people: People = NOBODY
    """Whom tokens may stand for, where any are taken."""

    imported: Mapping[bytes, str] = field(default_factory=dict)
    """Keys that another gateway gave out, by what is kept of them."""

    def price(
        self, target: Target, now: float, variant: str = "", tenant: str = ""
    ) -> Price | None:
        """The price in force; of a variant, as `target@variant`, if there is one for it."""
        if self.own_prices and (own := self.own_prices.get(tenant)):
            found = _in_force(own, target, now, variant)
            if found is not None:
                return found
        return _in_force(self.prices, target, now, variant)


def _in_force(
    prices: Mapping[str, tuple[DatedPrice, ...]], target: Target, now: float, variant: str
) -> Price | None:
    for name in target.priced_as:
        named = (f"{name}@{variant}", name) if variant else (name,)
        for each in named:
            for dated in prices.get(each, ()):
                if dated.effective_at <= now < dated.effective_until:
                    return dated.price
    return None
