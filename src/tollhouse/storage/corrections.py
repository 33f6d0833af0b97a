"""Calls that are priced anew: what they were billed before stays readable, and every balance still adds up.

A correction is spent where its call was: in the window that the account was in when the call was settled, which may
be over. Whoever changes what is settled waits for its turn, and those who fold it into its days do too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from tollhouse.domain.budget import Share
from tollhouse.domain.pricing import Kinds, Usage
from tollhouse.domain.reports import EVER_MS
from tollhouse.ports import Database, Row, Statement, Value

_kinds = msgspec.json.Decoder(Kinds).decode

TURN: Statement = ("UPDATE control SET value = value + 1 WHERE name = 'corrections'", ())
"""Until the transaction ends, nobody else changes or folds what is settled."""

_PAGE = """
SELECT c.id, c.tenant, c.owed, c.price, c.source, c.anomaly, c.created_at, c.settled_at,
    c.tenant_account, c.project_account, c.user_account, c.key_account,
    c.input, c.output, c.cache_read, c.cache_write, c.images, c.seconds, c.characters, c.kinds,
    CASE WHEN EXISTS (SELECT 1 FROM batches AS b WHERE b.call = c.id) THEN 1 ELSE 0 END
FROM calls AS c
WHERE c.state = 'settled' AND c.target = $1 AND $2 IN ('', c.tenant) AND c.created_at >= $3 AND c.created_at < $4
    AND (CAST($5 AS BIGINT) = 0 OR c.price IS NULL) AND c.id > $6
ORDER BY c.id LIMIT $7
"""
_SHARES = "SELECT call, account, target FROM shares WHERE call IN ({})"
_ROLLS = """
SELECT account, rolled_at, started_at, ended_at FROM rolls WHERE account IN ({}) ORDER BY rolled_at, ended_at
"""
_OWNERS = "SELECT id, owner FROM accounts WHERE id IN ({})"
_CORRECTED = "SELECT DISTINCT call FROM corrections"
_OF_REPRICING = """
SELECT COUNT(*), CAST(COALESCE(SUM(was), 0) AS BIGINT), CAST(COALESCE(SUM(owed), 0) AS BIGINT)
FROM corrections WHERE repricing = $1
"""
_LIST = """
SELECT call, number, repricing, was, owed, old_price, price, made_by, made_at FROM corrections
WHERE $1 IN ('', call) AND $2 IN ('', repricing) ORDER BY made_at DESC, call, number DESC LIMIT $3
"""

# Of a call that is not as it was read, NULL is written, which refuses the whole.
_CORRECT = """
INSERT INTO corrections (call, number, repricing, was, owed, old_price, price, made_by, made_at)
VALUES ($1, (SELECT COUNT(*) FROM corrections WHERE call = $2), $3,
    (SELECT owed FROM calls WHERE id = $4 AND state = 'settled' AND owed = $5 AND COALESCE(price, 0) = $6),
    $7, $8, $9, $10, $11)
"""
_CALL = "UPDATE calls SET owed = $1, price = $2 WHERE id = $3"
_SHARE = "UPDATE shares SET owed = $1 WHERE call = $2 AND account = $3"
_SPEND = "UPDATE accounts SET spent = spent + $1 WHERE id = $2"
_SPEND_THEN = """
UPDATE rolls SET spent = spent + $1 WHERE account = $2 AND rolled_at = $3 AND started_at = $4 AND ended_at = $5
"""

# The account is locked by now. A window of it that ended since it was read refuses the whole.
_NO_OTHER_ROLL = """
UPDATE accounts SET owner = NULL WHERE id = $1 AND (SELECT COUNT(*) FROM rolls WHERE account = $2) <> $3
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which settled calls are meant: those that one target answered."""

    target: str
    tenant: str = ""
    since_ms: int = 0
    until_ms: int = EVER_MS
    is_unpriced: bool = False
    """Only those that were billed without a price."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A call as it was settled, and every account that it was spent on."""

    call: str
    tenant: str
    owed: int
    price: int | None
    source: str
    anomaly: str | None
    created_at_ms: int
    settled_at_ms: int
    usage: Usage
    is_batch: bool
    accounts: tuple[int, ...]
    shares: tuple[int, ...]
    """Further accounts that it was spent on."""


@dataclass(frozen=True, slots=True)
class Correction:
    of: Settled
    owed: int
    price: int

    @property
    def difference(self) -> int:
        return self.owed - self.of.owed


