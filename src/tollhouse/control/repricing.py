"""Settled calls are priced anew, by a row that is named or by those that were in force: seen first, then done.

Only what was made from usage and rates is. Done again, it finds what it did before and leaves it as it is, so it may be
cut off anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from tollhouse.control import prices
from tollhouse.control.prices import ByTarget, Whose
from tollhouse.control.recompute import BY_RATES
from tollhouse.control.usage import LARGEST_PAGE
from tollhouse.domain.budget import Source
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.outside import MOST_OWED
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Database
from tollhouse.storage import corrections
from tollhouse.storage import prices as stored
from tollhouse.storage.corrections import Correction, Kept, Repricing, Settled, Wanted
from tollhouse.storage.prices import PriceRow
from tollhouse.storage.reports import first_id

PAGE = 200
TRIES = 5
MOST_AT_ONCE = 2000
"""Where somebody waits for the answer."""

IMPLAUSIBLE = frozenset(("over_bound", "input_over_bound", "output_over_bound"))


class Left(StrEnum):
    """Why a call stays as it is, though it is meant."""

    NOT_BY_USAGE = (
        "not_by_usage"  # resolved by hand, a whole hold, nothing, or an amount that was told
    )
    BATCH = "batch"  # billed line by line
    IMPLAUSIBLE = "implausible"  # its provider told a usage that cannot be
    NOT_ITS_PRICE = "not_its_price"  # bounded by its hold, or at a service tier's rates
    NO_PRICE = "no_price"  # none was in force


Verdict = Correction | Left | None
"""None where a call is billed so already."""

Judged = tuple[str, Verdict]
"""A call, and what becomes of it."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Which calls, and by which price row: 0 for the one that was in force when each of them came."""

    wanted: Wanted
    price: int = 0
    kind: str = ""
    """Of the target's provider, by which prices may know it too."""

    @property
    def names(self) -> tuple[str, str]:
        provider, _, model = self.wanted.target.partition(":")
        return self.wanted.target, f"{self.kind or provider}:{model}"


@dataclass(slots=True)
class Repriced:
    """What it came to, or would."""

    id: str = ""
    matched: int = 0
    updated: int = 0
    unchanged: int = 0
    left: dict[Left, int] = field(default_factory=dict)
    was: int = 0
    """What those that are updated were billed, and are now."""

    owed: int = 0
    accounts: dict[int, int] = field(default_factory=dict)

    def add(self, found: Sequence[Verdict]) -> None:
        self.matched += len(found)
        for each in found:
            if each is None:
                self.unchanged += 1
            elif isinstance(each, Left):
                self.left[each] = self.left.get(each, 0) + 1
            else:
                self._update(each)

    def _update(self, correction: Correction) -> None:
        self.updated += 1
        self.was += correction.of.owed
        self.owed += correction.owed
        for account in (*correction.of.accounts, *correction.of.shares):
            self.accounts[account] = self.accounts.get(account, 0) + correction.difference


@dataclass(frozen=True, slots=True)
class Rates:
    """The rows that calls are judged by."""

    wish: Wish
    by_id: Mapping[int, PriceRow]
    by_target: ByTarget

    def judge(self, call: Settled) -> Verdict:
        if (why := self._stays(call)) is not None:
            return why
        row = self._row(call)
        if row is None:
            return Left.NO_PRICE
        owed = row.price(row.id).cost(call.usage)
        if owed > MOST_OWED:
            raise FieldInvalid(
                f"Call {call.call} would come to more than can be owed.", param="price"
            )
        if (owed, row.id) == (call.owed, call.price):
            return None
        return Correction(call, owed, row.id)

    def _stays(self, call: Settled) -> Left | None:
        is_told = call.source == Source.OUTSIDE and call.price is None
        if call.source not in BY_RATES or is_told:
            return Left.NOT_BY_USAGE
        if call.is_batch:
            return Left.BATCH
        if call.anomaly in IMPLAUSIBLE:
            return Left.IMPLAUSIBLE
        row = self.by_id.get(call.price or 0)
        made = 0 if call.price is None else row and row.price(row.id).cost(call.usage)
        is_variant = row is not None and "@" in row.model
        return Left.NOT_ITS_PRICE if made != call.owed or is_variant else None

    def _row(self, call: Settled) -> PriceRow | None:
        if self.wish.price:
            return self.by_id[self.wish.price]
        return prices.found(self.by_target, self.wish.names, call.tenant, call.created_at_ms)


