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


async def note_used_keys(
    database: Database, touched: dict[str, float], previous: dict[str, float]
) -> None:
    """Write for ever what the authenticator gathers, of keys and of their old secrets."""
    while True:
        await asyncio.sleep(keys.TOUCH_EVERY_S)
        await write_used_keys(database, touched, previous)


async def write_used_keys(
    database: Database, touched: dict[str, float], previous: dict[str, float]
) -> None:
    used, used_before = _taken(touched), _taken(previous)
    try:
        await keys.touch(database, _in_ms(used), _in_ms(used_before))
    except StoreUnavailable:
        touched.update({key: at for key, at in used.items() if key not in touched})
        previous.update({key: at for key, at in used_before.items() if key not in previous})


def _taken(uses: dict[str, float]) -> dict[str, float]:
    seen = dict(uses)
    uses.clear()
    return seen


def _in_ms(uses: dict[str, float]) -> dict[str, int]:
    return {key: int(at_s * 1000) for key, at_s in uses.items()}
