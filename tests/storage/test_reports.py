from __future__ import annotations

import pytest

from stores import DAY_MS, NOW, Store, acme_key, hold, settle
from tollhouse.domain.reports import EVER_MS, By, Scope
from tollhouse.storage import reports


async def test_groups_say_what_is_owed_and_what_is_still_held(store: Store) -> None:
    await _used(store)

    (group,) = await reports.groups(store, [By.TENANT], EVER_MS, Scope())

    sums = group.sums
    assert group.labels[By.TENANT] == "acme"
    assert (sums.calls, sums.owed, sums.held, sums.input, sums.output) == (3, 90, 70, 20, 10)


async def test_what_is_not_told_apart_is_one(store: Store) -> None:
    await _used(store)

    by_outcome = await reports.groups(store, [By.TARGET, By.OUTCOME], EVER_MS, Scope())

    assert [(each.labels[By.TARGET], each.labels[By.OUTCOME]) for each in by_outcome] == [
        ("", "held"),
        ("echo:echo", "completed"),
    ]
    assert {each.labels[By.MODEL] for each in by_outcome} == {""}


async def test_spans_begin_at_the_epoch(store: Store) -> None:
    await _used(store)

    days = await reports.groups(store, [], DAY_MS, Scope())

    assert [(each.began_ms, each.sums.calls) for each in days] == [
        (NOW - NOW % DAY_MS, 2),
        (NOW - NOW % DAY_MS + DAY_MS, 1),
    ]


@pytest.mark.parametrize(
    ("scope", "calls"),
    [
        (Scope(tenant="acme", project="acme/default", route="/v1/chat/completions"), 3),
        (Scope(model="small", provider="echo"), 2),
        (Scope(provider="ech"), 0),
        (Scope(from_ms=NOW + DAY_MS), 1),
        (Scope(until_ms=NOW + DAY_MS), 2),
        (Scope(tenant="bolt"), 0),
        (Scope(user="nobody"), 0),
        (Scope(key="none"), 0),
    ],
)
async def test_a_scope_narrows_by_each_of_its_fields(
    store: Store, scope: Scope, calls: int
) -> None:
    await _used(store)

    groups = await reports.groups(store, [], EVER_MS, scope)

    assert sum(each.sums.calls for each in groups) == calls


async def test_calls_that_came_before_and_began_within_are_counted(store: Store) -> None:
    key = await acme_key(store)
    for waited_ms in (0, 1_000, 3_600_000):
        await hold(store, key, f"{NOW - waited_ms:012x}{'0' * 20}", 10)
    await hold(store, key, f"{NOW - 9 * DAY_MS:012x}{'0' * 20}", 10, at_ms=NOW - 9 * DAY_MS)

    (group,) = await reports.groups(store, [], EVER_MS, Scope(from_ms=NOW))

    assert group.sums.calls == 3


async def _used(store: Store) -> None:
    key = await acme_key(store)
    await hold(store, key, "c1", 100)
    await hold(store, key, "c2", 100)
    await hold(store, key, "c3", 70, at_ms=NOW + DAY_MS)
    await settle(store, "c1", 40)
    await settle(store, "c2", 50)
