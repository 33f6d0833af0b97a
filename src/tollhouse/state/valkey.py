"""Limits shared by many replicas, kept in Valkey.

The arithmetic of `domain.rates` in one script, on the server's clock, so replicas need not agree on the
time. What is asked while a round trip is under way travels together in the next: one connection, and the
price of a round trip is shared by all that wait for it.

A place is a lease: whoever took it keeps it as long as it lives, and what a dead process left comes back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from ssl import TLSVersion
from typing import Any

from valkey.asyncio import Valkey
from valkey.exceptions import ValkeyError

from tollhouse.domain.errors import LimiterUnavailable
from tollhouse.domain.limiting import Taking, Verdict, worst_wait
from tollhouse.domain.rates import MICROS_PER_SECOND, Counted
from tollhouse.state.script import GIVE_BACK, KEEP, SCRIPT, TAKE

DEADLINE_S = 0.25
LEASE_S = 30.0
MAX_TOGETHER = 128  # the server does nothing else while a script runs
MAX_WAITING = 10_000


@dataclass(slots=True, eq=False)
class Errand:
    """Something to be asked of the script, and who waits to hear of it."""

    what: str
    call: str
    takings: Sequence[Taking]
    told: asyncio.Future[Verdict] | None = None

    @property
    def is_given_up(self) -> bool:
        return self.told is not None and self.told.done()


class ValkeyLimiter:
    """Implements Limiter. Raises while Valkey cannot be reached or does not answer in time."""

    def __init__(
        self,
        url: str,
        *,
        password: str | None = None,
        ca_file: Path | None = None,
        deadline_s: float = DEADLINE_S,
        lease_s: float = LEASE_S,
    ) -> None:
        self._deadline_s = deadline_s
        self._lease_s = lease_s
        tls = _tls(ca_file) if url.startswith("valkeys:") else {}
        self._client = Valkey.from_url(url, max_connections=1, **tls)
        if password is not None:
            self._client.connection_pool.connection_kwargs["password"] = password
        self._script = self._client.register_script(SCRIPT)
        self._waiting: deque[Errand] = deque()
        self._carrier: asyncio.Task[None] | None = None
        self._places: dict[str, Sequence[Taking]] = {}
        self._keeper: asyncio.TimerHandle | None = None

    async def take(self, call: str, takings: Sequence[Taking]) -> Verdict:
        """Raises LimiterUnavailable."""
        told: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._send(Errand(TAKE, call, takings, told))
        try:
            async with asyncio.timeout(self._deadline_s):
                verdict = await told
        except (TimeoutError, asyncio.CancelledError) as left:
            if _fits(told):
                self.give_back(call, takings)
            if isinstance(left, TimeoutError):
                raise LimiterUnavailable(private=f"no answer in {self._deadline_s} s") from None
            raise
        if verdict.refused_by is None:
            self._hold(call, takings)
        return verdict

    def give_back(self, call: str, takings: Sequence[Taking]) -> None:
        """At once; nobody waits for it. What is lost on the way comes back by itself, in time."""
        self._places.pop(call, None)
        if len(self._waiting) < MAX_WAITING:
            self._send(Errand(GIVE_BACK, call, takings))

    async def look(self) -> None:
        """Whether it answers. Raises LimiterUnavailable."""
        await self.take("", ())

    async def aclose(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
        if self._carrier is not None:
            self._carrier.cancel()
            await asyncio.wait([self._carrier])
        await self._client.aclose()

    def _send(self, errand: Errand) -> None:
        if len(self._waiting) >= MAX_WAITING:
            raise LimiterUnavailable(private=f"{MAX_WAITING} errands are waiting")
        self._waiting.append(errand)
        if self._carrier is None or self._carrier.done():
            self._carrier = asyncio.create_task(self._carry())

    def _hold(self, call: str, takings: Sequence[Taking]) -> None:
        places = _places(takings)
        if not places:
            return
        self._places[call] = places
        if self._keeper is None:
            self._keep_later()

    def _keep_later(self) -> None:
        self._keeper = asyncio.get_running_loop().call_later(self._lease_s / 3, self._keep)

    def _keep(self) -> None:
        """All places of this process, until it has none."""
        self._keeper = None
        for call, places in self._places.items():
            if len(self._waiting) < MAX_WAITING:
                self._send(Errand(KEEP, call, places))
        if self._places:
            self._keep_later()

    async def _carry(self) -> None:
        """Round trip after round trip, until nobody waits."""
        while together := self._next():
            try:
                async with asyncio.timeout(self._deadline_s):
                    said = await self._ask(together)
            except (ValkeyError, OSError, TimeoutError) as broken:
                self._fail(together, broken)
            else:
                self._tell(together, said)

    def _next(self) -> list[Errand]:
        """Those who still wait: who gave up takes nothing."""
        together: list[Errand] = []
        while self._waiting and len(together) < MAX_TOGETHER:
            errand = self._waiting.popleft()
            if not errand.is_given_up:
                together.append(errand)
        return together

    async def _ask(self, together: Sequence[Errand]) -> list[list[int]]:
        keys: list[str] = []
        arguments: list[int | str] = []
        lease_us = int(self._lease_s * MICROS_PER_SECOND)
        for errand in together:
            arguments += (errand.what, errand.call, lease_us, len(errand.takings))
            for each in errand.takings:
                rate = each.rule.rate
                keys.append(f"tollhouse:limit:{each.rule.bucket}")
                ticks = each.amount * rate.cost
                arguments += (ticks, rate.flow, rate.whole, rate.unit_us, rate.drained)
        said: list[list[int]] = await self._script(keys=keys, args=arguments)
        return said

    def _tell(self, together: Sequence[Errand], said: Sequence[list[int]]) -> None:
        for errand, (fits, *levels) in zip(together, said, strict=True):
            if errand.told is None:
                continue
            if errand.is_given_up:
                if fits:
                    self.give_back(errand.call, errand.takings)
                continue
            refused_by = None if fits else worst_wait(errand.takings, levels)
            errand.told.set_result(Verdict(levels, refused_by))

    def _fail(self, together: Sequence[Errand], broken: Exception) -> None:
        """Whether anything was taken is not known: a place may be left twice, and the rest may not."""
        for errand in together:
            if errand.told is not None and not errand.told.done():
                errand.told.set_exception(
                    LimiterUnavailable(private=f"{type(broken).__name__}: {broken}")
                )


def _tls(ca_file: Path | None) -> dict[str, Any]:
    """The client would take a certificate of any host."""
    return {
        "ssl_cert_reqs": "required",
        "ssl_check_hostname": True,
        "ssl_min_version": TLSVersion.TLSv1_2,
        "ssl_ca_certs": None if ca_file is None else str(ca_file),
    }


def _fits(told: asyncio.Future[Verdict]) -> bool:
    """Who leaves in the very moment of being told has taken it; who leaves before is given up."""
    is_told = not told.cancelled() and told.exception() is None
    return is_told and told.result().refused_by is None


def _places(takings: Sequence[Taking]) -> Sequence[Taking]:
    return [each for each in takings if each.rule.rate.counted is Counted.PLACES]
