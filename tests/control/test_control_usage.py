from __future__ import annotations

import pytest

from stores import NOW, acme_key, hold, settle
from tollhouse.control import budgets, usage
from tollhouse.control.usage import Whole
from tollhouse.domain.budget import Outcome, Source
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.storing import Conflict
from tollhouse.storage import calls
from tollhouse.storage.sqlite import SqliteDatabase


@pytest.mark.parametrize(
    ("owed", "amount"), [(Whole.RELEASE, 0), (Whole.CHARGE, 900), (250, 250), (0, 0)]
)
async def test_an_unknown_call_is_settled_as_the_operator_says(
    sqlite: SqliteDatabase, owed: int | Whole, amount: int
) -> None:
    await _unknown(sqlite)

    resolved = await usage.resolve(sqlite, sqlite, "c1", owed, NOW)

    call = await calls.call(sqlite, "c1")
    account = await budgets.found(sqlite, "tenant:acme")
    assert call is not None
    assert (resolved, call.owed, call.source) == (amount, amount, Source.OPERATOR)
    assert (account.spent, account.held) == (amount, 0)


async def test_a_call_is_resolved_once(sqlite: SqliteDatabase) -> None:
    await _unknown(sqlite)
    await usage.resolve(sqlite, sqlite, "c1", Whole.CHARGE, NOW)

    with pytest.raises(Conflict, match="settled"):
        await usage.resolve(sqlite, sqlite, "c1", Whole.RELEASE, NOW)


async def test_a_call_under_way_is_left_to_its_process(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite)
    await hold(sqlite, key, "c1", 900)

    with pytest.raises(Conflict, match="held"):
        await usage.resolve(sqlite, sqlite, "c1", Whole.CHARGE, NOW)


async def test_more_than_was_held_is_not_owed(sqlite: SqliteDatabase) -> None:
    await _unknown(sqlite)

    with pytest.raises(FieldInvalid):
        await usage.resolve(sqlite, sqlite, "c1", 901, NOW)


async def _unknown(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite)
    await hold(sqlite, key, "c1", 900)
    await settle(sqlite, "c1", 0, Outcome.UNKNOWN)
