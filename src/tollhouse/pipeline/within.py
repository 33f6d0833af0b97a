"""A route's deadline: the whole call is over by then, whatever it waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tollhouse.domain.errors import UpstreamTimeout


@asynccontextmanager
async def within(deadline_s: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(deadline_s):
            yield
    except TimeoutError:
        raise UpstreamTimeout(
            f"The call was not done within {deadline_s:g} s, the whole time its route allows."
        ) from None
