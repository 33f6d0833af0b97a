"""What an owner may spend: a limit, no limit, or nothing granted."""

from __future__ import annotations

from dataclasses import dataclass

from tollhouse.domain.budget import Account
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Database
from tollhouse.storage import budgets
from tollhouse.storage.budgets import Difference

KINDS = ("tenant", "project", "user", "key")


@dataclass(frozen=True, slots=True)
class Grant:
    """A budget of so many nano-dollars; `limit=None` is one without a limit."""

    is_granted: bool
    limit: int | None = None


UNLIMITED = Grant(is_granted=True)
NOTHING = Grant(is_granted=False)


async def grant(database: Database, owner: str, budget: Grant) -> Account:
    """Set what an owner may spend in all. What it has spent and what is held stay as they are."""
    if owner.partition(":")[0] not in KINDS:
        raise FieldInvalid(
            f"A budget belongs to tenant:ID, project:ID, user:ID or key:ID, not {owner[:60]!r}.",
            param="owner",
        )
    setting = budgets.limiting(owner, has_budget=budget.is_granted, limit=budget.limit)
    await database.write(setting)
    return await found(database, owner)


async def found(database: Database, owner: str) -> Account:
    account = await budgets.account(database, owner)
    if account is None:
        raise Conflict(f"there is no account {owner!r}")
    return account


async def listed(database: Database) -> list[Account]:
    return await budgets.accounts(database)


async def verify(database: Database) -> list[Difference]:
    """The balances that the rows of their calls do not add up to: none, if all is well."""
    return await budgets.differences(database)


def left(account: Account) -> int | None:
    """What may still be held; None without a limit or without a budget of its own."""
    if not account.has_budget or account.limit is None:
        return None
    return max(0, account.limit - account.spent - account.held)
