"""Usage, added up by any combination of what calls have in common.

Every report is a sum over the same rows that balances are recomputed from, and says its total.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.reports import EVER_MS, NAMES, By, Line, Report, Scope, Sums
from tollhouse.domain.sheets import Cell, Column, Kind
from tollhouse.ports import Database
from tollhouse.storage import days, reports
from tollhouse.storage.days import DAY_MS, Extent
from tollhouse.storage.reports import Group

QUARTER_MS = 900_000
"""No zone's day begins elsewhere than at a quarter of an hour."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONEY = {"owed", "held"}


async def report(database: Database, by: Sequence[By], scope: Scope, zone: tzinfo = UTC) -> Report:
    """Lines in the order of their labels. Days and months are those of the zone."""
    told = {By.TARGET if each is By.PROVIDER else each for each in by}
    groups = await added_up(database, told, _span_ms(by, zone), scope)
    labelling = [_label(each, zone) for each in by]
    lines: dict[tuple[str, ...], Sums] = {}
    total = Sums()
    for group in groups:
        labels = tuple(label(group) for label in labelling)
        lines.setdefault(labels, Sums()).add(group.sums)
        total.add(group.sums)
    return Report(tuple(by), [Line(*each) for each in sorted(lines.items(), key=_labels)], total)


async def added_up(
    database: Database, told: Collection[By], span_ms: int, scope: Scope
) -> list[Group]:
    """Raises FieldInvalid for a part of a day that is kept as a whole, and for end users that are not kept."""
    groups = await reports.groups(database, told, span_ms, scope)
    folded = await days.extent(database)  # which only grows
    _see_whole_days(folded, span_ms, scope)
    if folded is not None and By.END_USER in told:
        _see_end_users(folded, scope)
    return groups


def columns(by: Sequence[By]) -> tuple[Column, ...]:
    counted = [Column(name, Kind.MONEY if name in _MONEY else Kind.COUNT) for name in NAMES]
    return (*(Column(each.value) for each in by), *counted)


def cells(line: Line) -> tuple[Cell, ...]:
    return (*line.labels, *line.sums.cells())


def _span_ms(by: Sequence[By], zone: tzinfo) -> int:
    if By.DAY not in by and By.MONTH not in by:
        return EVER_MS
    return DAY_MS if zone is UTC else QUARTER_MS


def _see_whole_days(folded: Extent | None, span_ms: int, scope: Scope) -> None:
    if folded is None:
        return
    edges = (scope.from_ms, scope.until_ms)
    is_split = any(folded.from_ms < edge < folded.until_ms and edge % DAY_MS for edge in edges)
    overlaps = scope.from_ms < folded.until_ms and folded.from_ms < scope.until_ms
    if is_split or (overlaps and span_ms == QUARTER_MS):
        raise FieldInvalid(
            f"What was called before {_local(folded.until_ms, UTC):%Y-%m-%d} is kept as whole days in UTC: "
            "ask for such days, or from then on.",
            param="zone" if span_ms == QUARTER_MS else "from",
        )


def _see_end_users(folded: Extent, scope: Scope) -> None:
    if scope.from_ms < folded.until_ms and folded.from_ms < scope.until_ms:
        raise FieldInvalid(
            f"End users of calls before {_local(folded.until_ms, UTC):%Y-%m-%d} are not kept: ask from then on.",
            param="from",
        )


def _label(by: By, zone: tzinfo) -> Callable[[Group], str]:
    if by is By.DAY:
        return lambda group: _local(group.began_ms, zone).strftime("%Y-%m-%d")
    if by is By.MONTH:
        return lambda group: _local(group.began_ms, zone).strftime("%Y-%m")
    if by is By.PROVIDER:
        return lambda group: group.labels[By.TARGET].partition(":")[0]
    return lambda group: group.labels[by]


def _local(ms: int, zone: tzinfo) -> datetime:
    return (_EPOCH + timedelta(milliseconds=ms)).astimezone(zone)


def _labels(line: tuple[tuple[str, ...], Sums]) -> tuple[str, ...]:
    return line[0]
