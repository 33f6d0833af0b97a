"""All connections: who may have how many, who takes too long, and how the last ones leave."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from ipaddress import IPv4Network, IPv6Network

from tollhouse.domain.certificates import Certificate
from tollhouse.domain.suspicion import Sign
from tollhouse.server.clocks import Clocks
from tollhouse.server.connection import Connection
from tollhouse.server.memory import Tide, give_back
from tollhouse.server.peers import is_within
from tollhouse.server.request import Request

LAST_WORDS_S = 3.0
"""What calls that are cut have for settling and for their records."""

Answer = Callable[[Request, Connection], Awaitable[None]]
CertificateOf = Callable[[ssl.SSLObject | None], Certificate | None]
"""What a connection's other end showed, by its TLS, if it has any."""


class Door:
    """Implements Keeper."""

    def __init__(
        self,
        answer: Answer,
        clocks: Clocks,
        *,
        most_per_address: int,
        trusted: Collection[IPv4Network | IPv6Network] = (),
        on_suspicion: Callable[[Sign], None] = lambda _: None,
        certificate_of: CertificateOf = lambda _: None,
    ) -> None:
        self.clocks = clocks
        self.is_draining = False
        self.answer = answer
        self._most_per_address = most_per_address
        self._trusted = trusted
        self.suspected = on_suspicion
        self.certificate_of = certificate_of
        self.connections: set[Connection] = set()
        self._by_address: Counter[str] = Counter()
        self._tide = Tide(give_back)
        self._is_empty = asyncio.Event()
        self._is_empty.set()

    def connection(self) -> Connection:
        return Connection(self)

    def enter(self, connection: Connection) -> bool:
        address = connection.peer
        if self._by_address[address] >= self._most_per_address > 0 and not is_within(
            self._trusted, address
        ):
            self.suspected(Sign.CROWDING)
            return False
        self._by_address[address] += 1
        self.connections.add(connection)
        self._is_empty.clear()
        return True

    def leave(self, connection: Connection) -> None:
        if connection not in self.connections:
            return
        self.connections.remove(connection)
        address = connection.peer
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]
        if not self.connections:
            self._is_empty.set()

    async def watch(self) -> None:
        """End what takes too long."""
        while True:
            await asyncio.sleep(self.clocks.look_s)
            self._look()

    def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        for connection in list(self.connections):
            connection.look(now)
        self._tide.stands_at(len(self.connections))

    async def give_notice(self, notice_s: float, hurry: asyncio.Event) -> None:
        """Still open: whoever sends callers here has so long to learn that it should not."""
        self.is_draining = True
        await _first(hurry.wait(), within_s=notice_s)

    async def drain(self, within_s: float, hurry: asyncio.Event) -> None:
        """Let what is under way end, for so long; then cut it, and wait until it has settled."""
        self.is_draining = True
        self._look()
        await _first(self._is_empty.wait(), hurry.wait(), within_s=within_s)
        ending = [task for one in list(self.connections) if (task := one.end()) is not None]
        if ending:
            await asyncio.wait(ending, timeout=LAST_WORDS_S)


async def _first(*events: Awaitable[object], within_s: float) -> None:
    waiting = [asyncio.ensure_future(event) for event in events]
    await asyncio.wait(waiting, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    for one in waiting:
        one.cancel()
