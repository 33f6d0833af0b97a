"""Where a connection goes, by whose permission, and what it needs to get there."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tollhouse.domain.addresses import Permit, judge, judge_name
from tollhouse.domain.errors import UpstreamForbidden
from tollhouse.domain.permits import for_provider
from tollhouse.domain.urls import Url, parse

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a name and a port to addresses, best first. Raises OSError."""

VALID_S = 60.0
NEVER = float("inf")


async def resolved(host: str, port: int) -> Sequence[str]:
    """All that a name leads to, as the system says."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


@dataclass(frozen=True, slots=True)
class Way:
    url: Url
    permit: Permit
    tls: ssl.SSLContext | None = None
    """The system's roots, if none is given."""

    resolve: Resolve = resolved
    valid_s: float = VALID_S
    """How long a connection may be used before its name is resolved and judged anew."""

    @property
    def lasts_s(self) -> float:
        """An address in the URL itself means tomorrow what it means today."""
        return self.valid_s if self.url.address is None else NEVER

    async def addresses(self) -> Sequence[str]:
        """Where to connect to: every address that the name leads to, each of them judged.

        Raises UpstreamForbidden if any of them may not be called, and OSError.
        """
        url = self.url
        found = [url.host] if url.address is not None else await self.resolve(url.host, url.port)
        if not found:
            raise OSError(f"{url.host} leads to no address")
        verdicts = [judge_name(url.host), *(judge(each, url.port, self.permit) for each in found)]
        for verdict in verdicts:
            if verdict is not None and not verdict.is_allowed:
                raise UpstreamForbidden(private=f"{url.authority} leads to {verdict}")
        return found


def way_to(text: str) -> Way:
    """To what stands in a URL of our own, and to nothing else. Raises UrlInvalid."""
    url = parse(text)
    return Way(url, for_provider(url))
