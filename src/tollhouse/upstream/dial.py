"""From a way to an open connection: to an address that was judged, and to no other.

The name is resolved once. What is connected to is the address, so nobody can answer otherwise the
second time; the name stays for TLS and for the Host header.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable

from tollhouse.domain.addresses import plain, read
from tollhouse.domain.errors import UpstreamForbidden, UpstreamUnreachable, UpstreamUntrusted
from tollhouse.upstream.connection import Connection
from tollhouse.upstream.tls import system_roots
from tollhouse.upstream.way import Way


async def dial(way: Way, make: Callable[[], Connection], within_s: float) -> Connection:
    """Connect what `make` makes, trying addresses in order, each with its share of the time left.

    Raises UpstreamUnreachable.
    """
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + within_s
    problem: Exception | None = None
    try:
        async with asyncio.timeout_at(ends_at):
            places = await way.addresses()
        for tried, address in enumerate(places):
            share = (ends_at - loop.time()) / (len(places) - tried)
            try:
                async with asyncio.timeout(share):
                    return await _connect(way, address, make())
            except ssl.SSLCertVerificationError as error:
                raise UpstreamUntrusted(private=f"{way.url.authority}: {error}") from error
            except OSError as error:  # TimeoutError and ssl.SSLError are OSErrors
                problem = error
    except (OSError, UnicodeError) as error:
        problem = error
    raise UpstreamUnreachable(
        private=f"{way.url.authority}: {problem!r} within connect_s = {within_s:g}"
    ) from problem


async def _connect(way: Way, address: str, connection: Connection) -> Connection:
    sock = await joined(address, way.url.port)
    context = (way.tls or system_roots()) if way.url.is_tls else None
    name = way.url.host if way.url.is_tls else None
    try:
        await asyncio.get_running_loop().create_connection(
            lambda: connection, sock=sock, ssl=context, server_hostname=name
        )
    except BaseException:
        sock.close()
        raise
    return connection


async def joined(address: str, port: int) -> socket.socket:
    """Connected to an address that was judged. Raises UpstreamForbidden, OSError."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
        await asyncio.get_running_loop().sock_connect(sock, (address, port))
        _check_peer(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def _check_peer(sock: socket.socket, address: str) -> None:
    """Whoever is at the other end must be the one that was judged."""
    peer, judged = read(sock.getpeername()[0]), read(address)
    if peer is None or judged is None or plain(peer) != plain(judged):
        raise UpstreamForbidden(private=f"connected to {peer} instead of {address}")
