"""What a request costs.

Rates are pico-dollars, for a token or for a unit of what is not billed by the token, and amounts
are nano-dollars: whole numbers both, so the rows of an account always add up to its balance, in
any database.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tollhouse.domain.values import value

PICOS_PER_NANO = 1_000
NANOS_PER_DOLLAR = 1_000_000_000
LONG_WRITE_TIMES = 2


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

    long_write: int = 0
    """How many of those that were written are kept for an hour."""

    @property
    def total(self) -> int:
        return self.input + self.output + self.cache_read + self.cache_write


NOTHING = Usage()


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
    has_units: bool = field(init=False)

    def __post_init__(self) -> None:
        """Worked out once: a price is asked for it twice a call."""
        has_units = bool(self.per_call or self.per_image or self.per_second or self.per_character)
        object.__setattr__(self, "has_units", has_units)

    @property
    def is_free(self) -> bool:
        return not (
            self.input or self.output or self.cache_read or self.cache_write or self.has_units
        )

    @property
    def dearest_input(self) -> int:
        """The highest rate that a token going in can be billed at, unless it is kept for an hour."""
        return max(self.input, self.cache_read, self.cache_write)

    @property
    def long_write(self) -> int:
        """Of a token that is kept for an hour: twice its input, or what a row says if that is more."""
        return max(self.cache_write, LONG_WRITE_TIMES * self.input)

    def cost(self, usage: Usage) -> int:
        picos = (
            usage.input * self.input
            + usage.output * self.output
            + usage.cache_read * self.cache_read
            + usage.cache_write * self.cache_write
        )
        if usage.long_write:
            picos += usage.long_write * (self.long_write - self.cache_write)
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
        dearest = max(self.dearest_input, self.long_write) if may_keep_long else self.dearest_input
        tokens = input_tokens * dearest + output_tokens * self.output
        return _nanos(tokens + self._units(most) if self.has_units else tokens)

    def _units(self, usage: Usage) -> int:
        return (
            self.per_call
            + usage.images * self.per_image
            + usage.seconds * self.per_second
            + usage.characters * self.per_character
        )


def _nanos(picos: int) -> int:
    return -(-picos // PICOS_PER_NANO)  # rounds up, once
