"""The real small model behind a served gateway, and what its answers came to in the ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from journeys.gateway import NANOS_IN, NANOS_OUT, TEXTS, Gateway, gateway
from tollhouse.providers.local import why_unavailable

REASON = why_unavailable()
with_the_model = [
    pytest.mark.slow,
    pytest.mark.skipif(REASON is not None, reason=str(REASON)),
]


@asynccontextmanager
async def local_gateway(directory: Path) -> AsyncIterator[Gateway]:
    async with gateway(
        directory,
        "http://127.0.0.1:1/v1",
        settings='[providers.local]\nkind = "local"\n',
        targets=("local:smollm2-135m",),
        does=TEXTS,
    ) as it:
        yield it


async def settled(door: Gateway) -> tuple[int, int]:
    """Tokens in and out of the newest call, once what they cost was checked."""
    await door.nothing_is_held()
    sql = "SELECT source, owed, input, output, cache_read FROM calls ORDER BY id DESC LIMIT 1"
    ((source, owed, heard, said, cached),) = await door.rows(sql)
    assert source == "provider"
    assert owed == (heard + cached) * NANOS_IN + said * NANOS_OUT > 0
    return heard + cached, said
