"""The balances that a group of calls moves: read once for all of them, written once.

Calls of one tenant share their accounts, so a group of thirty would update the same four rows
sixty times. The rule that decides sees every call before it in the group.
"""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from tollhouse.domain.budget import Account
from tollhouse.domain.storing import Conflict

_READ = (
    "SELECT id, owner, has_budget, limit_nanos, spent, held FROM accounts WHERE id IN (?, ?, ?, ?)"
)
_WRITE = "UPDATE accounts SET spent = ?, held = ? WHERE id = ?"


Opened = tuple[int, Sequence[int]]
"""What was held for a call, and on which accounts."""


class Books:
    """Belongs to one transaction at a time: `flush` before it commits, `close` when it is over."""

    def __init__(self) -> None:
        self.opened: dict[str, Opened] = {}
        """By the call, from its hold to its settlement, which need not read it back then."""

        self._accounts: dict[int, Account] = {}
        self._moved: set[int] = set()

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

    def flush(self, connection: apsw.Connection) -> None:
        """Write what has moved."""
        for number in self._moved:
            account = self._accounts[number]
            connection.execute(_WRITE, (account.spent, account.held, number))
        self._moved.clear()

    def close(self) -> None:
        """Forget all: others may write next."""
        self._accounts.clear()
        self._moved.clear()

    def _read(self, connection: apsw.Connection, ids: Sequence[int]) -> None:
        for number, owner, has_budget, limit, spent, held in connection.execute(_READ, ids):
            if number not in self._accounts:
                account = Account(number, owner, bool(has_budget), limit, spent, held)
                self._accounts[number] = account
        if any(number not in self._accounts for number in ids):
            raise Conflict("an account of this call is not there")
