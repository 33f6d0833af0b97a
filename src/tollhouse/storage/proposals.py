"""What price books would change, row by row, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from tollhouse.ports import Database, Statement
from tollhouse.storage.prices import NewPrice, adding_if


@dataclass(frozen=True, slots=True)
class Proposal:
    """A book that was laid before the house. `gone` are targets that it does not know any more."""

    id: str
    book: str
    version: str
    made_by: str
    made_at_ms: int
    gone: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One price that would be set, and the row that it would take the place of."""

    number: int
    new: NewPrice
    old_price: int | None
    is_jump: bool
    verdict: str | None = None
    decided_by: str | None = None
    decided_at_ms: int | None = None


_ADD = """
INSERT INTO proposals (id, book, version, made_by, made_at, gone) VALUES ($1, $2, $3, $4, $5, $6)
"""
_ADD_CHANGE = """
INSERT INTO price_changes (proposal, number, target, old_price, rates, is_jump) VALUES ($1, $2, $3, $4, $5, $6)
"""
_LIST = """
SELECT id, book, version, made_by, made_at, gone FROM proposals WHERE $1 IN ('', id) ORDER BY made_at DESC, id
"""
_CHANGES = """
SELECT number, rates, old_price, is_jump, verdict, decided_by, decided_at FROM price_changes
WHERE proposal = $1 ORDER BY number
"""
_DECIDE = """
UPDATE price_changes SET verdict = $1, decided_by = $2, decided_at = $3, token = $4
WHERE proposal = $5 AND number = $6 AND verdict IS NULL
"""
_IF_DECIDED = "SELECT 1 FROM price_changes WHERE proposal = $18 AND number = $19 AND token = $20"

_read = msgspec.json.Decoder(NewPrice).decode
_texts = msgspec.json.Decoder(tuple[str, ...]).decode


async def add(database: Database, proposal: Proposal, changes: Sequence[ChangeRow]) -> None:
    gone = msgspec.json.encode(proposal.gone).decode()
    head = (proposal.id, proposal.book, proposal.version, proposal.made_by, proposal.made_at_ms)
    statements: list[Statement] = [(_ADD, (*head, gone))]
    for change in changes:
        rates = msgspec.json.encode(change.new).decode()
        row = (change.number, change.new.model, change.old_price, rates, int(change.is_jump))
        statements.append((_ADD_CHANGE, (proposal.id, *row)))
    await database.write(*statements)


async def listed(database: Database, proposal: str = "") -> list[Proposal]:
    """The newest first."""
    rows = await database.read(_LIST, proposal)
    return [
        Proposal(number, book, version, made_by, made_at, _texts(gone))
        for number, book, version, made_by, made_at, gone in rows
    ]


async def changes(database: Database, proposal: str) -> list[ChangeRow]:
    return [
        ChangeRow(number, _read(rates), old_price, bool(is_jump), *decided)
        for number, rates, old_price, is_jump, *decided in await database.read(_CHANGES, proposal)
    ]


def approving(
    proposal: str, number: int, price: NewPrice, by: str, now_ms: int, token: str
) -> tuple[Statement, Statement]:
    """The verdict, and the price if the verdict was this one: of two at once, one."""
    decide = (_DECIDE, ("approved", by, now_ms, token, proposal, number))
    return decide, adding_if(_IF_DECIDED, (proposal, number, token), price, now_ms)


def rejecting(proposal: str, number: int, by: str, now_ms: int) -> Statement:
    return _DECIDE, ("rejected", by, now_ms, None, proposal, number)
