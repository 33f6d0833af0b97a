"""Holding for a call and settling it, as SQLite does it: within a transaction of the writer."""

from __future__ import annotations

from collections.abc import Sequence

import apsw
import msgspec

from tollhouse.domain import budget
from tollhouse.domain.budget import Hold, Outcome, Settlement, Share
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Statement, Value
from tollhouse.storage.sqlite_books import Books, Opened, Torn
from tollhouse.storage.sqlite_rows import changed, close_calls, open_calls

_SHARE = "INSERT INTO shares (call, account, target) VALUES (?, ?, ?)"
_SHARES = "SELECT account, target FROM shares WHERE call = ?"
_SPEND_SHARE = "UPDATE shares SET owed = ? WHERE call = ? AND account = ?"
_LEAVE_OPEN = """
UPDATE calls SET state = 'unknown', outcome = 'unknown', target = ?, price = ?, anomaly = ?
WHERE id = ? AND state = 'held'
"""
_OPENED = """
SELECT held, tenant_account, project_account, user_account, key_account FROM calls WHERE id = ?
"""
_ATTEMPT = """
INSERT INTO attempts (call, number, target, outcome, status)
VALUES (?1, (SELECT COUNT(*) FROM attempts WHERE call = ?1), ?2, ?3, ?4)
"""


def hold(connection: apsw.Connection, books: Books, wanted: Hold) -> None:
    """Raises BudgetExhausted, and Conflict if the call is known."""
    amount, accounts = wanted.amount, wanted.accounts
    if wanted.shares:
        _hold_shares(connection, books, wanted)
    elif amount > 0:
        _check(connection, books, wanted, accounts)
    row = (
        *(wanted.call, wanted.request_id, wanted.owner),
        *(wanted.tenant, wanted.project, wanted.user, wanted.key, *accounts),
        *(wanted.route, wanted.model, amount, wanted.created_at_ms, wanted.end_user),
    )
    if books.gathers and not wanted.shares:
        books.opening.append(row)
    else:
        open_calls(connection, (row,))
    books.opened[wanted.call] = amount, accounts, wanted.shares
    if amount > 0:
        books.move(connection, accounts, held=amount, spent=0)


def hold_with(
    connection: apsw.Connection, books: Books, wanted: Hold, beside: Sequence[Statement]
) -> None:
    """Together with statements that concern no account. Raises Torn if one of them is refused."""
    hold(connection, books, wanted)
    try:
        for sql, values in beside:
            connection.execute(sql, values)
    except apsw.ConstraintError as error:
        books.opened.pop(wanted.call, None)
        raise Torn(Conflict(str(error))) from error


def settle(connection: apsw.Connection, books: Books, settlement: Settlement) -> bool:
    """Whether it is new."""
    opened = books.opened.pop(settlement.call, None)
    is_plain = settlement.outcome is not Outcome.UNKNOWN and not settlement.attempts
    if books.gathers and is_plain and opened is not None and not opened[2]:
        books.closing.append(_row(settlement))
        _spend(connection, books, settlement, opened)
        return True
    books.write_calls(connection)  # this one may have been opened just now
    if settlement.outcome is Outcome.UNKNOWN:
        values = (settlement.target, settlement.price, settlement.anomaly, settlement.call)
        is_new = changed(connection, _LEAVE_OPEN, values) == 1
    else:
        is_new = _close(connection, books, settlement, opened)
    if is_new:
        for attempt in settlement.attempts:
            row = (settlement.call, attempt.target, attempt.outcome, attempt.status)
            connection.execute(_ATTEMPT, row)
    return is_new


def _check(
    connection: apsw.Connection, books: Books, wanted: Hold, payers: tuple[int, ...]
) -> None:
    accounts = books.accounts(connection, payers)
    if books.has_periods:
        books.roll(connection, payers, wanted.created_at_ms)
    budget.check(accounts, wanted.amount, wanted.created_at_ms)


def _hold_shares(connection: apsw.Connection, books: Books, wanted: Hold) -> None:
    further = tuple([share.account for share in wanted.shares])
    if wanted.amount > 0:
        _check(connection, books, wanted, (*wanted.accounts, *further))
        books.move(connection, further, held=wanted.amount, spent=0)
    for share in wanted.shares:
        connection.execute(_SHARE, (wanted.call, share.account, share.target))


def _row(settlement: Settlement) -> tuple[Value, ...]:
    usage = settlement.usage
    kinds = None if usage.kinds is None else msgspec.json.encode(usage.kinds).decode()
    return (
        *(settlement.settled_at_ms, settlement.outcome, settlement.owed),
        *(usage.input, usage.output, usage.cache_read, usage.cache_write),
        *(usage.images, usage.seconds, usage.characters, kinds, settlement.source),
        *(settlement.target, settlement.price, settlement.anomaly, settlement.call),
    )


def _close(
    connection: apsw.Connection, books: Books, settlement: Settlement, opened: Opened | None
) -> bool:
    if not close_calls(connection, (_row(settlement),)):
        return False
    opened = opened or _opened(connection, settlement.call)
    _spend(connection, books, settlement, opened)
    held, _, shares = opened
    for share in shares:
        owed = settlement.owed if share.is_spent_by(settlement.target) else 0
        books.move(connection, (share.account,), held=-held, spent=owed)
        connection.execute(_SPEND_SHARE, (owed, settlement.call, share.account))
    return True


def _spend(
    connection: apsw.Connection, books: Books, settlement: Settlement, opened: Opened
) -> None:
    held, accounts, _ = opened
    if (held or settlement.owed) and accounts[0] > 0:
        books.move(connection, accounts, held=-held, spent=settlement.owed)


def _opened(connection: apsw.Connection, call: str) -> Opened:
    """Of a call that another process opened."""
    held, *accounts = connection.execute(_OPENED, (call,)).get
    return held, accounts, [Share(*row) for row in connection.execute(_SHARES, (call,))]
