"""What a request costs.

Rates are pico-dollars, for a token or for a unit of what is not billed by the token, and amounts
are nano-dollars: whole numbers both, so the rows of an account always add up to its balance, in
any database.

Tokens are in four classes, disjoint, whose sum is the provider's total. Some of a class may be of
a kind that has a rate of its own: then these are billed at that rate instead, and nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from tollhouse.domain.values import value

PICOS_PER_NANO = 1_000
NANOS_PER_DOLLAR = 1_000_000_000
LONG_WRITE_TIMES = 2

CLASSES = ("input", "output", "cache_read", "cache_write")
KINDS: Mapping[str, str] = {
    "audio_input": "input",
    "image_input": "input",
    "audio_output": "output",
    "image_output": "output",
    "reasoning": "output",
    "audio_read": "cache_read",
    "long_write": "cache_write",
}
"""What may have a rate of its own, and the class that it is a part of."""


@value
class Kinds:
    """How many tokens of a class were sound, images or thoughts, or are kept for an hour. Disjoint too."""

    audio_input: int = 0
    image_input: int = 0
    audio_output: int = 0
    image_output: int = 0
    reasoning: int = 0
    audio_read: int = 0
    long_write: int = 0


@value
class Usage:
    """Tokens in disjoint classes, whose sum is the provider's total; and what is billed beside them."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    images: int = 0
    """Made."""

    seconds: int = 0
    """Heard, rounded up."""

    characters: int = 0
    """Spoken."""

    kinds: Kinds | None = None
    """Of most calls nothing is of a kind of its own."""

    @property
    def total(self) -> int:
        return self.input + self.output + self.cache_read + self.cache_write

    @property
    def reasoning(self) -> int:
        """How many of the output tokens were thoughts."""
        return self.kinds.reasoning if self.kinds else 0

    @property
    def total_input(self) -> int:
        """By which providers tell a long prompt."""
        return self.input + self.cache_read + self.cache_write

    def parts(self) -> dict[str, int]:
        """Each token once: kinds by their names, and of each class what is of no kind."""
        kinds = {name: getattr(self.kinds or Kinds(), name) for name in KINDS}
        plain = {
            name: getattr(self, name) - sum(kinds[kind] for kind in kinds if KINDS[kind] == name)
            for name in CLASSES
        }
        return plain | kinds


NOTHING = Usage()


@dataclass(frozen=True, slots=True)
class Tier:
    """Other rates for the whole of a request with more tokens going in than that."""

    above: int
    rates: tuple[tuple[str, int], ...]
    """By the names that they have in the price. What is not named stays."""


