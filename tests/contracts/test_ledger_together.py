"""What is asked at once shares a commit, and statements: it ends as if each had come alone."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest
from databases import Accounts, Store, balances, four_accounts, holding, open_store, settling, state

from tollhouse.domain.budget import Attempt, Hold, Outcome, Settlement
from tollhouse.domain.errors import BudgetExhausted
from tollhouse.domain.storing import Conflict

Step = Hold | Settlement
CALLS = (
    "SELECT id, held, state, outcome, owed, input, kinds, target, price, settled_at FROM calls ORDER BY id",
    "SELECT call, number, target, outcome, status FROM attempts ORDER BY call, number",
)


@pytest.mark.req("B-5", "P-11")
@pytest.mark.parametrize("seed", range(12))
async def test_at_once_or_one_after_the_other_the_books_are_the_same(
    store: Store, seed: int
) -> None:
    accounts, others = await four_accounts(store, 900), await four_accounts(store, 900)
    plan = _steps(random.Random(seed), 40)

    at_once = await asyncio.gather(
        *(_take(store, step) for step in _named(plan, "a", accounts)), return_exceptions=True
    )
    alone = [
        (await asyncio.gather(_take(store, step), return_exceptions=True))[0]
        for step in _named(plan, "b", others)
    ]

    assert [_said(result) for result in at_once] == [_said(result) for result in alone]
    assert await balances(store, accounts) == await balances(store, others)
    assert await store.read("SELECT id FROM calls WHERE state = 'settled'")
    for sql in CALLS:
        rows = await store.read(sql)
        half = [row for row in rows if str(row[0]).startswith("a")]
        assert [tuple(row)[1:] for row in half] == [
            tuple(row)[1:] for row in rows if str(row[0]).startswith("b")
        ]


@pytest.mark.req("B-5")
async def test_a_call_that_is_known_is_refused_alone_among_many(store: Store) -> None:
    accounts = await four_accounts(store, 1_000)
    await store.hold(holding(accounts, 10, "known"))
    many = [holding(accounts, 10, name) for name in ("a", "b", "known", "c", "d")]

    results = await asyncio.gather(*(store.hold(hold) for hold in many), return_exceptions=True)

    assert [type(result) for result in results] == [type(None)] * 2 + [Conflict] + [type(None)] * 2
    assert await balances(store, accounts) == [(0, 50)] * 4


@pytest.mark.req("B-5", "P-11")
async def test_what_another_process_settled_meanwhile_is_not_spent_twice(
    store: Store, address: str
) -> None:
    accounts = await four_accounts(store, 1_000)
    holds = [holding(accounts, 10) for _ in range(5)]
    for hold in holds:
        await store.hold(hold)
    other = open_store(address)
    await other.settle(settling(holds[2], 7))
    await other.close()

    results = await asyncio.gather(*(store.settle(settling(hold, 3)) for hold in holds))

    assert results == [True, True, False, True, True]
    assert await balances(store, accounts) == [(4 * 3 + 7, 0)] * 4
    assert await state(store, holds[2]) == "settled"


def _steps(chance: random.Random, count: int) -> list[tuple[str, int, int]]:
    """Holds, settlements and repetitions of both; what is settled was mostly held before."""
    kinds = ["hold"] * 4 + ["settle"] * 3 + ["attempts", "unknown"]
    return [
        (chance.choice(kinds), chance.randrange(count // 2), chance.randrange(1, 120))
        for _ in range(count)
    ]


def _named(plan: Sequence[tuple[str, int, int]], side: str, accounts: Accounts) -> list[Step]:
    steps: list[Step] = []
    for kind, number, amount in plan:
        hold = holding(accounts, amount, f"{side}-{number:04d}")
        tried = (Attempt("echo:other", Outcome.REFUSED, 500),) if kind == "attempts" else ()
        outcome = Outcome.UNKNOWN if kind == "unknown" else Outcome.COMPLETED
        owed = 0 if kind == "unknown" else amount // 2
        steps.append(hold if kind == "hold" else settling(hold, owed, outcome, tried))
    return steps


async def _take(store: Store, step: Step) -> bool | None:
    return await (store.hold(step) if isinstance(step, Hold) else store.settle(step))


def _said(result: object) -> object:
    """A refusal names its account, and the accounts have names of their own."""
    return type(result) if isinstance(result, BudgetExhausted | Conflict) else result
