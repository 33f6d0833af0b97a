from __future__ import annotations

import pytest

from stores import DAY_MS, NOW, PEPPERS, acme_key, hold, settle
from tollhouse.control import budgets, keys, tenancy
from tollhouse.control.access_review import Finding, Reviewed, review
from tollhouse.control.budgets import UNLIMITED, Grant
from tollhouse.storage import days
from tollhouse.storage.days import Page
from tollhouse.storage.sqlite import SqliteDatabase

pytestmark = pytest.mark.req("B-44")

MODELS = ("large", "small", "tiny")
LATER = NOW + 100 * DAY_MS


async def test_a_key_in_use_has_nothing_against_it(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite, models=("small",))
    await hold(sqlite, key, "c1", 10)
    await keys.touch(sqlite, {key.id: NOW})

    reviewed = await _one(sqlite, NOW + DAY_MS)

    assert (reviewed.reaches, reviewed.unused, reviewed.findings) == (("small",), (), ())
    assert reviewed.limit == 1_000_000_000


async def test_a_key_that_was_never_used_is_found_once_it_is_old_enough(
    sqlite: SqliteDatabase,
) -> None:
    await acme_key(sqlite)

    young, old = await _one(sqlite, NOW + 89 * DAY_MS), await _one(sqlite, LATER)

    assert Finding.NEVER_USED not in young.findings
    assert Finding.NEVER_USED in old.findings


async def test_a_key_that_was_used_long_ago_is_found(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite)
    await keys.touch(sqlite, {key.id: NOW})

    assert Finding.LONG_UNUSED in (await _one(sqlite, LATER)).findings


async def test_what_is_granted_and_never_called_is_named(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite, models=("*",))
    await hold(sqlite, key, "c1", 10, at_ms=LATER)

    reviewed = await _one(sqlite, LATER)

    assert (reviewed.reaches, reviewed.unused) == (MODELS, ("large", "tiny"))
    assert {Finding.EVERY_MODEL, Finding.WIDER_THAN_USE} <= set(reviewed.findings)


async def test_a_call_that_was_folded_counts_as_one(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite, models=("small",))
    await hold(sqlite, key, "c1", 10, at_ms=LATER)
    await settle(sqlite, "c1", 5)
    await days.fold(sqlite, Page("", "~"), LATER + DAY_MS)

    assert (await _one(sqlite, LATER + DAY_MS)).unused == ()


async def test_the_least_limit_of_the_four_accounts_counts(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite)
    await budgets.grant(sqlite, f"key:{key.id}", Grant(is_granted=True, limit=7))

    assert (await _one(sqlite, NOW)).limit == 7


async def test_no_limit_anywhere_is_found(sqlite: SqliteDatabase) -> None:
    await acme_key(sqlite)
    await budgets.grant(sqlite, "tenant:acme", UNLIMITED)

    reviewed = await _one(sqlite, NOW)

    assert (reviewed.limit, Finding.NO_LIMIT in reviewed.findings) == (None, True)


async def test_what_is_switched_off_or_over_is_found(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite)
    await keys.set_disabled(sqlite, key.id, is_disabled=True)
    await tenancy.set_disabled(sqlite, tenancy.Kind.TENANT, "acme", is_disabled=True)

    findings = (await _one(sqlite, LATER)).findings

    assert {Finding.DISABLED, Finding.OWNER_DISABLED, Finding.EXPIRED} <= set(findings)


async def test_an_old_secret_that_still_opens_and_a_key_without_an_end_are_found(
    sqlite: SqliteDatabase,
) -> None:
    await acme_key(sqlite)
    wish = keys.Wish("acme", "endless", expires_in_s=None)
    endless = await keys.issue(sqlite, PEPPERS, wish, NOW)
    await sqlite.write(
        ("UPDATE keys SET previous_until = $1 WHERE id = $2", (LATER + 1, endless.id))
    )

    found = {each.key.id: each.findings for each in await review(sqlite, MODELS, "", 90, LATER)}

    assert {Finding.NEVER_EXPIRES, Finding.TWO_SECRETS} <= set(found[endless.id])


async def test_a_revoked_key_reaches_nothing_and_is_left_out(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite)
    await keys.revoke(sqlite, key.id)

    assert await review(sqlite, MODELS, "", 90, NOW) == []


async def _one(store: SqliteDatabase, now_ms: int) -> Reviewed:
    (reviewed,) = await review(store, MODELS, "acme", 90, now_ms)
    return reviewed
