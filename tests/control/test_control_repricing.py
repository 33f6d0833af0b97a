"""Calls that are priced anew on both databases: what they were billed stays readable, and the books still add up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from control.repriced import FLAT, LATER, TARGET, priced, reprice, settled, wish
from stores import DAY_MS, NOW, Store, acme_key, assert_sound, spent
from tollhouse.control import (
    budgets,
    outside,
    prices,
    reports,
    repricing,
    retention,
    tenancy,
    usage,
)
from tollhouse.control.budgets import Grant, Scope
from tollhouse.control.keys import Issued
from tollhouse.control.outside import Batch
from tollhouse.control.outside_known import Known
from tollhouse.control.prices import Rates, Whose
from tollhouse.control.repricing import Left, Wish
from tollhouse.domain import periods
from tollhouse.domain.batches import Batch as ProviderBatch
from tollhouse.domain.budget import Share, Source
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.outside import Event
from tollhouse.domain.pricing import Kinds, Usage
from tollhouse.domain.reports import By
from tollhouse.domain.reports import Scope as ReportScope
from tollhouse.storage import alerts, batches, calls, corrections
from tollhouse.storage.corrections import Kept, Wanted

pytestmark = pytest.mark.req("OT-34")

USED = Usage(1000, 100, 300, 40, kinds=Kinds(reasoning=20))


async def test_what_would_be_done_is_seen_and_then_done(store: Store) -> None:
    key = await acme_key(store)
    await settled(store, key, "c1", 0)
    await settled(store, key, "c2", 0)
    row = await priced(store, "2")

    seen = await repricing.seen(store, wish())
    before = await spent(store)
    done = await reprice(store)

    user = f"user:acme/key-{key.id}"
    everybody = ("tenant:acme", "project:acme/default", user, f"key:{key.id}")
    assert (seen.matched, seen.updated, seen.unchanged, seen.left) == (2, 2, 0, {})
    assert (seen.was, seen.owed, before) == (0, 4_000_000, {})
    assert replace(done, id="") == seen
    assert await spent(store) == dict.fromkeys(everybody, 4_000_000)
    assert await repricing.moved(store, done) == await spent(store)
    call = await calls.call(store, "c1")
    assert call is not None
    assert (call.owed, call.price, call.source) == (2_000_000, row.id, Source.PROVIDER)
    await assert_sound(store)


async def test_done_again_it_leaves_everything_as_it_is(store: Store) -> None:
    key = await acme_key(store)
    await settled(store, key, "c1", 0)
    await priced(store, "2")
    await reprice(store)

    again = await reprice(store)

    assert (again.matched, again.updated, again.unchanged) == (1, 0, 1)
    assert len(await repricing.kept(store, "", "", 10)) == 1


async def test_what_it_was_billed_before_stays_readable_each_time(store: Store) -> None:
    key = await acme_key(store)
    await settled(store, key, "c1", 0)
    first, second = await priced(store, "2"), await priced(store, "3", at_ms=NOW - 5)
    done = [await reprice(store, price=first.id), await reprice(store, price=second.id)]

    found = await repricing.kept(store, "c1", "", 10)

    assert found == [
        Kept("c1", 1, done[1].id, 2_000_000, 3_000_000, first.id, second.id, "host:anna", LATER),
        Kept("c1", 0, done[0].id, 0, 2_000_000, None, first.id, "host:anna", LATER),
    ]
    assert await corrections.repricing(store, done[1].id) == {
        "calls": 1,
        "was": 2_000_000,
        "owed": 3_000_000,
    }
    await assert_sound(store)


async def test_what_costs_less_than_it_was_billed_is_given_back(store: Store) -> None:
    key = await acme_key(store)
    dear, fair = await priced(store, "9", at_ms=NOW - 9), await priced(store, "2", at_ms=NOW - 5)
    await settled(store, key, "c1", 9_000_000, price=dear)

    done = await reprice(store, price=fair.id)

    assert (done.was, done.owed) == (9_000_000, 2_000_000)
    assert (await spent(store))["tenant:acme"] == 2_000_000
    await assert_sound(store)


async def test_it_may_come_to_more_than_was_held(store: Store) -> None:
    key = await acme_key(store)
    await budgets.grant(store, "tenant:acme", Grant(is_granted=True, limit=1000), alert_at=[100])
    await settled(store, key, "c1", 0)
    await priced(store, "2")

    await reprice(store)

    (alert,) = await alerts.last(store, 10)
    assert (alert.owner, alert.spent) == ("tenant:acme", 2_000_000)
    await assert_sound(store)


async def test_without_a_row_that_is_named_the_one_in_force_then_holds(store: Store) -> None:
    key = await acme_key(store)
    for number, at_ms in enumerate((NOW - 3 * DAY_MS, NOW - DAY_MS, NOW - 5 * DAY_MS)):
        await settled(store, key, f"{at_ms:012x}{number}", 0, at_ms=at_ms)
    await priced(store, "2", at_ms=NOW - 4 * DAY_MS)
    await priced(store, "3", at_ms=NOW - 2 * DAY_MS)
    await priced(store, "5", at_ms=NOW - 2 * DAY_MS, whose=Whose("acme"))

    done = await reprice(store)

    owed = [call.owed for call in await usage.listed(store, calls.Filter(), 10)]
    assert owed == [5_000_000, 2_000_000, 0]
    assert done.left == {Left.NO_PRICE: 1}
    await assert_sound(store)


async def test_a_price_of_the_providers_kind_is_one_too(store: Store) -> None:
    key = await acme_key(store)
    await settled(store, key, "c1", 0)
    await prices.set_price(store, "openai:m", Rates("2", "2"), NOW - DAY_MS, NOW)

    done = await reprice(store, kind="openai")

    assert done.owed == 2_000_000


async def test_only_what_is_meant_is_priced_anew(store: Store) -> None:
    key = await acme_key(store)
    await tenancy.create_tenant(store, "other", NOW)
    row = await priced(store, "1", at_ms=NOW - 9 * DAY_MS)
    await settled(store, key, "c1", 0, at_ms=NOW - 4 * DAY_MS)
    await settled(store, key, "c2", 1_000_000, price=row, at_ms=NOW - 2 * DAY_MS)
    await settled(store, key, "c3", 0, at_ms=NOW - 2 * DAY_MS)
    await settled(store, key, "c4", 0, target="up:other")
    await settled(store, key, "c5", 0)
    new = await priced(store, "2", at_ms=NOW - 8 * DAY_MS)

    async def matched(**narrower: object) -> int:
        wanted = Wanted(TARGET, **narrower)  # type: ignore[arg-type]
        return (await repricing.seen(store, Wish(wanted, new.id))).updated

    span = {"since_ms": NOW - 3 * DAY_MS, "until_ms": NOW - DAY_MS}
    assert await matched() == 4
    assert await matched(**span) == 2
    assert await matched(**span, is_unpriced=True) == 1
    assert await matched(tenant="acme") == 4
    assert await matched(tenant="other") == 0


async def test_what_was_not_made_from_usage_and_rates_is_left(store: Store) -> None:
    key = await acme_key(store)
    row = await priced(store, "1", at_ms=NOW - DAY_MS)
    flex = await priced(store, "4", at_ms=NOW - DAY_MS, target=f"{TARGET}@flex")
    for source in (Source.OPERATOR, Source.HOLD, Source.NOTHING):
        await settled(
            store, key, f"by-{source}", 50 if source != Source.NOTHING else 0, source=source
        )
    await settled(store, key, "bounded", 999_999, price=row, held=999_999)
    await settled(store, key, "tier", 4_000_000, price=flex)
    await settled(store, key, "odd", 0, anomaly="output_over_bound")
    await settled(store, key, "lines", 0)
    batch = (
        "b1",
        "acme/default",
        "up",
        "b",
        "lines",
        "f",
        "m",
        TARGET,
        0,
        None,
        "{}",
        NOW,
        NOW,
        NOW,
    )
    await batches.add(store, ProviderBatch(*batch))
    await told(store, key, 700)
    before = await spent(store)
    new = await priced(store, "2")

    done = await reprice(store, price=new.id)

    assert (done.matched, done.updated) == (8, 0)
    assert done.left == {
        Left.NOT_BY_USAGE: 4,
        Left.NOT_ITS_PRICE: 2,
        Left.IMPLAUSIBLE: 1,
        Left.BATCH: 1,
    }
    assert await spent(store) == before


@pytest.mark.req("OT-78")
async def test_usage_from_outside_is_priced_anew_where_a_price_made_it(store: Store) -> None:
    key = await acme_key(store)
    await priced(store, "1", at_ms=NOW - DAY_MS)
    await told(store, key, None)
    new = await priced(store, "2")

    await reprice(store, price=new.id)

    assert (await spent(store))["tenant:acme"] == 2_000_000
    await assert_sound(store)


@pytest.mark.req("OT-37")
async def test_narrowed_budgets_are_moved_by_those_that_they_count(store: Store) -> None:
    key = await acme_key(store)
    names = [
        await budgets.narrow(store, "tenant:acme", scope)
        for scope in (Scope("up"), Scope("away"), Scope(model=TARGET))
    ]
    ids = {account.owner: account.id for account in await budgets.listed(store)}
    up, away, model = (ids[name] for name in names)
    shares = (Share(up, "up:*"), Share(away, "away:*"), Share(model, TARGET))
    await settled(store, key, "c1", 0, shares=shares)
    await priced(store, "2")

    await reprice(store)

    narrowed = {owner: amount for owner, amount in (await spent(store)).items() if "?" in owner}
    assert narrowed == {names[0]: 2_000_000, names[2]: 2_000_000}
    await assert_sound(store)


@pytest.mark.req("OT-39")
async def test_a_call_of_an_exempt_key_is_priced_anew_and_counts_nowhere(store: Store) -> None:
    key = await acme_key(store)
    await settled(store, key, "c1", 0, sign=-1)
    await priced(store, "2")

    done = await reprice(store)

    assert (done.owed, done.accounts, await spent(store)) == (2_000_000, {}, {})
    await assert_sound(store)


async def test_a_correction_is_spent_in_the_window_in_which_its_call_was(store: Store) -> None:
    key = await acme_key(store)
    start = budgets.Start(periods.period("month", "UTC"), NOW)
    await budgets.grant(store, "tenant:acme", Grant(is_granted=True, limit=10**10), start)
    row = await priced(store, "9", at_ms=NOW - DAY_MS)
    await settled(store, key, "c1", 9_000_000, price=row)
    for months in (1, 2):
        at_ms = NOW + months * 31 * DAY_MS
        await settled(store, key, f"c{1 + months}", 9_000_000, price=row, at_ms=at_ms)
    new = await priced(store, "2")

    await reprice(store, price=new.id)

    rolls = [over.spent for over in await budgets.rolls(store, "tenant:acme", 10)]
    (tenant,) = [it for it in await budgets.listed(store) if it.owner == "tenant:acme"]
    assert (rolls, tenant.spent) == ([2_000_000, 2_000_000], 2_000_000)
    assert (await spent(store))["project:acme/default"] == 6_000_000
    await assert_sound(store)


@pytest.mark.req("P-26")
async def test_what_was_corrected_is_folded_with_its_new_amount(store: Store) -> None:
    key = await acme_key(store)
    await settled(store, key, "c1", 0)
    await priced(store, "2")
    await reprice(store)

    await retention.fold(store, 1, NOW + 3 * DAY_MS)
    late = await reprice(store)

    assert late.matched == 0
    assert len(await repricing.kept(store, "c1", "", 10)) == 1
    total = (await reports.report(store, [By.TENANT], ReportScope())).total
    assert total.owed == 2_000_000
    await assert_sound(store)


async def test_a_price_row_that_does_not_fit_is_refused(store: Store) -> None:
    await acme_key(store)
    other = await priced(store, "2", target="up:other")
    own = await priced(store, "2", whose=Whose("acme"))

    for price, tenant, param in (
        (99, "", "price"),
        (other.id, "", "price"),
        (own.id, "", "tenant"),
    ):
        with pytest.raises(FieldInvalid) as refused:
            await repricing.seen(store, Wish(Wanted(TARGET, tenant), price))
        assert refused.value.param == param
    await repricing.seen(store, Wish(Wanted(TARGET, "acme"), own.id))


async def told(store: Store, key: Issued, owed: int | None) -> None:
    event = Event("e-1", NOW - 10, TARGET, FLAT, key=key.id, owed=owed)
    known, batch = Known(frozenset({TARGET}), {}), Batch("acme", "meter", [event], ["event"])
    await outside.count(store, batch, known, lambda: "i1", "host:anna", NOW)
