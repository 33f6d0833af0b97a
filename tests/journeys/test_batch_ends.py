"""A batch whose process dies, or that nobody asks about, is settled or listed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from journeys.batch_lines import CHAT, begun, line, result, sent, the_one
from journeys.gateway import NANOS_IN, NANOS_OUT, Gateway, gateway, until
from journeys.shelf import Shelf
from journeys.shelves import asking

pytestmark = pytest.mark.req("OT-51", "P-3")

DAY_MS = 86_400_000


@pytest.mark.req("P-1")
async def test_a_batch_that_nobody_asks_about_is_settled_all_the_same(
    looking: Gateway, shelf: Shelf
) -> None:
    async with asking(looking, looking.key) as client:
        batch = await begun(client)
        shelf.answer(the_one(shelf), [result("a")])
        shelf.run(the_one(shelf), status="completed")

        await looking.nothing_is_held()

        (listed,) = [each async for each in client.batches.list()]
    assert (listed.id, listed.status) == (batch.id, "completed")
    assert await looking.spent() == 11 * NANOS_IN + 5 * NANOS_OUT


@pytest.mark.req("P-1")
async def test_a_process_that_is_killed_loses_no_batch(looking: Gateway, shelf: Shelf) -> None:
    async with asking(looking, looking.key) as client:
        batch = await begun(client)
    looking.kill()
    before = await looking.rows("SELECT state, held FROM calls")
    shelf.answer(the_one(shelf), [result("a"), result("b")])
    shelf.run(the_one(shelf), status="completed")
    await looking.start()

    await looking.nothing_is_held()

    ((state, held),) = before
    assert (state, held > 0) == ("held", True)
    assert await looking.spent() == 22 * NANOS_IN + 10 * NANOS_OUT
    async with asking(looking, looking.key) as client:
        assert (await client.batches.retrieve(batch.id)).output_file_id is not None
    await looking.is_consistent()


@pytest.mark.req("P-1")
async def test_who_dies_before_the_batch_is_known_leaves_an_unknown_call_that_is_listed(
    tmp_path: Path, shelf: Shelf
) -> None:
    short = "[ledger]\nlease_s = 5\n"
    async with gateway(tmp_path, shelf.url, up="keeps_files = true", store=short) as it:
        async with asking(it, it.key) as client:
            file = await sent(client, line())
            shelf.holds_back = "POST /batches"
            asking_for_it = asyncio.create_task(
                client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h")
            )

            async def has_come() -> bool:
                return "POST /batches" in shelf.asked

            await until(has_come, "the provider is asked")
            it.kill()
            await asyncio.gather(asking_for_it, return_exceptions=True)
        await it.start()

        async def is_listed() -> bool:
            return await it.rows("SELECT state, anomaly FROM calls") == [("unknown", "owner_lost")]

        await until(is_listed, "the call is found without its owner")
        assert await it.held() > 0
        await it.is_consistent()


async def test_a_batch_that_never_ends_is_given_up_and_listed_as_unknown(
    looking: Gateway, shelf: Shelf
) -> None:
    async with asking(looking, looking.key) as client:
        await begun(client)
        await looking.on_store(
            lambda store: store.write(
                ("UPDATE batches SET created_at = created_at - $1", (3 * DAY_MS,))
            )
        )

        async def is_unknown() -> bool:
            return await looking.rows("SELECT state, anomaly FROM calls") == [
                ("unknown", "batch_lost")
            ]

        await until(is_unknown, "the batch is given up")
    assert await looking.held() > 0
