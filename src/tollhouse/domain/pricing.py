"""What a request costs.

Rates are pico-dollars per token and amounts are nano-dollars, both whole numbers, so the
rows of an account always add up to its balance, in any database.
"""

from __future__ import annotations

from dataclasses import dataclass

from tollhouse.domain.values import value

PICOS_PER_NANO = 1_000
NANOS_PER_DOLLAR = 1_000_000_000


@value
class Usage:
    """Tokens in disjoint classes: their sum is the provider's total."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    @property
    def total(self) -> int:
        return self.input + self.output + self.cache_read + self.cache_write


@dataclass(frozen=True, slots=True)
class Price:
    """Rates for one target: $3 per million tokens is 3_000_000."""

    id: int
    model: str
    input: int
    output: int
    cache_read: int
    cache_write: int

    @property
    def is_free(self) -> bool:
        return not (self.input or self.output or self.cache_read or self.cache_write)

    @property
    def dearest_input(self) -> int:
        """The highest rate that a token going in can be billed at."""
        return max(self.input, self.cache_read, self.cache_write)

    def cost(self, usage: Usage) -> int:
        return _nanos(
            usage.input * self.input
            + usage.output * self.output
            + usage.cache_read * self.cache_read
            + usage.cache_write * self.cache_write
        )

    def worst(self, input_tokens: int, output_tokens: int) -> int:
        """The most that so many tokens can cost, however they are classed."""
        return _nanos(input_tokens * self.dearest_input + output_tokens * self.output)


def _nanos(picos: int) -> int:
    return -(-picos // PICOS_PER_NANO)  # rounds up, once
