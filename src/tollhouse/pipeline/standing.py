"""How the targets stand, as this process has seen them: who is asked, and who is asked first."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil

from tollhouse.domain.breaker import Breaker, State, Tripping
from tollhouse.domain.errors import CircuitOpen
from tollhouse.domain.models import Leg
from tollhouse.domain.outliers import stands_out
from tollhouse.domain.snapshot import Target

LONGEST_RETRY_S = 60

OnTurn = Callable[[str, State, str], None]
"""Told the target, how its breaker stands from now on, and why it opened last."""


@dataclass(slots=True)
class Standing:
    """One target's."""

    name: str
    breaker: Breaker
    state: State = State.CLOSED
    """As it was told last."""

    back_until: float = 0.0
    """So long it is asked after the others."""


@dataclass(frozen=True, slots=True)
class Rules:
    tripping: Tripping = field(default_factory=Tripping)
    outlier_s: float = 30.0
    """How long a target that stands out for its failures is asked last."""


class Standings:
    """As many as targets are configured. `clock` never goes back."""

    def __init__(
        self, rules: Rules, on_turn: OnTurn, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rules = rules
        self._on_turn = on_turn
        self._now = clock
        self._of: dict[str, Standing] = {}

    def of(self, target: Target) -> Standing:
        return self._of.get(target.name) or self._begin(target.name)

    def in_order(self, legs: Sequence[Leg]) -> Sequence[Leg]:
        """As configured, but those who stand out for their failures come last."""
        if len(legs) == 1:
            return legs
        now = self._now()
        return sorted(legs, key=lambda leg: self.of(leg.target).back_until > now)

    def enter(self, standing: Standing) -> int | None:
        """The era of a call that may go; None if the breaker keeps it out."""
        era = standing.breaker.enter(self._now())
        if standing.breaker.state is not standing.state:
            self._tell(standing)
        return era

    def answered(self, standing: Standing, era: int) -> None:
        standing.breaker.answered(era)
        if standing.breaker.state is not standing.state:
            self._tell(standing)

    def failed(
        self, standing: Standing, era: int, why: str, retry_after_s: int | None, legs: Sequence[Leg]
    ) -> None:
        now = self._now()
        standing.breaker.failed(era, now, why, retry_after_s)
        if standing.breaker.state is not standing.state:
            self._tell(standing)
        others = [self.of(leg.target) for leg in legs if leg.target.name != standing.name]
        failures = [other.breaker.recent_failures for other in others]
        if stands_out(standing.breaker.recent_failures, failures):
            standing.back_until = now + self._rules.outlier_s

    def all_shut(self, legs: Sequence[Leg]) -> CircuitOpen:
        """When every breaker keeps a call out: until the first may be asked again."""
        now = self._now()
        breakers = [self.of(leg.target).breaker for leg in legs]
        wait_s = max(1, ceil(min(breaker.wait_s(now) for breaker in breakers)))
        return CircuitOpen(
            private="; ".join(breaker.reason for breaker in breakers),
            retry_after_s=min(wait_s, LONGEST_RETRY_S),
        )

    def _begin(self, name: str) -> Standing:
        standing = self._of[name] = Standing(name, Breaker(self._rules.tripping))
        return standing

    def _tell(self, standing: Standing) -> None:
        standing.state = standing.breaker.state
        self._on_turn(standing.name, standing.state, standing.breaker.reason)
