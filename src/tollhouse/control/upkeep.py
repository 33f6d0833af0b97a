"""What a serving process does beside answering: it renews its lease, sweeps, and notes used keys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from tollhouse.control import keys, sweeping
from tollhouse.control.sweeping import Policy
from tollhouse.domain.errors import StoreUnavailable
from tollhouse.ports import Database, Ledger

RETRY_S = 1.0


@dataclass(frozen=True, slots=True)
class Tenancy:
    """Who this process is to the ledger, and for how long at a time."""

    owner: str
    host: str
    pid: int
    lease_s: int


async def keep_lease(
    database: Database, ledger: Ledger, me: Tenancy, policy: Policy, now_ms: Callable[[], int]
) -> None:
    """Renew and sweep for ever, three times within a lease."""
    while True:
        try:
            if not await sweeping.renew(database, me.owner, me.lease_s, now_ms()):
                await sweeping.register(database, me.owner, me.host, me.pid, me.lease_s, now_ms())
            await sweeping.sweep(database, ledger, policy, now_ms())
            await asyncio.sleep(me.lease_s / 3)
        except StoreUnavailable:
            await asyncio.sleep(RETRY_S)


async def note_used_keys(database: Database, touched: dict[str, float]) -> None:
    """Write for ever what the authenticator gathers."""
    while True:
        await asyncio.sleep(keys.TOUCH_EVERY_S)
        await write_used_keys(database, touched)


async def write_used_keys(database: Database, touched: dict[str, float]) -> None:
    seen = dict(touched)
    touched.clear()
    try:
        await keys.touch(database, {key: int(at_s * 1000) for key, at_s in seen.items()})
    except StoreUnavailable:
        touched.update({key: at for key, at in seen.items() if key not in touched})
