"""The audit log of this process, anchored in the store."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any

from tollhouse.config import Settings
from tollhouse.domain.chain import Head
from tollhouse.domain.errors import AuditUnavailable
from tollhouse.domain.receipts import Receipt
from tollhouse.ports import Database
from tollhouse.sinks import keys as signing
from tollhouse.sinks import receipts
from tollhouse.sinks.file import ChainedLog, Pace
from tollhouse.sinks.slots import claim, settle
from tollhouse.storage import heads
from tollhouse.storage.heads import Anchored

ANCHOR_S = 5.0
CLOSE_S = 5.0
ENTER_S = 5.0


class AuditRegister:
    """Implements Register over an audit log of this process."""

    def __init__(self, log: ChainedLog) -> None:
        self._log = log

    async def enter(self, record: Mapping[str, Any]) -> None:
        try:
            await asyncio.wait_for(asyncio.wrap_future(self._log.enter(record)), ENTER_S)
        except TimeoutError:
            raise AuditUnavailable(
                "What was asked for came to its end, but its record is not on disk yet: look before you try again.",
                retry_after_s=5,
            ) from None


async def open_audit(settings: Settings, database: Database, stack: AsyncExitStack) -> ChainedLog:
    audit = settings.audit
    directory = settings.at(audit.directory)
    slot = claim(directory, settle(directory, socket.gethostname()))
    remembered = {
        head.writer: Head(head.writer, head.seq, head.hash) for head in await heads.heads(database)
    }
    loop = asyncio.get_running_loop()

    def anchor(head: Head) -> None:
        anchored = Anchored(head.writer, head.seq, head.hash, time.time_ns() // 1_000_000)
        asyncio.run_coroutine_threadsafe(heads.anchor(database, anchored), loop).result(ANCHOR_S)

    log = ChainedLog(
        slot,
        signing.load_or_create(settings.at(audit.key)),
        anchor=anchor,
        anchored=remembered.get(slot.writer),
        pace=Pace(rotate_bytes=audit.rotate_bytes, checkpoint_every=audit.checkpoint_every),
    )
    stack.push_async_callback(loop.run_in_executor, None, log.close, CLOSE_S)
    return log


def receipt_signer(settings: Settings, log: ChainedLog) -> Callable[[Receipt], str] | None:
    if not settings.receipts.enabled:
        return None
    return receipts.signer(
        signing.load_or_create(settings.at(settings.audit.key)), lambda: log.head
    )
