"""An upstream whose requests are proved at the moment they leave, by what may have to be had first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType

from tollhouse.domain.exchange import Sending
from tollhouse.ports import Answer, Exchange, Upstream

Prove = Callable[[Sending], Awaitable[Sending]]
"""The same request with what proves it. Raises Failure where there is nothing to prove it with."""


class ProvenUpstream:
    """Implements Upstream."""

    def __init__(self, upstream: Upstream, prove: Prove) -> None:
        self._upstream = upstream
        self._prove = prove

    def send(self, sending: Sending) -> Exchange:
        return _Proven(self._upstream, self._prove, sending)


class _Proven:
    """Implements Exchange. Without a proof nothing is sent."""

    __slots__ = ("_exchange", "_prove", "_sending", "_upstream")

    def __init__(self, upstream: Upstream, prove: Prove, sending: Sending) -> None:
        self._upstream = upstream
        self._prove = prove
        self._sending = sending
        self._exchange: Exchange | None = None

    @property
    def is_sent(self) -> bool:
        return self._exchange is not None and self._exchange.is_sent

    async def __aenter__(self) -> Answer:
        proven = await self._prove(self._sending)
        self._exchange = self._upstream.send(proven)
        return await self._exchange.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._exchange is not None:
            await self._exchange.__aexit__(kind, error, trace)
