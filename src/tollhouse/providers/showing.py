"""An upstream whose key may change while calls come: what stands for it is exchanged for it as a request leaves.

Where in a request the key goes is the provider's affair: it is built with what stands for it, which never goes out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tollhouse.domain.exchange import Sending
from tollhouse.ports import Upstream
from tollhouse.providers.proven import ProvenUpstream

PLACE = "<the key of the store>"


class ShowingUpstream(ProvenUpstream):
    """Implements Upstream. `key` raises Failure where there is none."""

    def __init__(self, upstream: Upstream, key: Callable[[], str]) -> None:
        super().__init__(upstream, self._show)
        self._key = key

    async def _show(self, sending: Sending) -> Sending:
        place, key = PLACE.encode(), self._key().encode()
        headers = tuple((name, value.replace(place, key)) for name, value in sending.headers)
        return replace(sending, headers=headers)
