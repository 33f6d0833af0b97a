"""What stands in the store: who may ask, put there first; and what the asking left behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tollhouse.config import Settings
from tollhouse.control import auditing, budgets, keys, peppers, tenancy, usage
from tollhouse.control.auditing import Verdict
from tollhouse.control.budgets import Grant
from tollhouse.control.keys import Issued, Wish
from tollhouse.demo.failing import DemoFailed
from tollhouse.domain.budget import Account
from tollhouse.domain.lifetimes import DAY_S
from tollhouse.domain.pricing import NANOS_PER_DOLLAR
from tollhouse.storage.calls import Call, Filter
from tollhouse.wiring import Store, open_database

TENANT = "demo"
OWNER = f"tenant:{TENANT}"
PATIENCE_S = 10.0
LOOK_S = 0.05

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Receipt:
    """The settled call, and the account that paid."""

    call: Call
    account: Account


class Books:
    """Opened for each look, beside the gateway that writes in them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def new_tenant(self) -> None:
        async def work(store: Store) -> None:
            await tenancy.create_tenant(store, TENANT, _now_ms())
            await budgets.grant(store, OWNER, Grant(is_granted=True, limit=NANOS_PER_DOLLAR))

        self._do(work)

    def new_key(self, model: str) -> Issued:
        wish = Wish(TENANT, "demo", models=(model,), expires_in_s=DAY_S)

        async def work(store: Store) -> Issued:
            secret = await peppers.opened(self._settings, store)
            return await keys.issue(store, secret, wish, _now_ms())

        return self._do(work)

    def receipt(self) -> Receipt:
        """Settling comes right after the last byte; a client can be quicker. Raises DemoFailed."""

        async def look(store: Store) -> Receipt | None:
            calls = await usage.listed(store, Filter(tenant=TENANT, state="settled"), 1)
            return Receipt(calls[0], await budgets.found(store, OWNER)) if calls else None

        return self._do(lambda store: _until(lambda: look(store), "the call is settled"))

    def verdict(self, call: str) -> Verdict:
        """On the whole log, once the call stands in it, signed and anchored. Raises DemoFailed."""

        async def look(store: Store) -> Verdict | None:
            found = await self._inspected(store)
            summary = found.summary
            is_sealed = not (found.has_faults or summary.unsigned or summary.unanchored)
            return found if is_sealed and self._is_recorded(call) else None

        async def work(store: Store) -> Verdict:
            try:
                return await _until(lambda: look(store), "the audit chain is whole")
            except DemoFailed as failed:
                raise _with_findings(failed, await self._inspected(store)) from None

        return self._do(work)

    async def _inspected(self, store: Store) -> Verdict:
        directory = auditing.directory(self._settings)
        heads = await auditing.anchored(store, directory)
        return auditing.verify(directory, auditing.public_keys(self._settings), heads)

    def _is_recorded(self, call: str) -> bool:
        files = auditing.directory(self._settings).glob("*/*.jsonl")
        return any(f'"{call}"' in file.read_text("utf-8") for file in files)

    def _do(self, work: Callable[[Store], Awaitable[T]]) -> T:
        async def opened() -> T:
            store = open_database(self._settings)
            try:
                return await work(store)
            finally:
                await store.close()

        return asyncio.run(opened())


async def _until(look: Callable[[], Awaitable[T | None]], what: str) -> T:
    give_up_at = time.monotonic() + PATIENCE_S
    while (found := await look()) is None:
        if time.monotonic() > give_up_at:
            raise DemoFailed(f"In vain waited for {PATIENCE_S:.0f} s until {what}.")
        await asyncio.sleep(LOOK_S)
    return found


def _with_findings(failed: DemoFailed, verdict: Verdict) -> DemoFailed:
    said = [f"{finding.file}: {finding.says}" for finding in verdict.findings[:3]]
    return DemoFailed("\n".join([str(failed), *said]))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
