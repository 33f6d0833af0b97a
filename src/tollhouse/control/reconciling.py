"""Our books beside the provider's, day by day and model by model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from tollhouse.control.reports import added_up
from tollhouse.domain import provider_reports
from tollhouse.domain.provider_reports import ProviderReport
from tollhouse.domain.reports import By, Scope
from tollhouse.domain.sheets import Cell, Column, Kind
from tollhouse.ports import Database
from tollhouse.storage import days
from tollhouse.storage.days import DAY_MS

_DATED = re.compile(r"(.+?)[-@](?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8})")


class Match(StrEnum):
    BOTH = "both"
    ONLY_OURS = "ours"
    ONLY_THEIRS = "theirs"


@dataclass(slots=True)
class Side:
    """What one of the two says; None is what it does not say."""

    input: int | None = None
    output: int | None = None
    nanos: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A day and a model, "" where the export tells none. Deltas are ours less theirs."""

    day: int
    model: str
    match: Match
    ours: Side
    theirs: Side
    age_days: int

    @property
    def input_delta(self) -> int | None:
        return _delta(self.ours.input, self.theirs.input)

    @property
    def output_delta(self) -> int | None:
        return _delta(self.ours.output, self.theirs.output)

    @property
    def owed_delta(self) -> int | None:
        return _delta(self.ours.nanos, self.theirs.nanos)

    def agrees(self, within: int) -> bool:
        """Tokens to the last one, money within so many nano-dollars."""
        return (
            not self.input_delta and not self.output_delta and abs(self.owed_delta or 0) <= within
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    entries: tuple[Entry, ...]
    first_day: int
    last_day: int

    def differing(self, within: int, settled_after_days: int = 0) -> list[Entry]:
        """Those that do not agree, though they are old enough for the provider to have counted all."""
        return [
            entry
            for entry in self.entries
            if entry.age_days >= settled_after_days and not entry.agrees(within)
        ]


COLUMNS = (
    *(Column(name) for name in ("day", "model", "match")),
    *(Column(name, Kind.COUNT) for name in ("age_days", "our_input", "their_input", "input_delta")),
    *(Column(name, Kind.COUNT) for name in ("our_output", "their_output", "output_delta")),
    *(Column(name, Kind.MONEY) for name in ("our_cost", "their_cost", "cost_delta")),
)


def cells(entry: Entry) -> tuple[Cell, ...]:
    ours, theirs = entry.ours, entry.theirs
    what: tuple[Cell, ...] = (days.iso(entry.day), entry.model, entry.match.value, entry.age_days)
    tokens_in = (ours.input, theirs.input, entry.input_delta)
    tokens_out = (ours.output, theirs.output, entry.output_delta)
    return (*what, *tokens_in, *tokens_out, ours.nanos, theirs.nanos, entry.owed_delta)


async def reconcile(
    database: Database,
    exports: Iterable[ProviderReport],
    provider: str,
    names: Mapping[str, str],
    now_ms: int,
) -> Comparison:
    """`provider` is ours, by its name in the settings; `names` says what theirs are called by us.

    Several exports are of the same days: one of tokens and one of costs, or one and the next.
    """
    told = list(exports)
    first = min(each.first_day for each in told)
    last = max(each.last_day for each in told)
    has_models = any(row.model for each in told for row in each.rows)
    ours = await _ours(database, provider, first, last, has_models=has_models)
    theirs = _theirs(told, names, {model for _, model in ours})
    today = now_ms // DAY_MS
    entries = [
        _entry(day, model, ours.get((day, model)), theirs.get((day, model)), today)
        for day, model in sorted(ours.keys() | theirs.keys())
    ]
    return Comparison(tuple(entries), first, last)


async def _ours(
    database: Database, provider: str, first: int, last: int, *, has_models: bool
) -> dict[tuple[int, str], Side]:
    scope = Scope(provider=provider, from_ms=first * DAY_MS, until_ms=(last + 1) * DAY_MS)
    sides: dict[tuple[int, str], Side] = {}
    for group in await added_up(database, [By.TARGET], DAY_MS, scope):
        model = group.labels[By.TARGET].partition(":")[2] if has_models else ""
        sums = group.sums
        tokens = sums.input + sums.cache_read + sums.cache_write
        _add(sides, (group.began_ms // DAY_MS, model), tokens, sums.output, sums.owed)
    return {key: side for key, side in sides.items() if side.input or side.output or side.nanos}


def _theirs(
    exports: list[ProviderReport], names: Mapping[str, str], known: set[str]
) -> dict[tuple[int, str], Side]:
    sides: dict[tuple[int, str], Side] = {}
    dollars: dict[tuple[int, str], Decimal] = {}
    for row in (row for each in exports for row in each.rows):
        key = row.day, _our_name(row.model, names, known)
        _add(sides, key, row.input, row.output, None)
        if row.dollars is not None:
            dollars[key] = dollars.get(key, Decimal(0)) + row.dollars
    for key, amount in dollars.items():
        sides[key].nanos = provider_reports.nanos(amount)
    return {key: side for key, side in sides.items() if side.input or side.output or side.nanos}


def _our_name(model: str, names: Mapping[str, str], known: set[str]) -> str:
    """As it was said, as it stands, or without the date that a provider adds to what was asked for."""
    if model in names:
        return names[model]
    dated = _DATED.fullmatch(model)
    return dated[1] if dated and model not in known and dated[1] in known else model


def _add(
    sides: dict[tuple[int, str], Side],
    key: tuple[int, str],
    tokens_in: int | None,
    tokens_out: int | None,
    nanos: int | None,
) -> None:
    side = sides.setdefault(key, Side())
    side.input = _sum(side.input, tokens_in)
    side.output = _sum(side.output, tokens_out)
    side.nanos = _sum(side.nanos, nanos)


def _entry(day: int, model: str, ours: Side | None, theirs: Side | None, today: int) -> Entry:
    """One that is missing has nothing, where the other has something."""
    match = Match.BOTH if ours and theirs else Match.ONLY_OURS if ours else Match.ONLY_THEIRS
    return Entry(
        day, model, match, ours or _none_of(theirs), theirs or _none_of(ours), max(0, today - day)
    )


def _none_of(other: Side | None) -> Side:
    if other is None:
        return Side()
    told = (other.input, other.output, other.nanos)
    return Side(*(None if each is None else 0 for each in told))


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other


def _delta(ours: int | None, theirs: int | None) -> int | None:
    return None if ours is None or theirs is None else ours - theirs
