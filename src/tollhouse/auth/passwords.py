"""Passwords as they are kept: argon2id (RFC 9106) under the pepper, so that a copy of the store alone is no use.

A proof is meant to be dear: 19 MiB and some fifty milliseconds. So proofs are done on a thread of their own, one at a
time, and only a few wait: however many knock, a process gives them that much memory and at most one core.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from tollhouse.domain.errors import Overloaded
from tollhouse.domain.passwords import Kept, Proved, normal

MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
SALT_BYTES = 16
HASH_BYTES = 32
PARAMETERS = f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$"
MOST_WAITING = 8
RETRY_AFTER_S = 2
NICENESS = 10

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Passwords:
    """Blocks for as long as it takes: `Proofs` is where that is done."""

    peppers: Mapping[int, bytes]
    current: int

    def kept(self, password: str) -> Kept:
        made = Argon2id(
            salt=secrets.token_bytes(SALT_BYTES),
            length=HASH_BYTES,
            iterations=PASSES,
            lanes=LANES,
            memory_cost=MEMORY_KIB,
            secret=self.peppers[self.current],
        )
        return Kept(made.derive_phc_encoded(normal(password).encode()), self.current)

    def proved(self, password: str, kept: Kept | None) -> Proved:
        """Takes the same where there is nothing to prove it by: it is hashed for nobody."""
        if kept is None or kept.pepper not in self.peppers:
            self.kept(password)
            return Proved(holds=False)
        try:
            Argon2id.verify_phc_encoded(
                normal(password).encode(), kept.text, self.peppers[kept.pepper]
            )
        except (InvalidKey, ValueError):
            return Proved(holds=False)
        is_as_now = kept.pepper == self.current and kept.text.startswith(PARAMETERS)
        return Proved(holds=True, renewed=None if is_as_now else self.kept(password))


class Proofs:
    """Where proofs are done. `most` are let in, those that wait among them; more are refused."""

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._most = most
        self._under_way = 0
        self._threads = ThreadPoolExecutor(1, "proofs", initializer=_stand_back)

    async def done(self, work: Callable[[], T]) -> T:
        """Who hangs up meanwhile still takes the place until the work is over. Raises Overloaded."""
        if self._under_way >= self._most:
            raise Overloaded(retry_after_s=RETRY_AFTER_S)
        self._under_way += 1
        loop = asyncio.get_running_loop()
        future = self._threads.submit(work)
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._over))
        return await asyncio.shield(asyncio.wrap_future(future))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _over(self) -> None:
        self._under_way -= 1


def _stand_back() -> None:
    """Of a core that both want, the loop that answers calls gets more. Not everywhere can one thread do that."""
    with suppress(OSError, AttributeError):
        usual = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), usual + NICENESS)
