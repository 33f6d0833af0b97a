"""What an owner may spend: a limit, no limit, or nothing granted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tollhouse.domain import periods
from tollhouse.domain.budget import Account, Roll, roll
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.periods import Period
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Database, Statement
from tollhouse.storage import alerts, bindings, budgets
from tollhouse.storage.budgets import Difference
from tollhouse.storage.conversations import MARK

KINDS = ("tenant", "project", "user", "key", "issuer")


@dataclass(frozen=True, slots=True)
class Grant:
    """A budget of so many nano-dollars; `limit=None` is one without a limit."""

    is_granted: bool
    limit: int | None = None
    is_soft: bool = False
    """Whether it only tells, and refuses nothing."""


UNLIMITED = Grant(is_granted=True)
NOTHING = Grant(is_granted=False)


@dataclass(frozen=True, slots=True)
class Start:
    """A period that begins now, or, without one, spending that goes on for ever."""

    period: Period | None
    now_ms: int


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose answers a narrowed budget is for: those of one provider, or of one model."""

    provider: str = ""
    model: str = ""


async def narrow(database: Database, owner: str, scope: Scope) -> str:
    """Open a further account for an owner, if it is not there yet; what it is called."""
    if bool(scope.provider) == bool(scope.model):
        raise FieldInvalid("A budget is narrowed to a provider or to a model.", param="provider")
    await found(database, owner)
    named = bindings.narrowed_owner(owner, provider=scope.provider, model=scope.model)
    if await budgets.account(database, named) is None:
        narrowing = bindings.narrowing(owner, provider=scope.provider, model=scope.model)
        await database.write(*narrowing)
    return named


async def grant(
    database: Database,
    owner: str,
    budget: Grant,
    start: Start | None = None,
    alert_at: Sequence[int] | None = None,
) -> Account:
    """Set what an owner may spend. What it has spent, what is held and its period stay as they are.

    With another period than before, spending begins anew, and what was spent so far becomes a window that is
    over.
    """
    if owner.partition(":")[0] not in KINDS:
        raise FieldInvalid(
            f"A budget belongs to tenant:ID, project:ID, user:ID, key:ID or issuer:NAME, not {owner[:60]!r}.",
            param="owner",
        )
    before = await found(database, owner)
    alerting = [alerts.wanting(owner, alert_at)] if alert_at is not None else []
    await database.write(*granting(before, budget, start), *alerting)
    return await found(database, owner)


def granting(account: Account, budget: Grant, start: Start | None = None) -> list[Statement]:
    """What sets it, to be written together with something else."""
    setting = budgets.limiting(
        account.owner, has_budget=budget.is_granted, limit=budget.limit, is_soft=budget.is_soft
    )
    return [setting, *_starting(account, start)]


def _starting(account: Account, start: Start | None) -> list[Statement]:
    if start is None or start.period == account.period:
        return []
    if start.period is None:
        return [budgets.going_on(account.owner)]
    window = periods.window(start.period, start.now_ms)
    return budgets.starting(account.owner, start.period, window, start.now_ms)


async def found(database: Database, owner: str) -> Account:
    account = await budgets.account(database, owner)
    if account is None:
        raise Conflict(f"there is no account {owner!r}")
    return account


async def listed(database: Database, now_ms: int = 0) -> list[Account]:
    """As the next call would find them; those of single conversations are not among them."""
    accounts = [it for it in await budgets.accounts(database) if MARK not in it.owner]
    for account in accounts:
        roll(account, now_ms)
    return accounts


async def rolls(database: Database, owner: str, limit: int) -> list[Roll]:
    """The windows that are over; the last one first."""
    return await budgets.rolls(database, (await found(database, owner)).owner, limit)


async def verify(database: Database) -> list[Difference]:
    """The balances that the rows of their calls do not add up to: none, if all is well."""
    return await budgets.differences(database)


def left(account: Account) -> int | None:
    """What may still be held; None without a limit or without a budget of its own."""
    if not account.has_budget or account.limit is None:
        return None
    return max(0, account.limit - account.spent - account.held)
