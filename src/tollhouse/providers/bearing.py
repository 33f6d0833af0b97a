"""An upstream whose requests bear a token that must be had first."""

from __future__ import annotations

from dataclasses import replace
from types import TracebackType

from tollhouse.domain.exchange import Sending
from tollhouse.ports import Answer, Exchange, Upstream
from tollhouse.providers.tokens import Tokens


class BearingUpstream:
    """Implements Upstream."""

    def __init__(self, upstream: Upstream, tokens: Tokens) -> None:
        self._upstream = upstream
        self._tokens = tokens

    def send(self, sending: Sending) -> Exchange:
        return _Bearing(self._upstream, self._tokens, sending)


class _Bearing:
    """Implements Exchange. Without a token nothing is sent."""

    __slots__ = ("_exchange", "_sending", "_tokens", "_upstream")

    def __init__(self, upstream: Upstream, tokens: Tokens, sending: Sending) -> None:
        self._upstream = upstream
        self._tokens = tokens
        self._sending = sending
        self._exchange: Exchange | None = None

    @property
    def is_sent(self) -> bool:
        return self._exchange is not None and self._exchange.is_sent

    async def __aenter__(self) -> Answer:
        token = await self._tokens.current()
        headers = (*self._sending.headers, (b"authorization", b"Bearer " + token))
        self._exchange = self._upstream.send(replace(self._sending, headers=headers))
        return await self._exchange.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._exchange is not None:
            await self._exchange.__aexit__(kind, error, trace)
