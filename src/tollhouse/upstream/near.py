"""Connections to an agent of this host: to a socket in the file system, or to an address that was judged."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter

from tollhouse.domain.endpoints import Endpoint
from tollhouse.upstream.dial import joined
from tollhouse.upstream.way import Way


async def connected(to: Endpoint, way: Way | None) -> tuple[StreamReader, StreamWriter]:
    """By that way, where it is an address. Raises Failure, OSError."""
    if way is None:
        return await asyncio.open_unix_connection(to.path)
    (address,) = await way.addresses()
    sock = await joined(address, way.url.port)
    return await asyncio.open_connection(sock=sock)
