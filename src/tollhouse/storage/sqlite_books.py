"""What a group of calls writes: balances read once for all of them and written once, and their rows.

Calls of one tenant share their accounts, so a group of thirty would update the same four rows
sixty times. The rule that decides sees every call before it in the group.
"""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from tollhouse.domain import budget, periods
from tollhouse.domain.budget import Account, Roll, Share
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Value
from tollhouse.storage.sqlite_rows import Row, close_calls, move_accounts, open_calls

FOUR = 4

_READ = """
SELECT id, owner, has_budget, limit_nanos, spent, held, is_soft, period, zone, period_start, period_end
FROM accounts WHERE id IN (?, ?, ?, ?)
"""
_ROLLED = """
INSERT INTO rolls (account, spent, started_at, ended_at, rolled_at) VALUES (?, ?, ?, ?, ?)
"""
_START = "UPDATE accounts SET spent = ?, held = ?, period_start = ?, period_end = ? WHERE id = ?"


Opened = tuple[int, Sequence[int], Sequence[Share]]
"""What was held for a call, on which four accounts, and on which beside them."""


class Torn(Exception):
    """Something has changed that an error concerns: only the whole transaction can be undone."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class Books:
    """Belongs to one transaction at a time: `flush` before it commits, `close` when it is over."""

    def __init__(self) -> None:
        self.gathers = False
        """Whether rows wait for `flush`, in the belief that calls are opened and closed once each."""

        self.opening: list[Row] = []
        self.closing: list[Row] = []
        self.opened: dict[Value, Opened] = {}
        """By the call, from its hold to its settlement, which need not read it back then."""

        self._accounts: dict[int, Account] = {}
        self._moved: set[int] = set()
        self._rolls: list[Roll] = []
        self.has_periods = False
        """Whether a window of those that were read may end."""

    def accounts(self, connection: apsw.Connection, ids: Sequence[int]) -> list[Account]:
        """As they stand after all calls before. Raises Conflict when one is not there."""
        accounts = self._accounts
        try:
            return [accounts[number] for number in ids]
        except KeyError:
            self._read(connection, ids)
            return [accounts[number] for number in ids]

    def move(
        self, connection: apsw.Connection, ids: Sequence[int], *, held: int, spent: int
    ) -> None:
        for account in self.accounts(connection, ids):
            account.held += held
            account.spent += spent
        self._moved.update(ids)

    def roll(self, connection: apsw.Connection, ids: Sequence[int], now_ms: int) -> None:
        """Start anew each whose window is over."""
        for account in self.accounts(connection, ids):
            if (over := budget.roll(account, now_ms)) is not None:
                self._rolls.append(over)

    def flush(self, connection: apsw.Connection) -> None:
        """Write what has moved. Raises Torn if the belief was wrong."""
        self.write_calls(connection)
        if self._rolls:
            self._write_rolls(connection)
        accounts = [self._accounts[number] for number in self._moved]
        move_accounts(connection, [(each.spent, each.held, each.id) for each in accounts])
        self._moved.clear()

    def close(self) -> None:
        """Forget all: others may write next."""
        self.opening.clear()
        self.closing.clear()
        self._accounts.clear()
        self._moved.clear()
        self._rolls.clear()
        self.has_periods = False

    def write_calls(self, connection: apsw.Connection) -> None:
        """Write the rows that wait: a call is opened before it is closed. Raises Torn."""
        opening, closing = self.opening, self.closing
        try:
            if opening:
                open_calls(connection, opening)
        except apsw.ConstraintError as error:
            for call, *_ in opening:
                self.opened.pop(call, None)  # each is tried alone next
            raise Torn(error) from error
        if closing and close_calls(connection, closing) != len(closing):
            raise Torn(Conflict("a call was closed by somebody else"))
        opening.clear()
        closing.clear()

    def _write_rolls(self, connection: apsw.Connection) -> None:
        for over in self._rolls:
            values = (over.account, over.spent, over.started_at, over.ended_at, over.rolled_at)
            connection.execute(_ROLLED, values)
            at = self._accounts[over.account]
            connection.execute(_START, (at.spent, at.held, at.started_at, at.ends_at, at.id))
        self._rolls.clear()

    def _read(self, connection: apsw.Connection, ids: Sequence[int]) -> None:
        if len(ids) > FOUR:
            self._read(connection, ids[FOUR:])
            ids = ids[:FOUR]
        elif len(ids) < FOUR:
            ids = (*ids, *[ids[0]] * (FOUR - len(ids)))
        for number, owner, has_budget, limit, spent, held, *rest in connection.execute(_READ, ids):
            if number not in self._accounts:
                account = Account(number, owner, bool(has_budget), limit, spent, held)
                if any(rest):
                    self._bound(account, *rest)
                self._accounts[number] = account
        if any(number not in self._accounts for number in ids):
            raise Conflict("an account of this call is not there")

    def _bound(
        self, account: Account, is_soft: int, every: str | None, zone: str, start: int, end: int
    ) -> None:
        account.is_soft = bool(is_soft)
        account.period = periods.stored(every, zone)
        account.started_at, account.ends_at = start, end
        self.has_periods |= every is not None