async def seen(database: Database, wish: Wish) -> Repriced:
    """What would be done; nothing is changed. Raises FieldInvalid."""
    rates, found = await _rates(database, wish), Repriced()
    after = first_id(wish.wanted.since_ms)
    while calls := await corrections.page(database, wish.wanted, after, PAGE):
        found.add([rates.judge(call) for call in calls])
        after = calls[-1].call
    return found


async def done(
    database: Database, wish: Wish, new_id: Callable[[], str], by: str, now_ms: int
) -> Repriced:
    """Page by page, each whole or not at all. Raises FieldInvalid, Conflict."""
    rates = await _rates(database, wish)
    made = Repricing(new_id(), by, now_ms)
    found, after = Repriced(made.id), first_id(wish.wanted.since_ms)
    while judged := await _page(database, rates, made, after):
        found.add([verdict for _, verdict in judged])
        after = judged[-1][0]
    return found


async def by_rates(
    database: Database,
    wanted: Wanted,
    rates: prices.Rates,
    new_id: Callable[[], str],
    by: str,
    now_ms: int,
) -> Repriced:
    """By rates that are said: they become a price row that holds at no moment at which anybody calls."""
    if len(await corrections.page(database, wanted, "", MOST_AT_ONCE + 1)) > MOST_AT_ONCE:
        raise FieldInvalid(
            f"That is meant for more than {MOST_AT_ONCE} calls: narrow it by dates.",
            param="start_date",
        )
    before = Whose(wanted.tenant, until_ms=1 - now_ms, by=by)
    await prices.set_price(database, wanted.target, rates, -now_ms, now_ms, before)
    rows = await stored.rows(database, wanted.target)
    made = (-now_ms, wanted.tenant)
    (row,) = [row for row in rows if (row.effective_at_ms, row.tenant) == made]
    return await done(database, Wish(wanted, row.id), new_id, by, now_ms)


async def moved(database: Database, found: Repriced) -> dict[str, int]:
    """By how much, account by account."""
    owners = await corrections.owners(database, sorted(found.accounts))
    return {owners[account]: found.accounts[account] for account in sorted(found.accounts)}


async def kept(database: Database, call: str, repricing: str, limit: int) -> list[Kept]:
    """What calls were billed before; the newest first."""
    if not 0 < limit <= LARGEST_PAGE:
        raise FieldInvalid(f"A page has 1 to {LARGEST_PAGE} corrections.", param="limit")
    return await corrections.kept(database, call, repricing, limit)


async def _page(database: Database, rates: Rates, made: Repricing, after: str) -> list[Judged]:
    """Read and judged anew where something was changed, or rolled, meanwhile."""
    for _ in range(TRIES):
        calls = await corrections.page(database, rates.wish.wanted, after, PAGE)
        judged = [(call.call, rates.judge(call)) for call in calls]
        wanted = [verdict for _, verdict in judged if isinstance(verdict, Correction)]
        with suppress(Conflict):
            if wanted:
                await corrections.correct(database, made, wanted)
            return judged
    raise Conflict(
        "others change these calls all the time: do it again, and what is done is left as it is"
    )


async def _rates(database: Database, wish: Wish) -> Rates:
    rows = await stored.rows(database)
    by_id = {row.id: row for row in rows}
    if wish.price:
        _check(wish, by_id.get(wish.price))
    return Rates(wish, by_id, prices.by_target(rows))


def _check(wish: Wish, row: PriceRow | None) -> None:
    if row is None:
        raise FieldInvalid(f"There is no price row {wish.price}.", param="price")
    if row.model not in wish.names:
        raise FieldInvalid(f"Price row {row.id} is for {row.model}.", param="price")
    if row.tenant not in ("", wish.wanted.tenant):
        raise FieldInvalid(
            f"Price row {row.id} is of the tenant {row.tenant} alone.", param="tenant"
        )
