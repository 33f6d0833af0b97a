from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace

import pytest

from fakes import FakeLedger, FakeLimiter, FakeReply
from limits_given import taking
from pipeline.houses import CALLER, World, call, planned
from tollhouse.domain.budget import Hold, Outcome, Settlement, Source, dollars
from tollhouse.domain.errors import (
    BudgetExhausted,
    CostOverCeiling,
    FieldInvalid,
    RateLimited,
    StoreUnavailable,
    UpstreamBroke,
)
from tollhouse.domain.identity import Naming, Principal
from tollhouse.domain.limiting import Limits
from tollhouse.domain.metering import Meter
from tollhouse.domain.pricing import Kinds, Usage
from tollhouse.pipeline.admit import admitted
from tollhouse.pipeline.house import Shelves
from tollhouse.ports import Statement
from tollhouse.storage.sqlite import SqliteDatabase


class Seen:
    usage: Usage | None = Usage(input=10, output=5)

    def counted_output(self) -> int:
        return 7


@pytest.mark.req("B-6", "P-11")
async def test_the_worst_case_is_held_before_anything_else_happens() -> None:
    world, plan = World(), planned()

    async with admitted(call(), CALLER, plan, world.house):
        hold = world.ledger.holds["call-1"]

    assert hold.amount == plan.hold > 0
    assert (hold.owner, hold.accounts, hold.key) == ("owner-1", CALLER.accounts, CALLER.key)
    assert (hold.route, hold.model, hold.request_id) == ("chat", "m", "request-1")


@pytest.mark.req("B-6")
async def test_success_is_settled_once_for_what_it_cost() -> None:
    world, plan = World(), planned()

    async with admitted(call(), CALLER, plan, world.house) as meter:
        meter.sent(plan.legs[0])
        meter.completed(Seen())

    (settlement,) = world.ledger.settlements
    assert (settlement.outcome, settlement.source) == (Outcome.COMPLETED, Source.PROVIDER)
    assert settlement.owed == 10 * 1_000 + 5 * 2_000
    assert world.ledger.held == 0


@pytest.mark.req("B-13")
async def test_a_receipt_is_signed_after_the_settlement_and_nothing_is_settled_twice() -> None:
    world, plan = World(), planned()
    house = replace(world.house, receipts=lambda receipt: f"signed:{receipt.owed}")

    async with admitted(call(), CALLER, plan, house) as meter:
        meter.sent(plan.legs[0])
        meter.completed(Seen())
        assert meter.receipt is not None
        headers = await meter.receipt()

    (settlement,) = world.ledger.settlements
    assert headers == ((b"x-tollhouse-receipt", b"signed:%d" % settlement.owed),)


@pytest.mark.req("B-13")
async def test_a_call_that_somebody_else_has_settled_gets_no_receipt() -> None:
    world, plan = World(), planned()
    house = replace(world.house, receipts=lambda receipt: "signed")

    async with admitted(call(), CALLER, plan, house) as meter:
        meter.sent(plan.legs[0])
        meter.completed(Seen())
        await world.ledger.settle(meter.settle(1))
        assert meter.receipt is not None
        headers = await meter.receipt()

    assert headers == ()


@pytest.mark.req("B-18")
@pytest.mark.parametrize(("most", "passes"), [(0, True), (-1, False)])
async def test_a_call_that_could_cost_more_than_its_caller_wants_is_not_held(
    most: int, passes: bool
) -> None:
    world, plan = World(), planned()
    asked = call((b"x-max-cost", dollars(plan.hold + most).encode()))

    with nullcontext() if passes else pytest.raises(CostOverCeiling) as refusal:
        async with admitted(asked, CALLER, plan, world.house):
            pass

    assert bool(world.ledger.holds) is passes
    assert passes or f"up to {dollars(plan.hold)}, and" in refusal.value.detail


@pytest.mark.req("B-18")
@pytest.mark.parametrize("said", [b"", b"-1", b"1e3", b"nan", b"0.0000000001", b"\xff", b"1,5"])
async def test_a_ceiling_that_is_no_amount_is_refused(said: bytes) -> None:
    world = World()

    with pytest.raises(FieldInvalid) as refusal:
        async with admitted(call((b"x-max-cost", said)), CALLER, planned(), world.house):
            pass

    assert refusal.value.param == "x-max-cost"
    assert world.ledger.holds == {}


