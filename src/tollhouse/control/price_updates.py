"""A price book is laid before the house: what it would change is listed, and holds once somebody approved it.

What an operator priced is left alone, and so is what the book does not know. A rate that would become more
than ten times what it was, or less than a tenth, is approved by the name of its target or not at all.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from tollhouse.control.prices import OPERATOR, new_price
from tollhouse.domain.price_changes import Move, moves
from tollhouse.domain.pricebook import Listing, Pricebook
from tollhouse.domain.pricing import Price
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Database, Statement
from tollhouse.storage import prices, proposals
from tollhouse.storage.prices import NewPrice, PriceRow
from tollhouse.storage.proposals import ChangeRow, Proposal

APPROVED, REJECTED = "approved", "rejected"


@dataclass(frozen=True, slots=True)
class Change:
    """What would become of one target: nothing is moved where it had no price."""

    row: ChangeRow
    moves: tuple[Move, ...]

    @property
    def is_open(self) -> bool:
        return self.row.verdict is None


@dataclass(frozen=True, slots=True)
class Update:
    proposal: Proposal
    changes: tuple[Change, ...]

    @property
    def is_open(self) -> bool:
        return any(change.is_open for change in self.changes)


@dataclass(frozen=True, slots=True)
class Approved:
    added: tuple[NewPrice, ...]
    held: tuple[str, ...]
    """Targets with a jump that was not approved by name."""


async def propose(
    database: Database, book: Pricebook, name: str, now_ms: int, by: str = OPERATOR
) -> Update | None:
    """What the book would change, written down. None when it changes nothing."""
    rows = [row for row in await prices.rows(database) if not row.tenant]
    changes = tuple(_changes(book, rows, now_ms, by))
    if not changes:
        return None
    proposal = Proposal(
        secrets.token_hex(4), name, book.version, by, now_ms, _gone(book, rows, now_ms)
    )
    await proposals.add(database, proposal, [change.row for change in changes])
    return Update(proposal, changes)


async def listed(database: Database) -> list[Update]:
    """The newest first."""
    return [await _update(database, each) for each in await proposals.listed(database)]


async def shown(database: Database, proposal: str) -> Update:
    """Raises Conflict when there is none of that id."""
    found = await proposals.listed(database, proposal) if proposal else []
    if not found:
        raise Conflict(f"there is no price update {proposal[:40]!r}")
    return await _update(database, found[0])


async def approve(
    database: Database, proposal: str, named: Collection[str], now_ms: int, by: str = OPERATOR
) -> Approved:
    """What is open of it becomes prices, from now on or from the day that the book says.

    Raises Conflict, and changes nothing, when a price has changed since the update was made.
    """
    update = await shown(database, proposal)
    waiting = [change.row for change in update.changes if change.is_open]
    _insist_on_targets(waiting, named)
    taken = [row for row in waiting if not row.is_jump or row.new.model in named]
    rows = [row for row in await prices.rows(database) if not row.tenant]
    _insist_on_unchanged(rows, taken, now_ms)
    moments = {(row.model, row.effective_at_ms) for row in rows}
    added, statements = [], list[Statement]()
    for row in taken:
        price = replace(row.new, effective_at_ms=_free(row.new, moments, now_ms), set_by=by)
        token = secrets.token_hex(8)
        statements += proposals.approving(proposal, row.number, price, by, now_ms, token)
        added.append(price)
    counts = await database.write(*statements)
    is_added = counts[1::2]
    held = tuple(row.new.model for row in waiting if row not in taken)
    return Approved(
        tuple(price for price, count in zip(added, is_added, strict=True) if count), held
    )


async def reject(database: Database, proposal: str, now_ms: int, by: str = OPERATOR) -> int:
    """Nothing of what is open of it will hold; how many changes that were."""
    waiting = [change.row for change in (await shown(database, proposal)).changes if change.is_open]
    return sum(
        await database.write(
            *(proposals.rejecting(proposal, row.number, by, now_ms) for row in waiting)
        )
    )


def _changes(book: Pricebook, rows: Sequence[PriceRow], now_ms: int, by: str) -> list[Change]:
    """Against what would hold at that moment: a row that stands, or a change before this one."""
    found: list[Change] = []
    before: dict[str, tuple[int, Price]] = {}
    for listing in _ahead(book, now_ms):
        new = new_price(listing, by)
        moment_ms = max(new.effective_at_ms, now_ms)
        old = _in_force(rows, new.model, moment_ms)
        if old is not None and old.source == OPERATOR:
            continue
        changed_ms, past = before.get(new.model, (-1, None))
        if old is not None and old.effective_at_ms > changed_ms:
            past = old.price(old.id)
        moved = moves(past, listing.price(0)) if past else ()
        if past is None or moved:
            before[new.model] = moment_ms, listing.price(0)
            jumps = any(move.is_jump for move in moved)
            row = ChangeRow(len(found) + 1, new, old.id if old else None, jumps)
            found.append(Change(row, moved))
    return found


def _ahead(book: Pricebook, now_ms: int) -> list[Listing]:
    """In order, without those that another of the same target has followed already."""
    ordered = sorted(book.listings, key=lambda each: (each.target, each.effective_at))
    return [
        each
        for each, following in zip(ordered, [*ordered[1:], None], strict=True)
        if following is None
        or following.target != each.target
        or following.effective_at * 1000 > now_ms
    ]


def _in_force(rows: Sequence[PriceRow], model: str, moment_ms: int) -> PriceRow | None:
    of_model = (row for row in rows if row.model == model and row.holds_at(moment_ms))
    return max(of_model, key=lambda row: row.effective_at_ms, default=None)


def _gone(book: Pricebook, rows: Sequence[PriceRow], now_ms: int) -> tuple[str, ...]:
    known = {listing.target for listing in book.listings}
    priced = {row.model for row in rows if row.source != OPERATOR and row.holds_at(now_ms)}
    return tuple(sorted(priced - known))


async def _update(database: Database, proposal: Proposal) -> Update:
    rows = {row.id: row for row in await prices.rows(database)}
    found = []
    for row in await proposals.changes(database, proposal.id):
        old = rows.get(row.old_price) if row.old_price is not None else None
        found.append(Change(row, moves(old.price(old.id), row.new.price(0)) if old else ()))
    return Update(proposal, tuple(found))


def _insist_on_targets(waiting: Sequence[ChangeRow], named: Collection[str]) -> None:
    if unknown := sorted(set(named) - {row.new.model for row in waiting}):
        raise Conflict(f"nothing is open for {unknown[0]!r}")


def _free(new: NewPrice, moments: Collection[tuple[str, int]], now_ms: int) -> int:
    """From when it holds: not earlier than now, and not from the very moment of another row."""
    moment_ms = max(new.effective_at_ms, now_ms)
    while (new.model, moment_ms) in moments:
        moment_ms += 1
    return moment_ms


def _insist_on_unchanged(rows: Sequence[PriceRow], taken: Sequence[ChangeRow], now_ms: int) -> None:
    for change in taken:
        old = _in_force(rows, change.new.model, max(change.new.effective_at_ms, now_ms))
        if (old.id if old else None) != change.old_price:
            raise Conflict(
                f"the price of {change.new.model} has changed since: reject this update and make another"
            )
