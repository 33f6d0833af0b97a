from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime

import pytest

from stores import NOW, Store
from tollhouse.control import price_updates, prices
from tollhouse.control.prices import Rates
from tollhouse.domain.price_changes import Move
from tollhouse.domain.pricebook import Pricebook, listing
from tollhouse.domain.storing import Conflict
from tollhouse.storage.prices import PriceRow

pytestmark = pytest.mark.req("B-19", "OT-31")

TODAY = datetime.fromtimestamp(NOW / 1000, UTC).date()
LATER = date(2099, 1, 1)


async def test_nothing_holds_before_it_was_approved(store: Store) -> None:
    await seeded(store, a="3")

    update = await proposed(store, a="4", b="1")

    assert [(each.row.new.model, each.is_open) for each in update.changes] == [
        ("up:a", True),
        ("up:b", True),
    ]
    assert update.changes[0].moves[0] == Move("input", 0, 3_000_000, 4_000_000)
    assert await rates(store) == {"up:a": 3_000_000}


async def test_what_was_approved_is_a_new_row_that_says_who_when_and_from_what(
    store: Store,
) -> None:
    await seeded(store, a="3")
    update = await proposed(store, a="4")

    await price_updates.approve(store, update.proposal.id, (), NOW + 5, "anna")

    newest, oldest = await prices.history(store, "up:a")
    assert (oldest.input, newest.input) == (3_000_000, 4_000_000)
    assert (newest.effective_at_ms, newest.created_at_ms) == (NOW + 5, NOW + 5)
    assert (newest.set_by, newest.source) == ("anna", "the list of up:a")
    (change,) = (await price_updates.shown(store, update.proposal.id)).changes
    assert (change.row.verdict, change.row.decided_by) == ("approved", "anna")


async def test_a_jump_is_held_until_it_is_approved_by_name(store: Store) -> None:
    await seeded(store, a="1", b="1")
    update = await proposed(store, a="10.000001", b="2")

    first = await price_updates.approve(store, update.proposal.id, (), NOW + 1)
    between = await rates(store, NOW + 1)
    second = await price_updates.approve(store, update.proposal.id, ("up:a",), NOW + 2)

    assert (first.held, len(first.added)) == (("up:a",), 1)
    assert between == {"up:a": 1_000_000, "up:b": 2_000_000}
    assert (second.held, len(second.added)) == ((), 1)
    assert await rates(store, NOW + 2) == {"up:a": 10_000_001, "up:b": 2_000_000}


async def test_what_is_approved_twice_at_once_is_set_once(store: Store) -> None:
    await seeded(store, a="3")
    update = await proposed(store, a="4")

    done = await asyncio.gather(
        *(price_updates.approve(store, update.proposal.id, (), NOW + n) for n in (1, 2)),
        return_exceptions=True,
    )

    assert len(await prices.history(store, "up:a")) == 2
    assert sum(len(each.added) for each in done if not isinstance(each, BaseException)) == 1


async def test_what_was_rejected_never_holds(store: Store) -> None:
    await seeded(store, a="3")
    update = await proposed(store, a="4")

    assert await price_updates.reject(store, update.proposal.id, NOW) == 1
    assert (await price_updates.approve(store, update.proposal.id, (), NOW + 1)).added == ()
    assert await rates(store, NOW + 1) == {"up:a": 3_000_000}


async def test_what_an_operator_priced_is_left_alone_and_what_is_gone_keeps_its_price(
    store: Store,
) -> None:
    await seeded(store, a="3", b="3", c="3")
    await prices.set_price(store, "up:a", Rates("2", "2"), NOW + 1, NOW + 1)

    update = await proposed(store, now_ms=NOW + 2, a="4", b="5")

    assert [each.row.new.model for each in update.changes] == ["up:b"]
    assert update.proposal.gone == ("up:c",)


async def test_a_book_that_says_what_holds_already_changes_nothing(store: Store) -> None:
    await seeded(store, a="3")

    assert await price_updates.propose(store, book(a="3.000000"), "a book", NOW) is None


async def test_a_price_that_was_changed_meanwhile_is_not_overwritten(store: Store) -> None:
    await seeded(store, a="3")
    update = await proposed(store, a="4")
    await prices.set_price(store, "up:a", Rates("2", "2"), NOW + 1, NOW + 1)

    with pytest.raises(Conflict, match="has changed since"):
        await price_updates.approve(store, update.proposal.id, (), NOW + 2)

    assert await rates(store, NOW + 2) == {"up:a": 2_000_000}


async def test_a_price_that_is_announced_holds_from_its_day(store: Store) -> None:
    await seeded(store, a="3")
    announced = listing(row("up:a", "5", LATER))
    update = await price_updates.propose(
        store, Pricebook("x", (*book(a="4").listings, announced)), "a book", NOW
    )

    assert update is not None
    assert [move.old for move in update.changes[1].moves] == [4_000_000, 4_000_000, 4_000_000]
    await price_updates.approve(store, update.proposal.id, (), NOW + 1)

    moment_ms = round(datetime.combine(LATER, datetime.min.time(), UTC).timestamp() * 1000)
    assert await rates(store, NOW + 1) == {"up:a": 4_000_000}
    assert await rates(store, moment_ms) == {"up:a": 5_000_000}


async def test_what_was_announced_may_be_announced_anew(store: Store) -> None:
    now, then = listing(row("up:a", "3")), listing(row("up:a", "5", LATER))
    await prices.seed(store, (now, then), NOW)
    anew = Pricebook("x", (now, listing(row("up:a", "6", LATER))))
    update = await price_updates.propose(store, anew, "a book", NOW)

    assert update is not None
    await price_updates.approve(store, update.proposal.id, (), NOW)

    moment_ms = round(datetime.combine(LATER, datetime.min.time(), UTC).timestamp() * 1000)
    assert await rates(store, moment_ms - 1) == {"up:a": 3_000_000}
    assert await rates(store, moment_ms + 1) == {"up:a": 6_000_000}


@pytest.mark.parametrize("name", ["", "nope"])
async def test_an_update_that_is_not_there_is_none(store: Store, name: str) -> None:
    with pytest.raises(Conflict):
        await price_updates.shown(store, name)


async def test_a_jump_is_named_by_a_target_that_waits(store: Store) -> None:
    update = await proposed(store, a="4")

    with pytest.raises(Conflict, match="nothing is open"):
        await price_updates.approve(store, update.proposal.id, ("up:b",), NOW)

    assert await rates(store) == {}


async def seeded(store: Store, **dollars: str) -> None:
    await prices.seed(store, book(**dollars).listings, NOW)


async def proposed(store: Store, now_ms: int = NOW, **dollars: str) -> price_updates.Update:
    update = await price_updates.propose(store, book(**dollars), "a book", now_ms)
    assert update is not None
    return update


async def rates(store: Store, now_ms: int = NOW) -> dict[str, int]:
    found: list[PriceRow] = await prices.in_force(store, now_ms)
    return {each.model: each.input for each in found}


def book(**dollars: str) -> Pricebook:
    return Pricebook("x", tuple(listing(row(f"up:{name}", rate)) for name, rate in dollars.items()))


def row(target: str, dollars: str, since: date = TODAY) -> dict[str, object]:
    return {
        "target": target,
        "input": dollars,
        "output": "7",
        "source": f"the list of {target}",
        "effective": since,
    }
