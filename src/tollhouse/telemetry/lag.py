"""How late the event loop is: what every call under way waits for beside its own work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

EVERY_S = 0.05


async def measure_lag(tell: Callable[[float], None]) -> None:
    """Tells, for ever, by how many seconds a short sleep was too long."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + EVERY_S
        await asyncio.sleep(EVERY_S)
        tell(max(loop.time() - due, 0.0))
