"""Whose a batch is stands in every question of a caller, and what is held for one is nobody's to lose."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stores import NOW, Store, acme_key, hold
from tollhouse.control import tenancy
from tollhouse.domain.batches import Batch, Load
from tollhouse.domain.files import File
from tollhouse.domain.pricing import Price
from tollhouse.storage import batches, calls, files

pytestmark = pytest.mark.req("S-48", "P-18", "OT-51")

OURS, THEIRS = "acme/default", "bolt/default"
PRICE = Price(7, "up:m", 1, 2, 3, 4, per_call=5)


@pytest.fixture
async def runs(store: Store) -> Store:
    """Three of one project, and one of another tenant's."""
    for tenant in ("acme", "bolt"):
        await tenancy.create_tenant(store, tenant, NOW)
    for number in (1, 2, 3):
        await batches.add(store, a_batch(f"batch_{number}", OURS))
    await batches.add(store, a_batch("batch_2b", THEIRS))
    return store


async def test_a_batch_is_found_by_its_own_project_alone_with_all_that_it_has(runs: Store) -> None:
    ours = await batches.find(runs, OURS, "batch_1")
    theirs = await batches.find(runs, THEIRS, "batch_1")

    assert ours == a_batch("batch_1", OURS)
    assert theirs is None


async def test_a_batch_without_a_price_has_none_when_it_is_found(runs: Store) -> None:
    free = replace(a_batch("batch_4", OURS), price=None)
    await batches.add(runs, free)

    assert await batches.find(runs, OURS, "batch_4") == free


@pytest.mark.parametrize(
    ("newest_first", "wanted"),
    [(True, ["batch_3", "batch_2", "batch_1"]), (False, ["batch_1", "batch_2", "batch_3"])],
)
async def test_pages_of_one_project_follow_each_other(
    runs: Store, newest_first: bool, wanted: list[str]
) -> None:
    first = await batches.page(runs, OURS, after="", limit=2, newest_first=newest_first)
    rest = await batches.page(runs, OURS, after=first[-1].id, limit=2, newest_first=newest_first)

    assert [batch.id for batch in first + rest] == wanted


async def test_what_is_due_is_claimed_by_one_alone_and_not_due_again(runs: Store) -> None:
    (one, *_) = await batches.due(runs, NOW, 10)

    claims = [await batches.claim(runs, one, NOW + 5) for _ in range(2)]

    assert claims == [True, False]
    assert one.id not in [batch.id for batch in await batches.due(runs, NOW, 10)]
    assert one.id in [batch.id for batch in await batches.due(runs, NOW + 5, 10)]


async def test_a_batch_is_settled_once_and_not_told_anew(runs: Store) -> None:
    settled = [await batches.settle(runs, "batch_1", told, NOW + 1) for told in ("end", "later")]
    await batches.tell(runs, "batch_1", "running")

    found = await batches.find(runs, OURS, "batch_1")
    assert settled == [True, False]
    assert found is not None
    assert (found.told, found.settled_at_ms) == ("end", NOW + 1)
    assert "batch_1" not in [batch.id for batch in await batches.due(runs, NOW + 9, 10)]


@pytest.mark.req("P-1", "P-3")
async def test_what_is_held_for_an_open_batch_is_not_lost_with_the_process_that_held_it(
    store: Store,
) -> None:
    key = await acme_key(store)
    for call in ("c1", "c2", "c3"):
        await hold(store, key, call, 5, owner="gone")
    await batches.add(store, replace(a_batch("batch_c1", OURS), call="c1"))
    await batches.add(store, replace(a_batch("batch_c2", OURS), call="c2", settled_at_ms=NOW))

    lost = await calls.lose(store, NOW)

    found = [await calls.call(store, call) for call in ("c1", "c2", "c3")]
    assert lost == 2
    assert [call.state for call in found if call] == ["held", "unknown", "unknown"]


async def test_a_file_remembers_what_its_lines_come_to(runs: Store) -> None:
    load = Load("/v1/embeddings", "m", "up:m", 3, 100, 0, False, ("audio",))
    file = File("file-1", OURS, "up", "x", "batch", "in", 7, NOW, load=load, answers_as="m")
    await files.add(runs, file)

    found = await files.find(runs, OURS, "file-1", NOW)

    assert found is not None
    assert found.load is not None
    assert (found.answers_as, replace(found.load, unpriced=tuple(found.load.unpriced))) == (
        "m",
        load,
    )


def a_batch(batch_id: str, project: str) -> Batch:
    return Batch(
        id=batch_id,
        project=project,
        provider="up",
        known_as=f"up-{batch_id}",
        call=f"call-{batch_id}",
        file="file-1",
        model="m",
        target="up:m",
        held=100,
        price=PRICE,
        told="{}",
        created_at_ms=NOW,
        looked_at_ms=NOW,
    )