@pytest.mark.req("B-18")
@pytest.mark.parametrize("named", [b"", b"a b", b"x" * 129, b"\xff", b"a\tb"])
async def test_where_conversations_have_no_ceiling_they_may_be_called_anything(
    named: bytes,
) -> None:
    world = World()

    async with admitted(
        call((b"x-conversation-id", named)), CALLER, planned(), world.house
    ) as meter:
        assert meter.plan.hold == world.ledger.held

    assert world.ledger.holds["call-1"].shares == ()


@pytest.mark.req("B-18")
@pytest.mark.parametrize("named", [b"", b"a b", b"x" * 129, b"\xff", b"a\tb"])
async def test_where_they_have_one_what_is_no_name_is_refused(named: bytes) -> None:
    world, caller = World(), replace(CALLER, conversation_limit=10**9)

    with pytest.raises(FieldInvalid) as refusal:
        async with admitted(call((b"x-conversation-id", named)), caller, planned(), world.house):
            pass

    assert refusal.value.param == "x-conversation-id"
    assert world.ledger.holds == {}


@pytest.mark.req("B-18")
@pytest.mark.parametrize("named", [b"x", b"x" * 128, b"!~"])
async def test_a_conversation_has_an_account_of_its_own_with_its_ceiling(
    sqlite: SqliteDatabase, named: bytes
) -> None:
    world = World(shelves=Shelves(sqlite, {}))
    caller = replace(CALLER, conversation_limit=77)

    async with admitted(call((b"x-conversation-id", named)), caller, planned(), world.house):
        (share,) = world.ledger.holds["call-1"].shares

    sql = "SELECT owner, has_budget, limit_nanos FROM accounts WHERE id = $1"
    owner = f"key:{CALLER.key}?conversation={named.decode()}"
    assert await sqlite.read(sql, share.account) == [(owner, 1, 77)]


async def test_who_names_no_conversation_has_no_further_account() -> None:
    world, caller = World(), replace(CALLER, conversation_limit=77)

    async with admitted(call(), caller, planned(), world.house):
        pass

    assert world.ledger.holds["call-1"].shares == ()


@pytest.mark.req("OT-8")
@pytest.mark.parametrize(("naming", "end_user"), [(Naming.TOLERATE, "bert"), (Naming.KNOWN, None)])
async def test_whom_a_body_names_is_written_down_where_that_is_let_pass(
    naming: Naming, end_user: str | None
) -> None:
    world, plan = World(), planned()
    named = replace(plan, ask=replace(plan.ask, named=("bert",)))

    async with admitted(call(), replace(CALLER, naming=naming), named, world.house):
        pass

    assert world.ledger.holds["call-1"].end_user == end_user


@pytest.mark.req("OT-39")
async def test_a_key_that_is_exempt_holds_nothing_and_is_written_down() -> None:
    world = World()

    async with admitted(call(), replace(CALLER, accounts=(-1, -2, -3, -4)), planned(), world.house):
        pass

    assert world.ledger.holds["call-1"].amount == 0


class Begun:
    """An answer that was cut after the provider had said what went in."""

    usage: Usage | None = Usage(input=10, cache_read=4, cache_write=3, kinds=Kinds(long_write=1))

    def counted_output(self) -> int:
        return 7


@pytest.mark.req("P-8", "B-5")
async def test_what_went_in_is_known_though_the_answer_was_cut() -> None:
    world, plan = World(), planned()

    async with admitted(call(), CALLER, plan, world.house) as meter:
        meter.sent(plan.legs[0])
        meter.streaming(Begun())

    (settlement,) = world.ledger.settlements
    assert settlement.usage == Usage(10, 7, 4, 3, kinds=Kinds(long_write=1))
    assert (settlement.source, settlement.anomaly) == (Source.COUNTED, None)


@pytest.mark.req("P-7")
async def test_a_whole_answer_that_says_nothing_of_its_output_is_marked() -> None:
    world, plan = World(), planned()

    async with admitted(call(), CALLER, plan, world.house) as meter:
        meter.sent(plan.legs[0])
        meter.completed(Begun())

    (settlement,) = world.ledger.settlements
    assert (settlement.usage.output, settlement.anomaly) == (7, "no_output_reported")


@pytest.mark.req("B-6")
@pytest.mark.parametrize("error", [UpstreamBroke(), RuntimeError("x"), KeyboardInterrupt()])
async def test_whatever_goes_wrong_inside_is_settled_once(error: BaseException) -> None:
    world = World()

    with pytest.raises(type(error)):
        await _raise_inside(world, error)

    (settlement,) = world.ledger.settlements
    assert (settlement.outcome, settlement.owed) == (Outcome.NOT_SENT, 0)


