"""An upstream whose requests bear a token that must be had first."""

from __future__ import annotations

from dataclasses import replace

from tollhouse.domain.exchange import Sending
from tollhouse.ports import Upstream
from tollhouse.providers.proven import ProvenUpstream
from tollhouse.providers.tokens import Tokens


class BearingUpstream(ProvenUpstream):
    """Implements Upstream."""

    def __init__(self, upstream: Upstream, tokens: Tokens) -> None:
        super().__init__(upstream, self._bear)
        self._tokens = tokens

    async def _bear(self, sending: Sending) -> Sending:
        token = await self._tokens.current()
        headers = (*sending.headers, (b"authorization", b"Bearer " + token))
        return replace(sending, headers=headers)
