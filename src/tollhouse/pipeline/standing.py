"""How the targets stand, as this process has seen them: who is asked, and who is asked first."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

from tollhouse.domain.breaker import Breaker, State, Tripping
from tollhouse.domain.errors import CircuitOpen
from tollhouse.domain.models import Leg
from tollhouse.domain.outliers import FEW, stands_out
from tollhouse.domain.retries import Retrying, TryBudget
from tollhouse.domain.snapshot import Target
from tollhouse.pipeline.gate import Gate

LONGEST_RETRY_S = 60

MOST = 4096
"""Targets, or models, that are told apart: under a wildcard there may be any number."""

OnTurn = Callable[[str, State, str], None]
"""Told the target, how its breaker stands from now on, and why it opened last."""


@dataclass(slots=True)
class Standing:
    """One target's."""

    name: str
    breaker: Breaker
    gate: Gate
    state: State = State.CLOSED
    """As it was told last."""

    back_until: float = 0.0
    """So long it is asked after the others."""

    denials: int = 0
    """In a row, of what it is there for: its key or its model is not what it should be."""


@dataclass(frozen=True, slots=True)
class Room:
    """How many calls one target is given at once, and how many may wait for that, and how long."""

    calls: int = 512
    in_line: int = 1024
    line_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Rules:
    tripping: Tripping = field(default_factory=Tripping)
    retrying: Retrying = field(default_factory=Retrying)
    outlier_s: float = 30.0
    """How long a target that stands out for its failures is asked last."""

    rooms: Mapping[str, Room] = field(default_factory=dict)
    """For each target of a provider, by the provider's name."""


class Standings:
    """One for each target, up to `MOST`. `clock` never goes back; `draw` gives from 0 to 1."""

    def __init__(
        self,
        rules: Rules,
        on_turn: OnTurn,
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.rules = rules
        self.draw = draw
        self._on_turn = on_turn
        self._now = clock
        self._of: dict[str, Standing] = {}
        self._tries: dict[str, TryBudget] = {}

    def __iter__(self) -> Iterator[Standing]:
        return iter(self._of.values())

    def of(self, target: Target) -> Standing:
        return self._of.get(target.name) or self._begin(target)

    def tries(self, model: str) -> TryBudget:
        """What the model's calls may try beyond the first of each; this call's share is put in."""
        tries = self._tries.get(model) or self._begin_tries(model)
        tries.earn()
        return tries

    def in_order(self, legs: Sequence[Leg]) -> Sequence[Leg]:
        """As configured, but those who stand out for their failures come last."""
        if len(legs) == 1:
            return legs
        now = self._now()
        return sorted(legs, key=lambda leg: self.of(leg.target).back_until > now)

    def is_shut(self, standing: Standing) -> bool:
        breaker = standing.breaker
        return breaker.state is not State.CLOSED and breaker.is_shut(self._now())

    def enter(self, standing: Standing) -> int | None:
        """The era of a call that may go; None if the breaker keeps it out."""
        era = standing.breaker.enter(self._now())
        if standing.breaker.state is not standing.state:
            self._tell(standing)
        return era

    def answered(self, standing: Standing, era: int) -> None:
        standing.denials = 0
        self.lives(standing, era)

    def denied(self, standing: Standing, era: int) -> None:
        """It lives, but gives nobody what it is there for: until that is mended, others go first."""
        standing.denials += 1
        if standing.denials >= FEW:
            standing.back_until = self._now() + self.rules.outlier_s
        self.lives(standing, era)

    def lives(self, standing: Standing, era: int) -> None:
        """Which is all that a probe asks."""
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
        failures = [self.of(leg.target).breaker.recent_failures for leg in legs]
        if stands_out(standing.breaker.recent_failures, failures):
            standing.back_until = now + self.rules.outlier_s

    def all_shut(self, legs: Sequence[Leg]) -> CircuitOpen:
        """When every breaker keeps a call out: until the first may be asked again."""
        now = self._now()
        breakers = [self.of(leg.target).breaker for leg in legs]
        wait_s = max(1, ceil(min(breaker.wait_s(now) for breaker in breakers)))
        return CircuitOpen(
            private="; ".join(breaker.reason for breaker in breakers),
            retry_after_s=min(wait_s, LONGEST_RETRY_S),
        )

    def _begin(self, target: Target) -> Standing:
        room = self.rules.rooms.get(target.provider) or Room()
        name = target.name if len(self._of) < MOST else f"{target.provider}:*"
        if name in self._of:
            return self._of[name]
        standing = self._of[name] = Standing(
            name,
            Breaker(self.rules.tripping),
            Gate(room.calls, room.in_line, room.line_s),
        )
        return standing

    def _begin_tries(self, model: str) -> TryBudget:
        name = model if len(self._tries) < MOST else "*"
        return self._tries.setdefault(name, TryBudget(self.rules.retrying.share_percent))

    def _tell(self, standing: Standing) -> None:
        standing.state = standing.breaker.state
        self._on_turn(standing.name, standing.state, standing.breaker.reason)