@pytest.mark.req("B-6", "P-11")
async def test_a_call_that_was_sent_and_never_seen_again_is_settled_as_unknown() -> None:
    world, plan = World(), planned()

    with suppress(UpstreamBroke):
        async with admitted(call(), CALLER, plan, world.house) as meter:
            meter.sent(plan.legs[0])
            raise UpstreamBroke

    assert [each.outcome for each in world.ledger.settlements] == [Outcome.UNKNOWN]


@pytest.mark.req("B-5", "B-6")
async def test_a_call_that_is_cancelled_is_settled_once() -> None:
    world, inside = World(), asyncio.Event()

    async def wait() -> None:
        async with admitted(call(), CALLER, planned(), world.house):
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await inside.wait()
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert len(world.ledger.settlements) == 1
    assert world.ledger.held == 0


@pytest.mark.req("B-6", "P-11")
async def test_a_caller_that_leaves_while_the_hold_is_made_keeps_nothing() -> None:
    world = World(ledger=FakeLedger(gate=asyncio.Event()))

    async def enter() -> None:
        async with admitted(call(reply=FakeReply(is_gone=True)), CALLER, planned(), world.house):
            raise AssertionError("the hold was never told")

    task = asyncio.create_task(enter())
    while not world.ledger.holds:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])

    assert task.cancelled()
    assert [each.outcome for each in world.ledger.settlements] == [Outcome.NOT_SENT]
    assert world.ledger.held == 0


@pytest.mark.req("P-4", "R-11")
async def test_what_does_not_fit_is_refused_and_has_nothing_to_settle() -> None:
    world = World(ledger=FakeLedger(limit=1))

    with pytest.raises(BudgetExhausted):
        await _raise_inside(world, AssertionError("it was let in"))

    assert (world.ledger.holds, world.ledger.settlements) == ({}, [])


@pytest.mark.req("B-6", "P-11")
async def test_a_hold_of_which_the_store_could_not_tell_lets_nobody_in_and_is_given_back() -> None:
    ledger = SilentLedger()
    world = World(ledger=ledger)

    with pytest.raises(StoreUnavailable):
        await _raise_inside(world, AssertionError("it was let in"))

    assert [each.outcome for each in ledger.settlements] == [Outcome.NOT_SENT]
    assert ledger.held == 0


@pytest.mark.req("S-79")
async def test_a_caller_over_its_rate_holds_nothing() -> None:
    world = World(limiter=FakeLimiter(RateLimited()))
    caller = replace(CALLER, limits=Limits((taking(1).rule,), None))

    with pytest.raises(RateLimited):
        await _raise_inside(world, AssertionError("it was let in"), caller)

    assert world.limiter.taken == [("call-1", (taking(1),))]
    assert (world.ledger.holds, world.ledger.settlements) == ({}, [])


@pytest.mark.req("P-7")
def test_more_than_the_hold_is_never_owed() -> None:
    plan = planned()
    meter = Meter("call-1", plan)
    meter.sent(plan.legs[0])
    seen = Seen()
    seen.usage = Usage(input=10**9, output=10**9)
    meter.completed(seen)

    settlement = meter.settle(1)

    assert (settlement.owed, settlement.anomaly) == (plan.hold, "over_bound")


async def test_who_leaves_does_not_wait_until_the_ledger_has_it() -> None:
    ledger = SlowLedger()
    world = World(ledger=ledger)

    async with asyncio.timeout(5), admitted(call(), CALLER, planned(), world.house):
        pass

    assert [each.outcome for each in ledger.settlements] == [Outcome.NOT_SENT]


async def _raise_inside(world: World, error: BaseException, caller: Principal = CALLER) -> None:
    async with admitted(call(), caller, planned(), world.house):
        raise error


class SlowLedger(FakeLedger):
    """What is to be settled is asked for, and nothing is heard of it."""

    def settle(self, settlement: Settlement) -> Awaitable[bool]:
        self.settlements.append(settlement)
        return asyncio.get_running_loop().create_future()


class SilentLedger(SlowLedger):
    """The hold stands, and its store is gone before it could say so. What is to be settled is kept until it is back."""

    async def hold(self, hold: Hold, beside: Sequence[Statement] = ()) -> None:
        self.holds[hold.call] = hold
        raise StoreUnavailable
