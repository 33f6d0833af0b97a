"""`/budgets`: what each of the users that have one may spend. Here they are called plans."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import msgspec
from msgspec import UNSET, UnsetType

from tollhouse.admin.asking import Answer, Asking
from tollhouse.admin.otari.desk import (
    PAGES,
    Told,
    decimal,
    dollars,
    name_of,
    page,
    refuse,
    tenant,
    told_moment,
)
from tollhouse.admin.otari.desk import accounts as accounts_of
from tollhouse.admin.resource import Resource
from tollhouse.control import budgets, plans
from tollhouse.control.plans import Terms
from tollhouse.domain import amounts, periods
from tollhouse.domain.budget import Account
from tollhouse.domain.errors import NotThere
from tollhouse.domain.periods import Calendar, Period
from tollhouse.domain.roles import Place
from tollhouse.ports import Books
from tollhouse.storage.plans import Plan

ALIGNMENTS = {
    "calendar_day": Calendar.DAY,
    "calendar_week": Calendar.WEEK,
    "calendar_month": Calendar.MONTH,
}
MOST_LOGS = 1000


class Budget(msgspec.Struct, forbid_unknown_fields=True):
    name: str | UnsetType | None = UNSET
    max_budget: float | UnsetType | None = UNSET
    budget_duration_sec: int | UnsetType | None = UNSET
    reset_alignment: str | UnsetType | None = UNSET
    request_limit: int | None = None
    token_limit: int | None = None


def rows() -> Iterator[Resource]:
    yield Resource(
        name="otari_budgets_list",
        method="GET",
        path="/budgets",
        serve=_listed,
        summary="Budgets, and what those who have them spent.",
        operations=("plans.list",),
        query=PAGES,
    )
    yield Resource(
        name="otari_budgets_create",
        method="POST",
        path="/budgets",
        serve=_create,
        summary="A budget is made.",
        operations=("plans.create",),
        body=Budget,
    )
    yield Resource(
        name="otari_budgets_show",
        method="GET",
        path="/budgets/{id}",
        serve=_show,
        summary="One budget.",
        operations=("plans.list",),
    )
    yield Resource(
        name="otari_budgets_update",
        method="PATCH",
        path="/budgets/{id}",
        serve=_update,
        summary="A budget is changed, for all who have it.",
        operations=("plans.change",),
        body=Budget,
    )
    yield Resource(
        name="otari_budgets_delete",
        method="DELETE",
        path="/budgets/{id}",
        serve=_delete,
        summary="A budget that nobody has is deleted.",
        operations=("plans.delete",),
    )
    yield Resource(
        name="otari_budgets_logs",
        method="GET",
        path="/budgets/{id}/reset-logs",
        serve=_logs,
        summary="The windows that are over, of those who have it.",
        operations=("plans.list",),
        query=PAGES,
    )


async def _listed(asking: Asking) -> Answer:
    found = await plans.listed(asking.store, tenant(asking))
    seen = asking.seen("plans.list", found, lambda row: Place(row.tenant))
    accounts = await accounts_of(asking)
    return Answer([await _told(asking, row, accounts) for row in page(asking, seen)])


async def _show(asking: Asking) -> Answer:
    return await _answer(asking, await _plan(asking))


async def _create(asking: Asking) -> Answer:
    terms = _terms(asking.read(Budget), Terms())

    async def work(store: Books) -> Plan:
        return await plans.create(store, tenant(asking), terms, asking.now_ms)

    made = await asking.change("plans.create", {"tenant": tenant(asking)}, work)
    return await _answer(asking, made)


async def _update(asking: Asking) -> Answer:
    before = await _plan(asking)
    terms = _terms(asking.read(Budget), Terms(before.name, before.limit, before.period))

    async def work(store: Books) -> Plan:
        return await plans.change(store, before.id, terms, asking.now_ms)

    return await _answer(asking, await asking.change("plans.change", {"plan": before.id}, work))


async def _delete(asking: Asking) -> Answer:
    plan = await _plan(asking)

    async def work(store: Books) -> None:
        await plans.delete(store, plan.id)

    await asking.change("plans.delete", {"plan": plan.id}, work)
    return Answer(None, status=204)


async def _logs(asking: Asking) -> Answer:
    plan = await _plan(asking)
    told = [
        {
            "budget_id": plan.id,
            "user_id": name_of(user),
            "previous_spend": dollars(roll.spent),
            "reset_at": told_moment(roll.rolled_at),
            "next_reset_at": _next(plan.period, roll.rolled_at),
        }
        for user in await plans.holders(asking.store, plan)
        for roll in await budgets.rolls(asking.store, f"user:{user}", MOST_LOGS)
    ]
    told.sort(key=lambda line: str(line["reset_at"]), reverse=True)
    numbered = [{"id": number, **line} for number, line in enumerate(told, start=1)]
    return Answer(list(page(asking, numbered)))


def _next(period: Period | None, rolled_at: int) -> str | None:
    return told_moment(periods.window(period, rolled_at).end) if period else None


def _terms(wish: Budget, before: Terms) -> Terms:
    if wish.request_limit is not None or wish.token_limit is not None:
        name = "token_limit" if wish.request_limit is None else "request_limit"
        raise refuse(name, "is no part of a budget here: `tollhouse limits set` bounds that.")
    terms = before
    if not isinstance(wish.name, UnsetType):
        terms = replace(terms, name=wish.name)
    if not isinstance(wish.max_budget, UnsetType):
        terms = replace(terms, limit=_limit(wish.max_budget))
    return replace(terms, period=_period(wish, before.period))


def _limit(dollars: float | None) -> int | None:
    return None if dollars is None else amounts.nanos(decimal(dollars), "max_budget")


def _period(wish: Budget, before: Period | None) -> Period | None:
    """One of the two, and what names one ends the other."""
    duration, alignment = wish.budget_duration_sec, wish.reset_alignment
    if duration and alignment:
        raise refuse("reset_alignment", "and `budget_duration_sec` exclude each other.")
    if isinstance(alignment, str):
        if alignment not in ALIGNMENTS:
            raise refuse("reset_alignment", f"is one of {', '.join(ALIGNMENTS)}.")
        return Period(ALIGNMENTS[alignment])
    if isinstance(duration, int):
        if not 0 < duration <= periods.LONGEST_S:
            raise refuse("budget_duration_sec", "is a number of seconds, of up to ten years.")
        return Period(duration)
    if duration is UNSET and alignment is UNSET:
        return before
    is_calendar = before is not None and isinstance(before.every, Calendar)
    is_ended = alignment is None if is_calendar else duration is None
    return None if is_ended else before


async def _plan(asking: Asking) -> Plan:
    await asking.judge("plans.list", f"plan:{asking.id}")
    plan = await plans.found(asking.store, asking.id)
    if plan.tenant != tenant(asking):
        raise NotThere
    return plan


async def _answer(asking: Asking, plan: Plan) -> Answer:
    return Answer(await _told(asking, plan, await accounts_of(asking)))


async def _told(asking: Asking, plan: Plan, accounts: dict[str, Account]) -> Told:
    who = await plans.holders(asking.store, plan)
    theirs = [accounts[f"user:{user}"] for user in who]
    every = plan.period.every if plan.period else None
    words = {calendar: word for word, calendar in ALIGNMENTS.items()}
    return {
        "budget_id": plan.id,
        "name": plan.name,
        "max_budget": None if plan.limit is None else dollars(plan.limit),
        "budget_duration_sec": None if isinstance(every, Calendar) else every,
        "reset_alignment": words[every] if isinstance(every, Calendar) else None,
        "request_limit": None,
        "token_limit": None,
        "organization_id": None,
        "created_at": told_moment(plan.created_at_ms),
        "updated_at": told_moment(plan.changed_at_ms),
        "user_count": len(who),
        "total_spend": dollars(sum(account.spent for account in theirs)),
        "total_reserved": dollars(sum(account.held for account in theirs)),
    }
