"""Usage from outside on both databases: counted once, spent from the accounts, and the books still add up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import count

import pytest

from stores import DAY_MS, NOW, Store, acme_key, assert_sound, hold, spent
from tollhouse.control import budgets, outside, prices, reports, retention, tenancy, usage
from tollhouse.control.budgets import Grant, Scope
from tollhouse.control.outside import Batch, Found, Imported
from tollhouse.control.outside_known import Known
from tollhouse.control.prices import Rates, Whose
from tollhouse.domain import periods
from tollhouse.domain.budget import Outcome
from tollhouse.domain.errors import BudgetExhausted, FieldInvalid
from tollhouse.domain.outside import Event
from tollhouse.domain.pricing import Kinds, Usage
from tollhouse.domain.reports import By
from tollhouse.domain.reports import Scope as ReportScope
from tollhouse.domain.storing import Conflict
from tollhouse.storage import alerts, bindings
from tollhouse.storage.calls import Filter
from tollhouse.storage.outside import imported
from tollhouse.storage.sqlite import SqliteDatabase

pytestmark = pytest.mark.req("OT-78")

KNOWN = Known(frozenset({"openai:gpt-5"}), {"openai": "openai", "shop": "openai"})
USED = Usage(1000, 50, 300, 40, kinds=Kinds(reasoning=20, long_write=30))
EVENT = Event("e-1", NOW - 1000, "openai:gpt-5", USED, user="acme/anna", owed=700)
NUMBERS = count()


async def test_an_event_is_spent_on_its_four_accounts_and_told_apart(store: Store) -> None:
    await furnished(store)

    made = await told(store, EVENT)

    (call,) = await usage.listed(store, Filter(), 10)
    assert await spent(store) == {
        "tenant:acme": 700,
        "project:acme/default": 700,
        "user:acme/anna": 700,
        "outside:acme/meter": 700,
    }
    assert made.found.by_owner == await spent(store)
    assert (call.route, call.source, call.key) == ("outside", "outside", "outside:meter")
    assert (call.request_id, call.target, call.created_at_ms) == (
        "meter:e-1",
        "openai:gpt-5",
        EVENT.at_ms,
    )
    assert (call.usage, call.owed, call.price, call.outcome) == (USED, 700, None, Outcome.COMPLETED)
    assert await imported(store, made.id) == {
        "tenant": "acme",
        "source": "meter",
        "made_by": "host:anna",
        "events": 1,
        "owed": 700,
    }
    await assert_sound(store)


async def test_an_event_that_is_told_again_is_counted_once(store: Store) -> None:
    await furnished(store)
    await told(store, EVENT)

    made = await told(store, EVENT, replace(EVENT, id="e-2"), replace(EVENT, id="e-2"))

    assert (len(made.found.counted), made.found.again, made.found.owed) == (1, 2, 700)
    assert (await spent(store))["tenant:acme"] == 1400
    await assert_sound(store)


async def test_the_same_id_of_another_source_is_another_event(store: Store) -> None:
    await furnished(store)
    await told(store, EVENT)

    await told(store, EVENT, source="other")

    assert (await spent(store))["tenant:acme"] == 1400


@pytest.mark.parametrize(
    "other",
    [
        replace(EVENT, owed=701),
        replace(EVENT, owed=None),
        replace(EVENT, at_ms=EVENT.at_ms + 1),
        replace(EVENT, usage=replace(USED, output=51)),
        replace(EVENT, user="acme/bert"),
        replace(EVENT, outcome=Outcome.CUT_BY_UPSTREAM),
    ],
)
async def test_the_same_id_with_other_content_is_refused_by_its_name(
    store: Store, other: Event
) -> None:
    await furnished(store)
    await told(store, EVENT)

    with pytest.raises(FieldInvalid, match=r"event 2: meter told of 'e-1' before") as refused:
        await told(store, replace(EVENT, id="e-2"), other)

    assert refused.value.param == "event 2.id"
    assert (await spent(store))["tenant:acme"] == 700


@pytest.mark.parametrize(
    ("bad", "param"),
    [
        (replace(EVENT, user="acme/nobody"), "user"),
        (replace(EVENT, user="other/anna"), "user"),
        (replace(EVENT, user=""), "user"),
        (replace(EVENT, project="acme/none"), "project"),
        (replace(EVENT, key="0123"), "key"),
        (replace(EVENT, target="openai:nothing"), "target"),
        (replace(EVENT, target="no target"), "target"),
        (replace(EVENT, owed=None), "owed"),
        (replace(EVENT, owed=-1), "owed"),
        (replace(EVENT, at_ms=NOW + DAY_MS), "at"),
        (replace(EVENT, at_ms=-1), "at"),
        (replace(EVENT, id="two words"), "id"),
        (replace(EVENT, usage=Usage(-1)), "input"),
        (replace(EVENT, usage=Usage(images=2**31)), "images"),
        (replace(EVENT, usage=Usage(output=1, kinds=Kinds(reasoning=2))), "kinds"),
    ],
)
async def test_one_that_does_not_fit_is_named_and_none_is_counted(
    store: Store, bad: Event, param: str
) -> None:
    await furnished(store)

    with pytest.raises(FieldInvalid, match=r"^event 2: ") as refused:
        await told(store, replace(EVENT, id="e-0"), bad)

    assert refused.value.param == f"event 2.{param}"
    assert await spent(store) == {}
    assert await usage.count(store, Filter()) == 0


async def test_an_unknown_tenant_and_a_batch_without_end_are_refused(store: Store) -> None:
    await furnished(store)

    for batch in (
        Batch("nowhere", "meter", [EVENT], ["event 1"]),
        Batch("acme", "two words", [EVENT], ["event 1"]),
        Batch("acme", "meter", [], []),
        Batch("acme", "meter", [EVENT] * 501, ["event"] * 501),
    ):
        with pytest.raises(FieldInvalid):
            await outside.judge(store, batch, KNOWN, NOW)


@pytest.mark.req("OT-30", "OT-32", "B-19")
async def test_without_an_amount_the_price_that_was_in_force_then_makes_it(store: Store) -> None:
    await furnished(store)
    await prices.set_price(store, "openai:gpt-5", Rates("2", "10"), NOW - 3 * DAY_MS, NOW)
    await prices.set_price(store, "openai:gpt-5", Rates("4", "20"), NOW - DAY_MS, NOW)
    own = Whose("acme", until_ms=NOW - 2 * DAY_MS + 500)
    await prices.set_price(store, "openai:gpt-5", Rates("1", "1"), NOW - 2 * DAY_MS, NOW, own)
    plain = replace(EVENT, usage=Usage(1000, 100), owed=None)

    await told(
        store,
        replace(plain, id="old", at_ms=NOW - 3 * DAY_MS),
        replace(plain, id="own", at_ms=NOW - 2 * DAY_MS),
        replace(plain, id="after", at_ms=NOW - 2 * DAY_MS + 500),
        replace(plain, id="new", at_ms=NOW - 1),
        replace(plain, id="by-kind", target="shop:gpt-5"),
    )

    calls = {call.request_id: call for call in await usage.listed(store, Filter(), 10)}
    owed = {name.removeprefix("meter:"): call.owed for name, call in calls.items()}
    assert owed == {
        "old": 3_000_000,
        "own": 1_100_000,
        "after": 3_000_000,
        "new": 6_000_000,
        "by-kind": 6_000_000,
    }
    assert all(call.price for call in calls.values())
    await assert_sound(store)


async def test_where_no_price_is_required_one_without_is_counted_at_nothing(store: Store) -> None:
    await furnished(store)
    free = replace(KNOWN, requires_price=False)

    made = await told(store, replace(EVENT, owed=None), known=free)

    assert (made.found.owed, len(made.found.counted)) == (0, 1)


async def test_one_that_came_by_a_key_is_the_keys(store: Store) -> None:
    key = await acme_key(store)
    user = f"acme/key-{key.id}"

    await told(store, replace(EVENT, user="", key=f"thk_{key.id}"))
    with pytest.raises(FieldInvalid, match=f"user is {user}"):
        await told(store, replace(EVENT, id="e-2", user="acme/anna", key=key.id))

    assert await spent(store) == dict.fromkeys(
        ("tenant:acme", "project:acme/default", f"user:{user}", f"key:{key.id}"), 700
    )
    await assert_sound(store)


@pytest.mark.req("OT-39")
async def test_that_of_an_exempt_key_is_written_down_and_counts_nowhere(store: Store) -> None:
    key = await acme_key(store)
    await bindings.set_exempt(store, key.id, is_exempt=True)

    await told(store, replace(EVENT, user="", key=key.id))

    (call,) = await usage.listed(store, Filter(), 10)
    assert (call.is_exempt, call.owed, await spent(store)) == (True, 700, {})
    await assert_sound(store)


@pytest.mark.req("OT-37")
async def test_narrowed_budgets_count_it_too(store: Store) -> None:
    await furnished(store)
    for scope in (Scope("openai"), Scope("other"), Scope(model="openai:gpt-5"), Scope(model="x")):
        await budgets.narrow(store, "user:acme/anna", scope)

    await told(store, EVENT)

    narrowed = {owner: amount for owner, amount in (await spent(store)).items() if "?" in owner}
    assert narrowed == {
        "user:acme/anna?provider=openai": 700,
        "user:acme/anna?model=openai:gpt-5": 700,
    }
    await assert_sound(store)


@pytest.mark.req("P-4")
async def test_it_gates_nothing_and_the_next_call_is_refused(store: Store) -> None:
    key = await acme_key(store)
    await budgets.grant(store, "tenant:acme", Grant(is_granted=True, limit=500), alert_at=[100])

    await told(store, replace(EVENT, user="", key=key.id))

    assert (await spent(store))["tenant:acme"] == 700
    with pytest.raises(BudgetExhausted):
        await hold(store, key, "c1", 1)
    (alert,) = await alerts.last(store, 10)
    assert (alert.owner, alert.percent, alert.spent) == ("tenant:acme", 100, 700)


async def test_it_is_spent_in_the_window_that_runs(store: Store) -> None:
    key = await acme_key(store)
    month = periods.period("month", "UTC")
    start = budgets.Start(month, NOW)
    await budgets.grant(store, "tenant:acme", Grant(is_granted=True, limit=10_000), start)
    await told(store, replace(EVENT, user="", key=key.id, at_ms=NOW - 90 * DAY_MS))

    await hold(store, key, "c1", 1, at_ms=NOW + 40 * DAY_MS)
    await told(store, replace(EVENT, id="e-2", user="", key=key.id, owed=50))

    (over,) = await budgets.rolls(store, "tenant:acme", 10)
    assert (over.spent, (await spent(store))["tenant:acme"]) == (700, 50)
    await assert_sound(store)


@pytest.mark.req("P-26")
async def test_what_was_folded_is_still_known(store: Store) -> None:
    await furnished(store)
    await budgets.narrow(store, "user:acme/anna", Scope("openai"))
    await told(store, EVENT)
    before = await reports.report(store, [By.ROUTE, By.KEY, By.TARGET], ReportScope())

    folded = await retention.fold(store, 1, NOW + 3 * DAY_MS)
    made = await told(store, EVENT)

    assert (folded.calls, made.found.again, len(made.found.counted)) == (1, 1, 0)
    after = await reports.report(store, [By.ROUTE, By.KEY, By.TARGET], ReportScope())
    assert after == before
    assert after.lines[0].labels == ("outside", "outside:meter", "openai:gpt-5")
    await assert_sound(store)


async def test_of_many_who_tell_the_same_at_once_one_counts_it(store: Store) -> None:
    await furnished(store)

    ended = await asyncio.gather(*(told(store, EVENT) for _ in range(5)), return_exceptions=True)

    assert {type(each) for each in ended} <= {Imported, Conflict}
    assert sum(len(it.found.counted) for it in ended if isinstance(it, Imported)) == 1
    assert (await spent(store))["tenant:acme"] == 700
    await assert_sound(store)


async def test_an_account_that_is_gone_at_that_moment_refuses_the_whole(store: Store) -> None:
    await furnished(store)
    await store.write(("DELETE FROM accounts WHERE owner = $1", ("user:acme/anna",)))

    with pytest.raises(Conflict):
        await told(store, EVENT)

    assert (await spent(store), await usage.count(store, Filter())) == ({}, 0)


async def test_an_account_that_goes_while_its_events_are_written_refuses_them_too(
    sqlite: SqliteDatabase,
) -> None:
    """As when its user is deleted by another process, between the calls and what is spent."""
    await furnished(sqlite)
    goes = "DELETE FROM accounts WHERE owner = 'user:acme/anna'"
    await sqlite.write((f"CREATE TRIGGER goes AFTER INSERT ON calls BEGIN {goes}; END", ()))

    with pytest.raises(Conflict):
        await told(sqlite, EVENT)

    assert (await spent(sqlite), await usage.count(sqlite, Filter())) == ({}, 0)


async def test_to_judge_changes_nothing(store: Store) -> None:
    await furnished(store)

    found: Found = await outside.judge(store, batch_of(EVENT), KNOWN, NOW)

    assert (len(found.counted), found.owed) == (1, 700)
    assert (await spent(store), await usage.count(store, Filter())) == ({}, 0)


async def furnished(store: Store) -> None:
    await tenancy.create_tenant(store, "acme", NOW)
    for name in ("anna", "bert"):
        await tenancy.create_user(store, "acme", name, NOW)


def batch_of(*events: Event, source: str = "meter") -> Batch:
    return Batch("acme", source, events, [f"event {n}" for n in range(1, len(events) + 1)])


async def told(
    store: Store, *events: Event, source: str = "meter", known: Known = KNOWN
) -> Imported:
    batch = batch_of(*events, source=source)
    return await outside.count(store, batch, known, lambda: f"i{next(NUMBERS)}", "host:anna", NOW)