@dataclass(frozen=True, slots=True)
class Repricing:
    """By whom, and when."""

    id: str
    made_by: str
    made_at_ms: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What one call was billed before, and from then on."""

    call: str
    number: int
    """From 0 on, if it was priced anew more than once."""

    repricing: str
    was: int
    owed: int
    old_price: int | None
    price: int
    made_by: str
    made_at_ms: int


Window = tuple[int, int, int]
"""When it was rolled, began and ended."""


async def page(database: Database, wanted: Wanted, after: str, limit: int) -> list[Settled]:
    """In the order of their ids, behind one."""
    named = (wanted.target, wanted.tenant, wanted.since_ms, wanted.until_ms)
    rows = await database.read(_PAGE, *named, int(wanted.is_unpriced), after, limit)
    shares: dict[str, list[tuple[int, str]]] = {}
    if rows:
        calls = [row[0] for row in rows]
        for call, account, target in await database.read(_SHARES.format(_places(calls)), *calls):
            shares.setdefault(call, []).append((account, target))
    return [_settled(row, shares.get(row[0], ()), wanted.target) for row in rows]


async def correct(database: Database, made: Repricing, corrections: Sequence[Correction]) -> None:
    """All of them, or none. Raises Conflict when a call, or a window, is not as it was a moment ago."""
    spent: dict[int, list[Correction]] = {}
    for each in corrections:
        for account in (*each.of.accounts, *each.of.shares):
            spent.setdefault(account, []).append(each)
    windows = await _windows(database, sorted(spent))
    await database.write(
        TURN,
        *[statement for each in corrections for statement in _rows(made, each)],
        *[
            statement
            for account in sorted(spent)
            for statement in _spending(account, spent[account], windows.get(account, []))
        ],
    )


async def owners(database: Database, accounts: Sequence[int]) -> Mapping[int, str]:
    if not accounts:
        return {}
    rows = await database.read(_OWNERS.format(_places(accounts)), *accounts)
    return {int(number): str(owner) for number, owner in rows}


async def corrected(database: Database) -> set[str]:
    """Calls that bear another amount than they were settled at."""
    return {call for (call,) in await database.read(_CORRECTED)}


async def repricing(database: Database, name: str) -> Mapping[str, Value]:
    """What it came to."""
    ((calls, was, owed),) = await database.read(_OF_REPRICING, name)
    return {"calls": calls, "was": was, "owed": owed}


async def kept(database: Database, call: str, repricing: str, limit: int) -> list[Kept]:
    """The newest first."""
    return [Kept(*row) for row in await database.read(_LIST, call, repricing, limit)]


def _settled(row: Row, shares: Sequence[tuple[int, str]], target: str) -> Settled:
    call, tenant, owed, price, source, anomaly, created_at, settled_at, *rest = row
    accounts, used, kinds = rest[:4], rest[4:11], rest[11]
    spent = [account for account, whose in shares if Share(account, whose).is_spent_by(target)]
    first, out, read, written, images, seconds, characters = [count or 0 for count in used]
    usage = Usage(
        *(first, out, read, written, images, seconds, characters),
        kinds=_kinds(kinds) if kinds else None,
    )
    return Settled(
        *(call, tenant, owed, price, source, anomaly, created_at, settled_at, usage),
        is_batch=bool(rest[12]),
        accounts=tuple([account for account in accounts if account > 0]),
        shares=tuple(spent),
    )


async def _windows(database: Database, accounts: Sequence[int]) -> Mapping[int, list[Window]]:
    """Those that are over; the first one first."""
    found: dict[int, list[Window]] = {}
    if accounts:
        for account, *window in await database.read(_ROLLS.format(_places(accounts)), *accounts):
            rolled_at, started_at, ended_at = window
            found.setdefault(account, []).append((rolled_at, started_at, ended_at))
    return found


def _rows(made: Repricing, each: Correction) -> Iterator[Statement]:
    call, was = each.of.call, each.of
    yield (
        _CORRECT,
        (
            *(call, call, made.id, call, was.owed, was.price or 0),
            *(each.owed, was.price, each.price, made.made_by, made.made_at_ms),
        ),
    )
    yield _CALL, (each.owed, each.price, call)
    for account in was.shares:
        yield _SHARE, (each.owed, call, account)


def _spending(
    account: int, corrections: Sequence[Correction], windows: Sequence[Window]
) -> Iterator[Statement]:
    """In the window that runs, which locks the account; then in those that are over."""
    by_window: dict[Window | None, int] = {None: 0}
    for each in corrections:
        window = next((it for it in windows if it[0] > each.of.settled_at_ms), None)
        by_window[window] = by_window.get(window, 0) + each.difference
    yield _SPEND, (by_window.pop(None), account)
    yield _NO_OTHER_ROLL, (account, account, len(windows))
    for over, difference in by_window.items():
        if over is not None:
            yield _SPEND_THEN, (difference, account, *over)


def _places(names: Sequence[object]) -> str:
    return ", ".join([f"${number}" for number in range(1, len(names) + 1)])
