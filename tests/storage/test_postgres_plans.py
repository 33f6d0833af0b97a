"""How PostgreSQL goes about what the ledger asks: by key, whatever it knew of the tables when it planned."""

from __future__ import annotations

import pytest

from journeys.gateway import until
from stores import acme_key, hold, settle
from tollhouse.storage.postgres import PostgresDatabase

CALLS = 60
SCANS = "SELECT coalesce(sum(seq_scan), 0) FROM pg_stat_user_tables WHERE relname IN ('calls', 'shares', 'attempts')"
WRITTEN = "SELECT n_tup_ins FROM pg_stat_user_tables WHERE relname = 'calls'"


@pytest.mark.req("P-3")
async def test_a_plan_that_was_made_while_the_books_were_empty_does_not_read_them_from_end_to_end(
    postgres_database: str,
) -> None:
    gateway, looking = (PostgresDatabase(postgres_database, None, 2) for _ in range(2))
    await gateway.migrate()
    key = await acme_key(gateway)
    (before,) = (await looking.read(SCANS))[0]

    for number in range(CALLS):
        await hold(gateway, key, f"call-{number}", 1_000)
        await settle(gateway, f"call-{number}", 900)
    await gateway.close()

    async def is_counted() -> bool:
        return await looking.read(WRITTEN) == [(CALLS,)]

    await until(is_counted, "PostgreSQL has counted what the connection did")
    ((after,),) = await looking.read(SCANS)
    await looking.close()
    assert after - before < CALLS
