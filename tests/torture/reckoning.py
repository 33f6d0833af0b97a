"""The ledger laid beside the provider's meter, call by call, to the nano-dollar."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from journeys.gateway import NANOS_IN, NANOS_OUT
from torture.meter import cost
from torture.storm import Storm

CUT = frozenset({"cut_by_client", "cut_by_upstream", "cut_by_gateway"})
"""Ends behind which a provider tells nothing: the ledger has what it counted itself."""

UNTOLD = frozenset({"not_sent", "refused"})


@dataclass(frozen=True)
class Entry:
    """What the ledger says of a call."""

    name: str
    state: str
    outcome: str | None
    source: str | None
    owed: int | None
    held: int
    input: int | None
    output: int | None


@dataclass
class Reckoning:
    """Empty lists are what a run has to end with; `differences` are those that have a reason."""

    calls: int
    spent: int
    limit: int
    metered: int
    outcomes: Counter[str]
    lost: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    differences: dict[str, int] = field(default_factory=dict)
    overspent: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        return [
            *(f"lost: {each}" for each in self.lost),
            *(f"stuck: {each}" for each in self.stuck),
            *(f"unexplained: {each}" for each in self.unexplained),
            *(f"overspent: {each}" for each in self.overspent),
        ]


def reckon(
    entries: Mapping[str, Entry],
    tokens: Mapping[str, int | None],
    storm: Storm,
    *,
    spent: int,
    limit: int,
) -> Reckoning:
    metered = sum(cost(each) for each in tokens.values())
    it = Reckoning(
        storm.made, spent, limit, metered, Counter(str(each.outcome) for each in entries.values())
    )
    it.lost += sorted((tokens.keys() | storm.answered | storm.left) - entries.keys())
    it.stuck += sorted(each.name for each in entries.values() if each.state != "settled")
    for entry in entries.values():
        difference = (entry.owed or 0) - cost(tokens.get(entry.name))
        if difference and _explained(entry, tokens.get(entry.name)) == difference:
            it.differences[entry.name] = difference
        elif difference:
            it.unexplained.append(f"{entry} beside {tokens.get(entry.name)} tokens metered")
    if metered + sum(it.differences.values()) != spent:
        it.unexplained.append(
            f"{spent} spent, {metered} metered, {sum(it.differences.values())} explained"
        )
    if spent > limit:
        it.overspent.append(f"{spent} of {limit}")
    return it


def _explained(entry: Entry, metered: int | None) -> int | None:
    """A cut answer is owed for what was counted here: so many tokens more or less than the meter has."""
    if entry.outcome not in CUT or entry.source != "counted" or (entry.owed or 0) > entry.held:
        return None
    counted = (entry.input or 0) * NANOS_IN + (entry.output or 0) * NANOS_OUT
    return min(counted, entry.held) - cost(metered)
