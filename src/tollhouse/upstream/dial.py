"""From an origin to an open connection. The one place where addresses are chosen."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import cache

from tollhouse.domain.errors import UpstreamUnreachable
from tollhouse.upstream.connection import Connection
from tollhouse.upstream.origin import Origin


async def dial(
    origin: Origin, make: Callable[[], Connection], within_s: float, tls: ssl.SSLContext | None
) -> Connection:
    """Connect what `make` makes, trying addresses in order, each with its share of the time left.

    Raises UpstreamUnreachable.
    """
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + within_s
    problem: Exception | None = None
    try:
        async with asyncio.timeout_at(ends_at):
            places = await addresses(origin)
        for tried, address in enumerate(places):
            share = (ends_at - loop.time()) / (len(places) - tried)
            try:
                async with asyncio.timeout(share):
                    return await _connect(origin, address, make(), tls)
            except OSError as error:  # TimeoutError and ssl.SSLError are OSErrors
                problem = error
    except (OSError, UnicodeError) as error:
        problem = error
    raise UpstreamUnreachable(
        private=f"{origin}: {problem!r} within connect_s = {within_s:g}"
    ) from problem


async def addresses(origin: Origin) -> list[str]:
    """Where the origin may be reached: all that its name resolves to, best first."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


async def _connect(
    origin: Origin, address: str, connection: Connection, tls: ssl.SSLContext | None
) -> Connection:
    loop = asyncio.get_running_loop()
    context = (tls or default_tls()) if origin.is_tls else None
    name = origin.host if origin.is_tls else None
    await loop.create_connection(
        lambda: connection, address, origin.port, ssl=context, server_hostname=name
    )
    return connection


@cache
def default_tls() -> ssl.SSLContext:
    """Certificates and host names are checked. Made at first use: reading the roots takes a while."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
