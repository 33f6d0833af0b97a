"""Budgets with a name, given to users, to each its own."""

from __future__ import annotations

import pytest

from stores import DAY_MS, NOW, Store, acme_key
from tollhouse.control import budgets, plans, tenancy
from tollhouse.control.budgets import UNLIMITED
from tollhouse.control.plans import Terms
from tollhouse.domain.budget import Account
from tollhouse.domain.errors import FieldInvalid, InUse
from tollhouse.domain.periods import Calendar, Period
from tollhouse.domain.storing import Conflict

DAILY = Terms("small", 5_000, Period(Calendar.DAY))

pytestmark = pytest.mark.req("OT-35", "OT-40")


async def people(store: Store, *names: str) -> list[str]:
    await acme_key(store)
    return [await tenancy.create_user(store, "acme", name, NOW) for name in names]


async def account(store: Store, user: str, now_ms: int = NOW) -> Account:
    found = await budgets.listed(store, now_ms)
    return next(each for each in found if each.owner == f"user:{user}")


async def test_each_user_of_a_plan_has_its_budget_alone(store: Store) -> None:
    users = await people(store, "anna", "bert")
    plan = await plans.create(store, "acme", DAILY, NOW)

    for user in users:
        await plans.give(store, user, plan.id, NOW)

    for user in users:
        own = await account(store, user)
        assert (own.has_budget, own.limit, own.period) == (True, 5_000, Period(Calendar.DAY))
    assert await plans.holders(store, plan) == users


async def test_a_change_is_one_for_all_and_a_period_that_stays_goes_on(store: Store) -> None:
    users = await people(store, "anna", "bert")
    plan = await plans.create(store, "acme", DAILY, NOW)
    for user in users:
        await plans.give(store, user, plan.id, NOW)

    await plans.change(store, plan.id, Terms("small", None, DAILY.period), NOW + DAY_MS // 2)

    for user in users:
        own = await account(store, user)
        assert (own.limit, own.started_at) == (None, NOW - NOW % DAY_MS)


async def test_without_a_plan_there_is_what_is_given_instead(store: Store) -> None:
    (anna,) = await people(store, "anna")
    plan = await plans.create(store, "acme", DAILY, NOW)
    await plans.give(store, anna, plan.id, NOW)

    await plans.give(store, anna, None, NOW)
    nothing = await account(store, anna)
    await plans.give(store, anna, None, NOW, UNLIMITED)
    unlimited = await account(store, anna)

    assert (nothing.has_budget, nothing.period) == (False, None)
    assert (unlimited.has_budget, unlimited.limit) == (True, None)
    assert await plans.holders(store, plan) == []


async def test_a_plan_that_somebody_has_is_not_deleted(store: Store) -> None:
    (anna,) = await people(store, "anna")
    plan = await plans.create(store, "acme", DAILY, NOW)
    await plans.give(store, anna, plan.id, NOW)

    with pytest.raises(InUse):
        await plans.delete(store, plan.id)
    await plans.give(store, anna, None, NOW)
    await plans.delete(store, plan.id)

    assert await plans.listed(store, "acme") == []


async def test_a_plan_belongs_to_its_tenant(store: Store) -> None:
    await people(store, "anna")
    await tenancy.create_tenant(store, "bolt", NOW)
    carl = await tenancy.create_user(store, "bolt", "carl", NOW)
    plan = await plans.create(store, "acme", DAILY, NOW)

    with pytest.raises(Conflict):
        await plans.give(store, carl, plan.id, NOW)
    with pytest.raises(Conflict):
        await plans.give(store, "acme/nobody", plan.id, NOW)
    with pytest.raises(Conflict):
        await plans.create(store, "nowhere", DAILY, NOW)
    assert [each.id for each in await plans.listed(store, "bolt")] == []


@pytest.mark.parametrize("name", ["", "x" * 101, "a\nb"])
async def test_a_plans_name_can_be_shown(store: Store, name: str) -> None:
    await people(store)

    with pytest.raises(FieldInvalid):
        await plans.create(store, "acme", Terms(name), NOW)
