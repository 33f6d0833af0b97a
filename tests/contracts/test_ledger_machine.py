"""Whatever happens in whatever order: the ledger does as the rule says, and its rows add up."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, replace

import pytest
import uvloop
from databases import NO_BUDGET, NOW, Store, account, holding, limiting, open_store, settling
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from tollhouse.domain import budget
from tollhouse.domain.budget import Account, Hold, Outcome, Roll, Share
from tollhouse.domain.errors import Problem
from tollhouse.domain.periods import Calendar, Period
from tollhouse.storage import budgets, calls

STARTING_LIMITS = (500, None, 300, NO_BUDGET, 200, NO_BUDGET, 400, 150)
PERIODS = (
    *(
        Period(3_600),
        None,
        Period(Calendar.DAY, "Europe/Berlin"),
        None,
        Period(Calendar.WEEK),
        None,
    ),
    *(None, Period(Calendar.DAY)),
)
NARROWED = {6: "echo:*", 7: "other:small"}
"""Accounts beside the four, of which the one is of the target that answers, and the other is not."""

HOUR = 3_600_000
QUICK, LONG = 15, 500
ROLLS = "SELECT account, spent, started_at, ended_at, rolled_at FROM rolls"
AMOUNTS = st.integers(0, 120)
PAYERS = st.tuples(st.just(0), st.sampled_from([1, 2]), st.just(3), st.sampled_from([4, 5]))


@dataclass
class Expected:
    """What the ledger should say of a call."""

    hold: Hold
    state: str = "held"
    owed: int = 0


class LedgerMachine(RuleBasedStateMachine):
    """Six accounts of which each call stands on four, and two narrowed ones that some stand on too,
    compared with the rules of the domain.

    Some of them start anew, by the calendar or a while after a call; the clock goes on, back and forth.
    """

    calls = Bundle("calls")

    def __init__(self, runner: asyncio.Runner, address: str) -> None:
        super().__init__()
        self.runner = runner
        self.address = address
        self.store = store = runner.run(_opened(address))
        numbers = [
            runner.run(account(store, limit, period))
            for limit, period in zip(STARTING_LIMITS, PERIODS, strict=True)
        ]
        rows = {row.id: row for row in runner.run(budgets.accounts(store))}
        self.accounts = [rows[number] for number in numbers]
        self.expected: dict[str, Expected] = {}
        self.was_lowered = False
        self.now = NOW
        self.rolls: list[Roll] = []

    @rule(
        target=calls,
        payers=PAYERS,
        amounts=st.lists(AMOUNTS, min_size=1, max_size=5),
        further=st.sampled_from([(), (), (6,), (6, 7)]),
    )
    def hold(self, payers, amounts, further):
        """Those that come together are decided one after the other."""
        places = (*payers, *further)
        payers = tuple(self.accounts[place].id for place in payers)
        shares = tuple(Share(self.accounts[place].id, NARROWED[place]) for place in further)
        holds = [holding(payers, amount, at_ms=self.now, shares=shares) for amount in amounts]

        results = self.runner.run(self._together(self.store.hold, holds))

        for hold, result in zip(holds, results, strict=True):
            assert self._said(result) == self._said(self._expect_hold(places, hold))
        return multiple(*(hold.call for hold in holds if hold.call in self.expected))

    @rule(call=calls, share=st.integers(0, 100), times=st.integers(1, 3))
    def settle(self, call, share, times):
        known = self.expected[call]
        owed = known.hold.amount * share // 100

        results = self.runner.run(
            self._together(self.store.settle, [settling(known.hold, owed)] * times)
        )

        assert results == [known.state != "settled"] + [False] * (times - 1)
        if known.state != "settled":
            self._move(known.hold, held=-known.hold.amount, spent=owed)
            known.state, known.owed = "settled", owed

    @rule(call=calls)
    def lose_sight(self, call):
        known = self.expected[call]

        settlement = settling(known.hold, 0, Outcome.UNKNOWN)
        (is_new,) = self.runner.run(self._together(self.store.settle, [settlement]))

        assert is_new == (known.state == "held")
        known.state = "unknown" if is_new else known.state

    @rule(jump=st.integers(-26 * HOUR, 60 * HOUR) | st.integers(-5_000, HOUR))
    def clock(self, jump):
        self.now += jump

    @rule()
    def crash(self):
        """Whoever comes after knows what the store knows, and no more."""
        self.runner.run(self.store.close())
        self.store = self.runner.run(_opened(self.address))

    @rule()
    def expire(self):
        """The owner's lease is over: what it held is unknown, and held still."""
        lost = self.runner.run(calls.lose(self.store, self.now))

        held = [known for known in self.expected.values() if known.state == "held"]
        assert lost == len(held)
        for known in held:
            known.state = "unknown"

    @rule(place=st.integers(0, 7), limit=st.none() | st.integers(NO_BUDGET, 900))
    def limit(self, place, limit):
        row = self.accounts[place]
        self.runner.run(self.store.write(limiting(row.owner, limit)))

        has_budget = limit != NO_BUDGET
        self.accounts[place] = changed = replace(
            row, has_budget=has_budget, limit=limit if has_budget else None
        )
        self.was_lowered |= not _is_within(changed)

    @invariant()
    def balances_are_as_expected_and_the_rows_add_up(self):
        rows = {row.id: row for row in self.runner.run(budgets.accounts(self.store))}

        assert [rows[expected.id] for expected in self.accounts] == self.accounts
        assert self.runner.run(budgets.differences(self.store)) == []

    @invariant()
    def each_window_ended_once_and_was_written_down(self):
        rows = self.runner.run(self.store.read(ROLLS))
        found = [Roll(*row) for row in rows]

        assert sorted(map(str, found)) == sorted(map(str, self.rolls))
        assert len({(over.account, over.ended_at) for over in found}) == len(found)

    @invariant()
    def nothing_is_held_at_rest(self):
        if all(known.state == "settled" for known in self.expected.values()):
            assert [row.held for row in self.accounts] == [0] * len(self.accounts)

    @invariant()
    def nothing_is_spent_beyond_a_limit_that_was_not_lowered(self):
        assert self.was_lowered or all(_is_within(row) for row in self.accounts)

    def teardown(self):
        tables = ("calls", "shares", "rolls", "accounts")
        self.runner.run(self.store.write(*((f"DELETE FROM {table}", ()) for table in tables)))
        self.runner.run(self.store.close())

    def _expect_hold(self, places: tuple[int, ...], hold: Hold) -> Problem | None:
        if hold.amount > 0:
            payers = [self.accounts[place] for place in places]
            self.rolls += [over for payer in payers if (over := budget.roll(payer, self.now))]
            try:
                budget.check(payers, hold.amount, self.now)
            except Problem as refusal:
                return refusal
        self.expected[hold.call] = Expected(hold)
        self._move(hold, held=hold.amount, spent=0)
        return None

    def _move(self, hold: Hold, *, held: int, spent: int) -> None:
        moves = dict.fromkeys(hold.accounts, spent)
        moves |= {it.account: spent if it.is_spent_by("echo:small") else 0 for it in hold.shares}
        self.accounts = [
            replace(row, held=row.held + held, spent=row.spent + moves[row.id])
            if row.id in moves
            else row
            for row in self.accounts
        ]

    async def _together(self, what, arguments):
        waiting = [what(argument) for argument in arguments]
        return await asyncio.gather(*waiting, return_exceptions=True)

    @staticmethod
    def _said(result: object) -> object:
        return (type(result), result.detail) if isinstance(result, Problem) else result


@pytest.mark.req("P-3", "P-4", "S-84", "S-86", "S-91", "S-92", "B-6")
def test_the_ledger_does_as_the_rule_says(address: str) -> None:
    """`TOLLHOUSE_LONG=1` looks thirty times as long."""
    examples = LONG if os.environ.get("TOLLHOUSE_LONG") else QUICK
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        run_state_machine_as_test(
            lambda: LedgerMachine(runner, address),
            settings=settings(
                max_examples=examples, stateful_step_count=25, deadline=None, database=None
            ),
        )


async def _opened(address: str) -> Store:
    store = open_store(address)
    await store.migrate()
    return store


def _is_within(row: Account) -> bool:
    return not row.has_budget or row.limit is None or row.spent + row.held <= row.limit
