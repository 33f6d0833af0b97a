from __future__ import annotations

from stores import DAY_MS, NOW, Store, acme_key, hold, settle
from tollhouse.domain.budget import Outcome
from tollhouse.storage import calls, owners
from tollhouse.storage.calls import Filter
from tollhouse.storage.owners import Owner


async def test_pages_follow_each_other_from_the_newest_on(store: Store) -> None:
    key = await acme_key(store)
    for number in range(5):
        await hold(store, key, f"c{number}", 1)

    first = await calls.page(store, Filter(), 3)
    second = await calls.page(store, Filter(), 3, before=first[-1].id)

    assert [call.id for call in first + second] == ["c4", "c3", "c2", "c1", "c0"]


async def test_a_filter_narrows_by_each_of_its_fields(store: Store) -> None:
    key = await acme_key(store)
    await hold(store, key, "c1", 1)
    await hold(store, key, "c2", 1, at_ms=NOW + DAY_MS)
    await settle(store, "c1", 1)

    async def found(wanted: Filter) -> list[str]:
        return [call.id for call in await calls.page(store, wanted, 10)]

    assert await found(Filter(state="settled")) == ["c1"]
    assert await found(Filter(since_ms=NOW + 1)) == ["c2"]
    assert await found(Filter(tenant="acme", key=key.id, model="small")) == ["c2", "c1"]
    assert await found(Filter(tenant="bolt")) == []


async def test_what_a_dead_owner_held_becomes_unknown_and_the_rest_stays(store: Store) -> None:
    key = await acme_key(store)
    await owners.register(store, Owner("alive", "host", 1, NOW, NOW + 30_000))
    await owners.register(store, Owner("dead", "host", 2, NOW, NOW + 1000))
    for owner in ("alive", "dead", "gone"):
        await hold(store, key, f"c-{owner}", 1, owner=owner)

    lost = await calls.lose(store, NOW + 2000)

    assert lost == 2
    states = {call.id: call.state for call in await calls.open_calls(store)}
    assert states == {"c-alive": "held", "c-dead": "unknown", "c-gone": "unknown"}


async def test_a_call_found_lost_can_still_be_settled_by_its_slow_owner(store: Store) -> None:
    key = await acme_key(store)
    await hold(store, key, "c1", 100, owner="slow")
    await calls.lose(store, NOW + 2000)

    await settle(store, "c1", 40)

    call = await calls.call(store, "c1")
    assert call is not None
    assert (call.state, call.outcome, call.owed) == ("settled", Outcome.COMPLETED, 40)
