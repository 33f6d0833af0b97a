"""A hold and what stands beside it: both, or neither. And the keys that calls come under, on every store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from secrets import token_hex

import pytest
from databases import (
    NOW,
    UNLIMITED,
    Accounts,
    Store,
    account,
    balances,
    four_accounts,
    holding,
    open_store,
    settling,
    state,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from servers import PostgresServer
from tollhouse.control import keys, removing, tenancy
from tollhouse.control.peppers import Peppers
from tollhouse.domain.budget import Hold, Outcome
from tollhouse.domain.errors import BudgetExhausted, Refusal
from tollhouse.domain.periods import Calendar, Period, window
from tollhouse.domain.repeats import Kept, answer_of
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Statement
from tollhouse.storage import repeats

pytestmark = pytest.mark.req("H-148", "S-93")

DAY_MS = 86_400_000
PEPPERS = Peppers(1, {1: b"p" * 32})
DAILY = Period(Calendar.DAY)


def claiming(hold: Hold, claim: str = "claim", at_ms: int = NOW) -> tuple[Statement, ...]:
    whose = (hold.tenant, hold.key, hold.call)
    return tuple(repeats.claiming(claim, *whose, "asked", at_ms, at_ms + DAY_MS))


async def claimed_by(store: Store, claim: str = "claim") -> str | None:
    rows = await store.read("SELECT call FROM repeats WHERE id = $1", claim)
    return str(rows[0][0]) if rows else None


async def test_a_hold_stands_with_what_is_beside_it(store: Store) -> None:
    accounts = await four_accounts(store, 100)
    hold = holding(accounts, 40)

    await store.hold(hold, claiming(hold))

    assert await claimed_by(store) == hold.call
    assert await balances(store, accounts) == [(0, 40)] * 4


async def test_a_hold_that_is_refused_leaves_nothing_beside_it(store: Store) -> None:
    accounts = await four_accounts(store, 100)
    hold = holding(accounts, 101)

    with pytest.raises(BudgetExhausted):
        await store.hold(hold, claiming(hold))

    assert await claimed_by(store) is None
    assert await balances(store, accounts) == [(0, 0)] * 4


async def test_where_what_is_beside_it_is_taken_nothing_is_held(store: Store) -> None:
    accounts = await four_accounts(store, 100)
    first, second = holding(accounts, 40), holding(accounts, 30)
    await store.hold(first, claiming(first))

    with pytest.raises(Conflict):
        await store.hold(second, claiming(second))

    assert (await claimed_by(store), await state(store, second)) == (first.call, None)
    assert await balances(store, accounts) == [(0, 40)] * 4


async def test_of_many_at_once_one_has_the_claim_and_the_others_change_nothing(
    store: Store, address: str
) -> None:
    accounts = await four_accounts(store, 1000)
    other = open_store(address)
    rivals = [holding(accounts, 10) for _ in range(8)]
    plain = [holding(accounts, 1) for _ in range(8)]

    results = await asyncio.gather(
        *((store, other)[n % 2].hold(each, claiming(each)) for n, each in enumerate(rivals)),
        *(store.hold(each) for each in plain),
        return_exceptions=True,
    )

    assert sorted(type(each).__name__ for each in results[:8]) == ["Conflict"] * 7 + ["NoneType"]
    assert results[8:] == [None] * 8
    assert await claimed_by(store) == rivals[results.index(None)].call
    assert await balances(store, accounts) == [(0, 18)] * 4
    for each in (*rivals, *plain):
        await store.settle(settling(each, 1))
    assert await balances(store, accounts) == [(9, 0)] * 4
    await other.close()


async def test_a_window_that_is_over_starts_anew_beside_it_too(store: Store) -> None:
    daily = await account(store, 100, DAILY)
    accounts = (daily, *(await four_accounts(store))[1:])
    spent = holding(accounts, 90)
    await store.hold(spent)
    await store.settle(settling(spent, 90))
    late_ms = window(DAILY, NOW).end
    late = holding(accounts, 60, at_ms=late_ms)

    await store.hold(late, claiming(late, at_ms=late_ms))

    assert await claimed_by(store) == late.call
    assert await balances(store, (daily,)) == [(0, 60)]


@pytest.mark.parametrize(
    ("outcome", "owed", "lets_go"),
    [
        (Outcome.NOT_SENT, 0, True),
        (Outcome.REFUSED, 0, True),
        (Outcome.CUT_BY_GATEWAY, 0, True),
        (Outcome.CUT_BY_CLIENT, 1, False),
        (Outcome.COMPLETED, 0, False),
        (Outcome.COMPLETED, 1, False),
        (Outcome.UNKNOWN, 0, False),
    ],
)
async def test_only_a_call_that_came_to_nothing_lets_go_of_its_claim(
    store: Store, outcome: Outcome, owed: int, lets_go: bool
) -> None:
    accounts = await four_accounts(store, 100)
    first, second = holding(accounts, 10), holding(accounts, 10)
    await store.hold(first, claiming(first))
    await store.settle(settling(first, owed, outcome))

    results = await asyncio.gather(store.hold(second, claiming(second)), return_exceptions=True)

    assert (results == [None]) is lets_go
    assert await claimed_by(store) == (second if lets_go else first).call


async def test_what_was_answered_keeps_its_claim_however_it_was_settled(store: Store) -> None:
    accounts = await four_accounts(store, 100)
    first, second = holding(accounts, 10), holding(accounts, 10)
    await store.hold(first, claiming(first))
    await repeats.keep(store, "claim", first.call, "text/plain", b"sealed")
    await store.settle(settling(first, 0, Outcome.NOT_SENT))

    with pytest.raises(Conflict):
        await store.hold(second, claiming(second))

    assert await claimed_by(store) == first.call


async def test_a_claim_ends_in_its_time(store: Store) -> None:
    accounts = await four_accounts(store, 100)
    first, second = holding(accounts, 10), holding(accounts, 10)
    await store.hold(first, claiming(first))
    late_ms = NOW + DAY_MS

    before = await repeats.find(store, "claim", late_ms - 1)
    after = await repeats.find(store, "claim", late_ms)
    await store.hold(second, claiming(second, at_ms=late_ms))

    assert before is not None
    assert after is None
    assert await claimed_by(store) == second.call
    assert await repeats.forget(store, late_ms) == 0
    assert await repeats.forget(store, late_ms + DAY_MS) == 1


async def test_an_answer_is_kept_for_the_call_that_has_the_claim_alone(store: Store) -> None:
    accounts = await four_accounts(store, 100)
    hold = holding(accounts, 10)
    await store.hold(hold, claiming(hold))

    others = await repeats.keep(store, "claim", "another", "text/plain", b"\x00theirs")
    own = await repeats.keep(store, "claim", hold.call, "text/plain", b"\x00own")

    kept = await repeats.find(store, "claim", NOW)
    assert (others, own) == (False, True)
    assert kept is not None
    assert (kept.call, kept.answer) == (hold.call, Kept("text/plain", b"\x00own"))


async def test_a_call_of_a_dead_process_is_told_from_one_under_way(store: Store) -> None:
    accounts = await four_accounts(store, 100)
    hold = holding(accounts, 10)
    await store.hold(hold, claiming(hold))
    lease = "INSERT INTO owners (id, host, pid, started_at, lease_until) VALUES ($1, 'h', 1, 0, $2)"
    await store.write((lease, (hold.owner, NOW + 10)))

    seen = [await repeats.find(store, "claim", at_ms) for at_ms in (NOW, NOW + 10)]

    assert [each and each.is_lost for each in seen] == [False, True]


async def test_a_tenant_that_is_deleted_takes_its_keys_and_answers_along(store: Store) -> None:
    await tenancy.create_tenant(store, "acme", NOW)
    for claim, tenant in (("theirs", "acme"), ("others", "bolt")):
        await store.write(*repeats.claiming(claim, tenant, "k", claim, "asked", NOW, NOW + DAY_MS))

    await removing.delete(store, tenancy.Kind.TENANT, "acme")

    assert await store.read("SELECT id FROM repeats") == [("others",)]


async def test_an_api_key_that_is_revoked_takes_its_answers_along(store: Store) -> None:
    await tenancy.create_tenant(store, "acme", NOW)
    issued = [
        await keys.issue(store, PEPPERS, keys.Wish("acme", name), NOW)
        for name in ("first", "second")
    ]
    for each in issued:
        await store.write(
            *repeats.claiming(each.id, "acme", each.id, "c", "asked", NOW, NOW + DAY_MS)
        )

    await keys.revoke(store, issued[0].id)

    assert await store.read("SELECT id FROM repeats") == [(issued[1].id,)]


FATES = st.sampled_from(
    [
        *("dies", "answers", "answers, too large", "is refused", "never leaves"),
        *("is cut", "is cut at once", "is lost from sight", "dies, answered", "goes on"),
    ]
)


@given(fates=st.lists(FATES, min_size=1, max_size=6))
@settings(max_examples=60)
def test_whatever_becomes_of_each_at_most_one_is_charged_and_one_answer_is_given(
    machine: Machine, fates: list[str]
) -> None:
    answers = [machine.runner.run(machine.comes(fate)) for fate in fates]

    machine.runner.run(machine.is_charged_once())
    given = [each for each in answers if each is not None]
    assert len(set(given)) <= 1
    machine.begin_anew()


class Machine:
    """Does with a store what the pipeline does when a call comes under one key."""

    def __init__(self, runner: asyncio.Runner, address: str) -> None:
        self.runner = runner
        self.store = open_store(address)
        self.accounts = runner.run(self._open())
        self.begin_anew()

    def begin_anew(self) -> None:
        self.claim, self.calls = token_hex(8), list[str]()

    async def _open(self) -> Accounts:
        await self.store.migrate()
        return await four_accounts(self.store, UNLIMITED)

    async def comes(self, fate: str) -> bytes | None:
        """The answer that the caller gets, if there is one."""
        store = self.store
        before = await repeats.find(store, self.claim, NOW)
        if before is not None and not before.came_to_nothing:
            try:
                if (kept := answer_of(before, "asked")) is not None:
                    return kept.sealed
            except Refusal:
                return None
            await store.settle(settling(self._named(before.call), 0, Outcome.CUT_BY_GATEWAY))
        hold = replace(holding(self.accounts, 100), owner=token_hex(8))
        await store.write((_LIVES, (hold.owner, NOW + 1)))
        self.calls.append(hold.call)
        await store.hold(hold, claiming(hold, self.claim))
        return await self._ends(hold, fate)

    async def _ends(self, hold: Hold, fate: str) -> bytes | None:
        store, answer = self.store, hold.call.encode()
        if fate in ("answers", "dies, answered"):
            await repeats.keep(store, self.claim, hold.call, "text/plain", answer)
        outcome, owed = ENDS.get(fate, (None, 0))
        if outcome is not None:
            await store.settle(settling(hold, owed, outcome))
        if fate.startswith("dies"):
            await store.write(("DELETE FROM owners WHERE id = $1", (hold.owner,)))
        return answer if fate == "answers" else None

    async def is_charged_once(self) -> None:
        charged = [
            call
            for call, owed in await self.store.read("SELECT id, owed FROM calls WHERE owed > 0")
            if call in self.calls
        ]
        assert len(charged) <= 1

    def _named(self, call: str) -> Hold:
        return holding(self.accounts, 100, call)


ENDS = {
    "answers": (Outcome.COMPLETED, 7),
    "answers, too large": (Outcome.COMPLETED, 7),
    "is refused": (Outcome.REFUSED, 0),
    "never leaves": (Outcome.NOT_SENT, 0),
    "is cut": (Outcome.CUT_BY_CLIENT, 3),
    "is cut at once": (Outcome.CUT_BY_CLIENT, 0),
    "is lost from sight": (Outcome.UNKNOWN, 0),
}
_LIVES = "INSERT INTO owners (id, host, pid, started_at, lease_until) VALUES ($1, 'h', 1, 0, $2)"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def machine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    with asyncio.Runner() as runner, ExitStack() as stack:
        if request.param == "sqlite":
            address = str(tmp_path_factory.mktemp("machine") / "tollhouse.db")
        else:
            server: PostgresServer = request.getfixturevalue("postgres")
            address = stack.enter_context(server.database())
        it = Machine(runner, address)
        yield it
        runner.run(it.store.close())
