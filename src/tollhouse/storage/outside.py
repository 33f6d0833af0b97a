"""Usage from outside as it is written down: settled calls, and which events they were made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from tollhouse.domain.budget import Source
from tollhouse.domain.outside import ROUTE, Event
from tollhouse.ports import Database, Statement, Value

AT_ONCE = 500
"""How many names one question asks for."""


def _account(place: int) -> str:
    """Negative, where nothing is spent on it. One that is not there refuses the whole."""
    return f"CAST(${place} AS BIGINT) * (SELECT id FROM accounts WHERE owner = ${place + 1})"  # noqa: S608 - places only


_KNOWN = (
    "SELECT event, said FROM outside_events WHERE tenant = $1 AND source = $2 AND event IN ({})"
)
_ACCOUNTS = "SELECT owner, id FROM accounts WHERE owner IN ({})"
_OPEN = "INSERT INTO accounts (owner) VALUES ($1) ON CONFLICT (owner) DO NOTHING"
_EVENT = """
INSERT INTO outside_events (tenant, source, event, said, call, import) VALUES ($1, $2, $3, $4, $5, $6)
"""
_CALL = f"""
INSERT INTO calls (id, request_id, owner, tenant, project, user_id, key_id,
    tenant_account, project_account, user_account, key_account,
    route, model, held, state, created_at, settled_at, outcome, owed,
    input, output, cache_read, cache_write, images, seconds, characters, kinds, source, target, price)
VALUES ($1, $2, '{ROUTE}', $3, $4, $5, $6, {_account(7)}, {_account(9)}, {_account(11)}, {_account(13)},
    '{ROUTE}', $15, 0, 'settled', $16, $17, $18, $19,
    $20, $21, $22, $23, $24, $25, $26, $27, '{Source.OUTSIDE}', $28, $29)
"""  # noqa: S608 - our own words
_SHARE = """
INSERT INTO shares (call, account, target, owed) VALUES ($1, (SELECT id FROM accounts WHERE owner = $2), '', $3)
"""
_SPEND = "UPDATE accounts SET spent = spent + $1 WHERE owner = $2"

# Without all accounts that were just spent on, a NULL refuses the whole: one was deleted at this moment.
_IMPORT = """
INSERT INTO outside_imports (id, tenant, source, made_by, made_at, events, owed)
VALUES ($1, $2, $3, $4, $5, $6,
    CASE WHEN (SELECT COUNT(*) FROM accounts WHERE owner IN ({})) = {} THEN CAST({} AS BIGINT) END)
"""
_ONE = "SELECT tenant, source, made_by, events, owed FROM outside_imports WHERE id = $1"


@dataclass(frozen=True, slots=True)
class Whose:
    """Who pays for an event: the tenant beside these three, and the key or what stands in its place."""

    project: str
    user: str
    key: str
    account: str
    """The owner of the fourth account."""

    is_exempt: bool = False

    @property
    def owners(self) -> tuple[str, str, str, str]:
        tenant = self.project.partition("/")[0]
        return f"tenant:{tenant}", f"project:{self.project}", f"user:{self.user}", self.account


@dataclass(frozen=True, slots=True)
class Counted:
    """An event with whose it is and what is owed for it."""

    call: str
    event: Event
    said: str
    whose: Whose
    further: tuple[str, ...]
    """Owners of accounts beside the four."""

    owed: int
    price: int | None

    @property
    def spent_on(self) -> tuple[str, ...]:
        return () if self.whose.is_exempt else (*self.whose.owners, *self.further)


@dataclass(frozen=True, slots=True)
class Import:
    """Events that were counted together, by whom and when."""

    id: str
    tenant: str
    source: str
    made_by: str
    made_at_ms: int


async def known(
    database: Database, tenant: str, source: str, events: Sequence[str]
) -> dict[str, str]:
    """Of these, what those said that were counted before."""
    found: dict[str, str] = {}
    for some in _some(events):
        sql = _KNOWN.format(_places(len(some), 3))
        rows = await database.read(sql, tenant, source, *some)
        found |= {str(event): str(said) for event, said in rows}
    return found


async def add(database: Database, made: Import, rows: Sequence[Counted]) -> None:
    """All of them, or none. Raises Conflict when one of them was counted, or an account deleted, at this moment."""
    spent = spending(rows)
    owners = await _in_order(database, sorted(spent))
    statements: list[Statement] = [(_OPEN, (it,)) for it in owners if it.startswith("outside:")]
    statements += [statement for row in rows for statement in _rows(made, row)]
    statements += [(_SPEND, (spent[owner], owner)) for owner in owners]
    await database.write(*statements, _importing(made, rows, owners))


def spending(rows: Sequence[Counted]) -> dict[str, int]:
    """What comes to which account, by its owner."""
    spent: dict[str, int] = {}
    for row in rows:
        for owner in row.spent_on:
            spent[owner] = spent.get(owner, 0) + row.owed
    return spent


async def imported(database: Database, name: str) -> Mapping[str, Value] | None:
    """What an import came to."""
    rows = await database.read(_ONE, name)
    return (
        dict(zip(("tenant", "source", "made_by", "events", "owed"), rows[0], strict=True))
        if rows
        else None
    )


async def _in_order(database: Database, owners: Sequence[str]) -> list[str]:
    """By the ids of their accounts, as every ledger locks them. One that is to be opened comes last."""
    found: dict[str, int] = {}
    for some in _some(owners):
        rows = await database.read(_ACCOUNTS.format(_places(len(some), 1)), *some)
        found |= {str(owner): int(number) for owner, number in rows}
    return sorted(owners, key=lambda owner: (owner not in found, found.get(owner)))


def _rows(made: Import, row: Counted) -> Iterator[Statement]:
    event, usage, whose = row.event, row.event.usage, row.whose
    yield _EVENT, (made.tenant, made.source, event.id, row.said, row.call, made.id)
    kinds = None if usage.kinds is None else msgspec.json.encode(usage.kinds).decode()
    sign = -1 if whose.is_exempt else 1
    values = (
        *(row.call, f"{made.source}:{event.id}", made.tenant, whose.project, whose.user, whose.key),
        *[each for owner in whose.owners for each in (sign, owner)],
        *(event.target, event.at_ms, made.made_at_ms, event.outcome.value, row.owed),
        *(usage.input, usage.output, usage.cache_read, usage.cache_write),
        *(usage.images, usage.seconds, usage.characters, kinds, event.target, row.price),
    )
    yield _CALL, values
    for owner in row.further:
        yield _SHARE, (row.call, owner, row.owed)


def _importing(made: Import, rows: Sequence[Counted], owners: Sequence[str]) -> Statement:
    owed = sum(row.owed for row in rows)
    head = (made.id, made.tenant, made.source, made.made_by, made.made_at_ms, len(rows))
    asked = owners or ("",)
    last = len(head) + len(asked) + 1
    sql = _IMPORT.format(_places(len(asked), 7), f"${last}", f"${last + 1}")
    return sql, (*head, *asked, len(owners), owed)


def _some(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), AT_ONCE):
        yield names[start : start + AT_ONCE]


def _places(count: int, first: int) -> str:
    return ", ".join([f"${number}" for number in range(first, first + count)])
