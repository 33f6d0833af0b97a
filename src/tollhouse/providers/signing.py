"""An upstream whose requests AWS wants signed, by credentials that may become others while calls come."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tollhouse.domain.exchange import Sending
from tollhouse.ports import Upstream
from tollhouse.providers.proven import ProvenUpstream
from tollhouse.providers.sigv4 import Credentials, Scope, signed

Current = Callable[[], Awaitable[Credentials]]
"""Those of this moment. Raises Failure."""


class SigningUpstream(ProvenUpstream):
    """Implements Upstream."""

    def __init__(
        self,
        upstream: Upstream,
        host: str,
        scope: Scope,
        current: Current,
        clock_s: Callable[[], float],
    ) -> None:
        super().__init__(upstream, self._sign)
        self._host = host
        self._scope = scope
        self._current = current
        self._clock_s = clock_s

    async def _sign(self, sending: Sending) -> Sending:
        return signed(sending, self._host, await self._current(), self._scope, self._clock_s())
