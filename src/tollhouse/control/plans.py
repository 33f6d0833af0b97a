"""Plans: a budget under a name, given to users. Each of them has it for itself, and what each spends stays its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from tollhouse.control import budgets
from tollhouse.control.budgets import NOTHING, Grant, Start
from tollhouse.control.keys import Draw, draw
from tollhouse.domain.errors import FieldInvalid, InUse
from tollhouse.domain.periods import Period
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Database, Statement
from tollhouse.storage import plans, tenancy
from tollhouse.storage.plans import Plan
from tollhouse.storage.tenancy import Kind

ID_LENGTH = 12
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Terms:
    """What each user gets: so many nano-dollars, or no limit; in each period, or once."""

    name: str | None = None
    limit: int | None = None
    period: Period | None = None


async def create(
    database: Database, tenant: str, terms: Terms, now_ms: int, draw: Draw = draw
) -> Plan:
    _check(terms)
    if not await tenancy.members(database, Kind.TENANT, tenant):
        raise Conflict(f"there is no tenant {tenant[:60]!r}")
    made = Plan(draw(ID_LENGTH), tenant, terms.name, terms.limit, terms.period, now_ms, now_ms)
    await database.write(plans.adding(made))
    return made


async def listed(database: Database, tenant: str = "") -> list[Plan]:
    return await plans.plans(database, tenant)


async def found(database: Database, plan: str) -> Plan:
    rows = await plans.plans(database, plan=plan) if plan else []
    if not rows:
        raise Conflict(f"there is no plan {plan[:60]!r}")
    return rows[0]


async def change(database: Database, plan: str, terms: Terms, now_ms: int) -> Plan:
    """For all who have it, at once. A period that stays the same goes on."""
    _check(terms)
    changed = replace(
        await found(database, plan),
        name=terms.name,
        limit=terms.limit,
        period=terms.period,
        changed_at_ms=now_ms,
    )
    who = await holders(database, changed)
    await database.write(plans.changing(changed), *await _granting(database, who, changed, now_ms))
    return changed


async def give(
    database: Database, user: str, plan: str | None, now_ms: int, otherwise: Grant = NOTHING
) -> None:
    """Its budget becomes the user's own; without a plan, what is given instead."""
    wanted = await found(database, plan) if plan else None
    if wanted and wanted.tenant != user.partition("/")[0]:
        raise Conflict(f"there is no plan {wanted.id!r} of this tenant")
    granting = await _granting(database, [user], wanted, now_ms, otherwise)
    await database.write(plans.giving(user, plan, now_ms), *granting)


async def delete(database: Database, plan: str) -> None:
    who = await holders(database, await found(database, plan))
    if who:
        raise InUse(f"plan {plan!r} is held by {len(who)} users.")
    try:
        await plans.remove(database, plan)
    except Conflict:
        raise InUse(f"plan {plan!r} was taken into use at this moment.") from None


async def holders(database: Database, plan: Plan) -> list[str]:
    """Who has it."""
    people = await tenancy.members(database, Kind.USER, plan.tenant)
    return [each.id for each in people if each.plan == plan.id]


async def _granting(
    database: Database,
    users: Iterable[str],
    plan: Plan | None,
    now_ms: int,
    otherwise: Grant = NOTHING,
) -> list[Statement]:
    grant = Grant(is_granted=True, limit=plan.limit) if plan else otherwise
    start = Start(plan.period if plan else None, now_ms)
    accounts = {account.owner: account for account in await budgets.listed(database)}
    missing = [user for user in users if f"user:{user}" not in accounts]
    if missing:
        raise Conflict(f"there is no account 'user:{missing[0]}'")
    return [
        statement
        for user in users
        for statement in budgets.granting(accounts[f"user:{user}"], grant, start)
    ]


def _check(terms: Terms) -> None:
    name = terms.name
    if name is not None and not (name.isprintable() and 0 < len(name) <= LONGEST_NAME):
        raise FieldInvalid(
            f"A plan's name has 1 to {LONGEST_NAME} printable characters.", param="name"
        )
