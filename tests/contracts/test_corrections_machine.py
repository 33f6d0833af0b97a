"""Whatever is settled, told, priced anew, rolled and folded, in whatever order and at once: the books add up."""

from __future__ import annotations

import asyncio
import itertools

import pytest
import uvloop
from databases import NOW, Store, open_store
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from stores import DAY_MS, PEPPERS
from tollhouse.control import budgets, keys, outside, prices, repricing, retention, tenancy
from tollhouse.control.budgets import Grant, Start
from tollhouse.control.keys import Wish as KeyWish
from tollhouse.control.outside import Batch
from tollhouse.control.outside_known import Known
from tollhouse.control.prices import Rates
from tollhouse.control.recompute import recompute
from tollhouse.control.repricing import Wish
from tollhouse.domain import periods
from tollhouse.domain.budget import Hold, Outcome, Settlement, Share, Source
from tollhouse.domain.outside import Event
from tollhouse.domain.pricing import Usage
from tollhouse.storage.corrections import Wanted

NAMES = itertools.count()
HOUR = 3_600_000
QUICK = 12
DEAREST = 9_000
"""Nano-dollars a token: nine dollars a million."""


class CorrectionsMachine(RuleBasedStateMachine):
    """One tenant whose day starts anew, a key, and a budget that is narrowed to a provider; two processes."""

    def __init__(self, runner: asyncio.Runner, address: str) -> None:
        super().__init__()
        self.runner = runner
        self.stores = [open_store(address) for _ in range(2)]
        self.number = next(NAMES)
        self.tenant, self.target = f"t{self.number}", f"up{self.number}:m"
        self.now = NOW + 400 * DAY_MS
        self.owed: dict[str, int] = {}
        """What each call owes, that still has a row."""

        self.tokens: dict[str, tuple[int, int]] = {}
        """When each of them was, and with how many tokens."""

        self.folded = 0
        self.rates: dict[int, int] = {}
        self.open: list[tuple[Hold, int]] = []

    @initialize()
    def furnish(self):
        self.runner.run(self._furnish())

    @rule(tokens=st.integers(0, 50), is_priced=st.booleans())
    def call(self, tokens, is_priced):
        hold = self._hold(tokens)
        self.runner.run(self._held(hold, tokens))
        self.runner.run(self._settle(hold, tokens, is_priced=is_priced))

    @rule(tokens=st.integers(0, 50))
    def begin(self, tokens):
        """It is settled while something else goes on."""
        hold = self._hold(tokens)
        self.runner.run(self._held(hold, tokens))
        self.open.append((hold, tokens))

    @rule(tokens=st.integers(0, 50), ago=st.integers(0, 30 * HOUR))
    def tell(self, tokens, ago):
        self.runner.run(self._told(tokens, self.now - ago))

    @rule(jump=st.integers(1, 40 * HOUR))
    def clock(self, jump):
        self.now += jump

    @rule(dollars=st.integers(0, 9))
    def price(self, dollars):
        self.runner.run(self._price(dollars))

    @rule(choice=st.integers(0, 9))
    def reprice(self, choice):
        row = self._row(choice)
        self.runner.run(self._reprice(self.stores[0], row))
        self._expect(row)

    @rule(keep_days=st.integers(1, 3))
    def fold(self, keep_days):
        self.runner.run(retention.fold(self.stores[1], keep_days, self.now))
        self._forget(keep_days)

    @rule(choice=st.integers(0, 9), tokens=st.integers(0, 50), jump=st.integers(0, 30 * HOUR))
    def together(self, choice, tokens, jump):
        """Two price the same anew, while calls begin, end and find a window over, and others are folded."""
        row, ending, self.open = self._row(choice), self.open, []
        self.now += jump
        hold = self._hold(tokens)

        async def at_once():
            await asyncio.gather(
                self._reprice(self.stores[0], row),
                *[self._settle(each, count, is_priced=True) for each, count in ending],
                self._held(hold, tokens),
                self._reprice(self.stores[1], row),
                retention.fold(self.stores[1], 2, self.now),
            )
            await self._settle(hold, tokens, is_priced=False)
            await self._reprice(self.stores[1], row)

        self.runner.run(at_once())
        self._forget_seen()
        self._expect(row)

    @invariant()
    def every_balance_is_what_its_calls_add_up_to(self):
        assert self.runner.run(budgets.verify(self.stores[0])) == []
        assert self.runner.run(recompute(self.stores[0])).differences == []

    @invariant()
    def nothing_is_lost_and_nothing_counts_twice(self):
        spent, rolled = self.runner.run(self._tenant())

        assert spent + rolled == self.folded + sum(self.owed.values())

    def teardown(self):
        for store in self.stores:
            self.runner.run(store.close())

    async def _furnish(self):
        store = self.stores[0]
        await store.migrate()
        await tenancy.create_tenant(store, self.tenant, self.now)
        start = Start(periods.period("day", "UTC"), self.now)
        grant = Grant(is_granted=True, limit=None)
        await budgets.grant(store, f"tenant:{self.tenant}", grant, start)
        key = await keys.issue(store, PEPPERS, KeyWish(self.tenant, "web"), self.now)
        scope = budgets.Scope(self.target.partition(":")[0])
        narrowed = await budgets.narrow(store, f"tenant:{self.tenant}", scope)
        ids = {account.owner: account.id for account in await budgets.listed(store)}
        self.key, self.user = key.id, f"{self.tenant}/key-{key.id}"
        owners = (f"project:{self.tenant}/default", f"user:{self.user}", f"key:{key.id}")
        self.accounts = (ids[f"tenant:{self.tenant}"], *(ids[owner] for owner in owners))
        self.share = Share(ids[narrowed], f"{scope.provider}:*")
        await self._price(3)

    def _hold(self, tokens: int) -> Hold:
        call = f"{self.now:012x}{next(NAMES):010d}"
        whose = (self.key, self.tenant, f"{self.tenant}/default", self.user)
        return Hold(
            *(call, "req", "owner", self.accounts, *whose, "chat", "m", DEAREST * tokens, self.now),
            shares=(self.share,),
        )

    async def _held(self, hold: Hold, tokens: int) -> None:
        await self.stores[0].hold(hold)
        self.tokens[hold.call] = hold.created_at_ms, tokens

    async def _settle(self, hold: Hold, tokens: int, *, is_priced: bool) -> None:
        row = max(self.rates) if is_priced else None
        owed = self.rates[row] * tokens if row else 0
        ended = (Outcome.COMPLETED, owed, Usage(tokens), Source.PROVIDER, self.target, row)
        await self.stores[0].settle(Settlement(hold.call, *ended, self.now))
        self.owed[hold.call] = owed

    async def _told(self, tokens: int, at_ms: int) -> None:
        name = f"e{next(NAMES)}"
        event = Event(name, at_ms, self.target, Usage(tokens), key=self.key)
        known = Known(frozenset({self.target}), {}, requires_price=False)
        batch = Batch(self.tenant, "meter", [event], ["event"])
        made = await outside.count(self.stores[1], batch, known, lambda: name, "me", self.now)
        (counted,) = made.found.counted
        assert counted.price in self.rates
        self.owed[counted.call] = counted.owed
        self.tokens[counted.call] = at_ms, tokens

    async def _price(self, dollars: int) -> None:
        at_ms = NOW + next(NAMES)
        rates = Rates(str(dollars), "0")
        await prices.set_price(self.stores[0], self.target, rates, at_ms, self.now)
        rows = await prices.history(self.stores[0], self.target)
        self.rates = {row.id: row.price(row.id).cost(Usage(1)) for row in rows}

    async def _reprice(self, store: Store, row: int) -> None:
        name = f"r{next(NAMES)}"
        await repricing.done(store, Wish(Wanted(self.target), row), lambda: name, "me", self.now)

    async def _tenant(self) -> tuple[int, int]:
        owner = f"tenant:{self.tenant}"
        rolls = await budgets.rolls(self.stores[0], owner, 1000)
        assert all(over.spent >= 0 for over in rolls)
        return (await budgets.found(self.stores[0], owner)).spent, sum(it.spent for it in rolls)

    def _row(self, choice: int) -> int:
        return sorted(self.rates)[choice % len(self.rates)]

    def _expect(self, row: int) -> None:
        for call in self.owed:
            self.owed[call] = self.rates[row] * self.tokens[call][1]

    def _forget(self, keep_days: int) -> None:
        """Of what is folded, the amount stays."""
        before_ms = (self.now // DAY_MS - keep_days) * DAY_MS
        for call in [each for each in self.owed if self.tokens[each][0] < before_ms]:
            self.folded += self.owed.pop(call)

    def _forget_seen(self) -> None:
        """What was folded meanwhile was priced anew before, or not at all: the days say which."""
        rows = self.runner.run(
            self.stores[0].read("SELECT id FROM calls WHERE tenant = $1", self.tenant)
        )
        left = {call for (call,) in rows}
        for call in [each for each in self.owed if each not in left]:
            del self.owed[call]
        ((folded,),) = self.runner.run(
            self.stores[0].read(
                "SELECT COALESCE(SUM(owed), 0) FROM days WHERE tenant = $1", self.tenant
            )
        )
        self.folded = folded


@pytest.mark.req("OT-34", "OT-78", "P-3", "P-26")
def test_the_books_add_up_whatever_is_corrected(address: str) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        run_state_machine_as_test(
            lambda: CorrectionsMachine(runner, address),
            settings=settings(
                max_examples=QUICK, stateful_step_count=15, deadline=None, database=None
            ),
        )