@dataclass(frozen=True, slots=True)
class Price:
    """Rates for one target: $3 per million tokens is 3_000_000."""

    id: int
    model: str
    input: int
    output: int
    cache_read: int
    cache_write: int
    per_call: int = 0
    """The rates beside tokens: $0.04 an image is 40_000_000_000."""

    per_image: int = 0
    per_second: int = 0
    per_character: int = 0
    kinds: tuple[tuple[str, int], ...] = ()
    """Those of `KINDS` that have a rate of their own. Another is billed as its class."""

    tiers: tuple[Tier, ...] = ()
    """By their thresholds. The highest that is reached holds for the whole request."""

    has_units: bool = field(init=False)
    is_plain: bool = field(init=False)
    """Whether a token costs what its class costs, however many there are."""

    def __post_init__(self) -> None:
        """Worked out once: a price is asked for it twice a call."""
        has_units = bool(self.per_call or self.per_image or self.per_second or self.per_character)
        object.__setattr__(self, "has_units", has_units)
        object.__setattr__(self, "is_plain", not self.kinds and not self.tiers)

    @property
    def is_free(self) -> bool:
        if self.input or self.output or self.cache_read or self.cache_write or self.has_units:
            return False
        return not any(self._finer_rates())

    @property
    def dearest_input(self) -> int:
        """The highest rate that a token going in can be billed at, unless it is kept for an hour."""
        return max(self.input, self.cache_read, self.cache_write)

    @property
    def long_write(self) -> int:
        """Of a token that is kept for an hour: what the row says; else twice its input, or a write if that is more."""
        own = self.kind("long_write")
        return max(self.cache_write, LONG_WRITE_TIMES * self.input) if own is None else own

    def kind(self, name: str) -> int | None:
        """The rate of a kind, if it has one of its own."""
        for each, rate in self.kinds:
            if each == name:
                return rate
        return None

    def at(self, input_tokens: int) -> Price:
        """The same row with the rates that hold for a prompt of so many tokens."""
        reached = [tier for tier in self.tiers if input_tokens > tier.above]
        return self._step(reached[-1]) if reached else replace(self, tiers=())

    def cost(self, usage: Usage) -> int:
        if self.tiers:
            return self.at(usage.total_input).cost(usage)
        picos = (
            usage.input * self.input
            + usage.output * self.output
            + usage.cache_read * self.cache_read
            + usage.cache_write * self.cache_write
        )
        if usage.kinds is not None:
            picos += self._beyond_classes(usage.kinds)
        if self.has_units:
            picos += self._units(usage)
        return _nanos(picos)

    def worst(
        self,
        input_tokens: int,
        output_tokens: int,
        most: Usage = NOTHING,
        *,
        may_keep_long: bool = False,
    ) -> int:
        """The most that so many tokens can cost, however they are classed, with what `most` has beside them."""
        if not self.is_plain:
            steps = self._steps_to(input_tokens)
            rates = [each.dearest(may_keep_long=may_keep_long) for each in steps]
            tokens = max(input_tokens * fresh + output_tokens * out for fresh, out in rates)
        else:
            dearest = self.dearest_input
            if may_keep_long:
                dearest = max(dearest, self.long_write)
            tokens = input_tokens * dearest + output_tokens * self.output
        return _nanos(tokens + self._units(most) if self.has_units else tokens)

    def _units(self, usage: Usage) -> int:
        return (
            self.per_call
            + usage.images * self.per_image
            + usage.seconds * self.per_second
            + usage.characters * self.per_character
        )

    def _beyond_classes(self, kinds: Kinds) -> int:
        """What tokens of a kind cost more, or less, than their class."""
        picos: int = sum(
            getattr(kinds, name) * (rate - getattr(self, KINDS[name])) for name, rate in self.kinds
        )
        if kinds.long_write and self.kind("long_write") is None:
            picos += kinds.long_write * (self.long_write - self.cache_write)
        return picos

    def dearest(self, *, may_keep_long: bool) -> tuple[int, int]:
        """Of tokens in and out. Nobody here knows of what kind they will be; an hour in the cache is asked for."""
        fresh, out = [self.dearest_input], [self.output]
        for name, rate in self.kinds:
            if name != "long_write":
                (out if KINDS[name] == "output" else fresh).append(rate)
        if may_keep_long:
            fresh.append(self.long_write)
        return max(fresh), max(out)

    def _steps_to(self, input_tokens: int) -> Iterator[Price]:
        yield replace(self, tiers=())
        for tier in self.tiers:
            if input_tokens > tier.above:
                yield self._step(tier)

    def _step(self, tier: Tier) -> Price:
        rates = dict(tier.rates)
        kinds = dict(self.kinds) | {name: rates[name] for name in KINDS if name in rates}
        fresh, out, read, written = (rates.get(name, getattr(self, name)) for name in CLASSES)
        return replace(
            self,
            input=fresh,
            output=out,
            cache_read=read,
            cache_write=written,
            kinds=tuple(sorted(kinds.items())),
            tiers=(),
        )

    def _finer_rates(self) -> Iterator[int]:
        for _, rate in self.kinds:
            yield rate
        for tier in self.tiers:
            for _, rate in tier.rates:
                yield rate


def _nanos(picos: int) -> int:
    return -(-picos // PICOS_PER_NANO)  # rounds up, once
