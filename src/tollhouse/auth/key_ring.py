"""The keys of one issuer as they are known at this moment, and how they are kept.

They are asked for anew every now and then, so that a key that comes is known before it signs, and one that
was taken out is gone soon. A token with a key that nobody knows yet may make one look more, rarely: nobody
can make us ask by inventing names. While the issuer is away its last keys hold, for a bounded time.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Collection

from tollhouse.auth.key_sets import (
    FOR_SIGNING,
    KeySet,
    KeySetInvalid,
    KeySetWithdrawn,
    Use,
    key_set,
)
from tollhouse.auth.signatures import Key
from tollhouse.domain.errors import Failure
from tollhouse.domain.vouching import Stock

PATIENCE_S = 10.0
AT_MOST_EVERY_S = 30.0
"""How often tokens may make us look."""

RETRY_S = 15.0
NOTHING: KeySet = {}

log = logging.getLogger("tollhouse")

Fetch = Callable[[], Awaitable[bytes]]
"""The set as it is published. Raises Failure, OSError."""


class KeyRing:
    """`keys` is another object whenever, and only when, it has changed."""

    def __init__(
        self,
        name: str,
        fetch: Fetch,
        algorithms: Collection[str],
        *,
        refresh_s: float,
        stale_s: float,
        use: Use = FOR_SIGNING,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._fetch = fetch
        self._algorithms = algorithms
        self._use = use
        self._refresh_s = refresh_s
        self._stale_s = stale_s
        self._clock_s = clock_s
        self._raw = b""
        self._keys = NOTHING
        self._has_found = False
        self._trouble = ""
        self._read_s: float | None = None
        self._next_s: float | None = None
        self._good_until_s = float("-inf")
        self._may_look_at_s = float("-inf")
        self._looking: asyncio.Task[None] | None = None

    @property
    def keys(self) -> KeySet:
        """Empty while none are known, or they are too old."""
        return self._keys if self._clock_s() < self._good_until_s else NOTHING

    def key(self, key_id: str | None) -> Key | None:
        """The one of that name; without a name the only one that there is."""
        keys = self.keys
        if key_id is None:
            return next(iter(keys.values())) if len(keys) == 1 else None
        return keys.get(key_id)

    def looked(self) -> Awaitable[None] | None:
        """To be awaited, where it may help to look: whoever comes meanwhile waits for the same look."""
        if self._looking is not None:
            return asyncio.shield(self._looking)
        now = self._clock_s()
        if now < self._may_look_at_s:
            return None
        self._may_look_at_s = now + AT_MOST_EVERY_S
        return asyncio.shield(self._look())

    def refresh(self) -> None:
        """Look at once: who has them says that they may have changed."""
        if self._looking is None:
            self._look()

    def stock(self) -> Stock:
        now = self._clock_s()
        read_s, next_s = (None if at is None else at - now for at in (self._read_s, self._next_s))
        return Stock("keys", len(self.keys), read_s, next_s, self._trouble)

    async def keep(self) -> None:
        """Look for ever; not all replicas at once."""
        while True:
            await asyncio.shield(self._looking or self._look())
            usual_s = self._refresh_s * random.uniform(0.8, 1)  # noqa: S311 - spreads
            pause_s = usual_s if self._has_found else min(usual_s, RETRY_S)
            self._next_s = self._clock_s() + pause_s
            await asyncio.sleep(pause_s)

    def _look(self) -> asyncio.Task[None]:
        looking = self._looking = asyncio.create_task(self._refreshed())
        return looking

    async def _refreshed(self) -> None:
        self._has_found = False
        try:
            async with asyncio.timeout(PATIENCE_S):
                raw = await self._fetch()
            self._take(raw)
        except KeySetWithdrawn as error:
            self._keys, self._raw = NOTHING, b""
            self._tell(str(error))
        except (Failure, KeySetInvalid, OSError, TimeoutError) as error:
            self._tell((error.private if isinstance(error, Failure) else str(error)) or "no answer")
        finally:
            self._looking = None

    def _tell(self, trouble: str) -> None:
        """Once, however often it is met."""
        if trouble != self._trouble:
            log.warning("the keys of the issuer %s cannot be had: %s", self._name, trouble)
        self._trouble = trouble

    def _take(self, raw: bytes) -> None:
        had_none = not self._keys
        if raw != self._raw:
            self._keys = key_set(raw, self._algorithms, self._use)
            self._raw = raw
        if had_none:  # the first good look is nobody's doing
            self._may_look_at_s = float("-inf")
        self._read_s = self._clock_s()
        self._good_until_s = self._read_s + self._refresh_s + self._stale_s
        self._has_found = True
        if self._trouble:
            log.info("the keys of the issuer %s are there again", self._name)
        self._trouble = ""
