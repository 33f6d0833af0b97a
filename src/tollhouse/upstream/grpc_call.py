"""A call of gRPC that is answered for as long as both sides like: over a socket of this host, and in clear."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

from tollhouse.domain.errors import UpstreamBroke
from tollhouse.upstream.grpc_answer import Answer

PIECE = 64 * 1024

Connect = Callable[[], Awaitable[tuple[StreamReader, StreamWriter]]]
"""Raises OSError, Failure."""


@dataclass(frozen=True, slots=True)
class Patience:
    connect_s: float = 5.0
    first_s: float = 10.0
    """Until the first message."""

    quiet_s: float = 330.0
    """How long nothing may come before it is asked whether anybody is there. Servers of gRPC take it for an
    attack when they are asked more often than every five minutes."""

    reply_s: float = 20.0
    """Until that is answered, and until what we say is taken."""


async def messages(
    connect: Connect, answer: Answer, patience: Patience
) -> AsyncGenerator[bytes, None]:
    """To be closed by whoever goes through them. Raises Failure, OSError."""
    async with asyncio.timeout(patience.connect_s):
        reader, writer = await connect()
    now_s = asyncio.get_running_loop().time
    until_s = now_s() + patience.first_s
    has_come = False
    try:
        while not answer.is_over:
            async with asyncio.timeout(patience.reply_s):
                writer.write(answer.to_send())
                await writer.drain()
            piece = await _read(reader, until_s)
            if piece is None and (answer.is_pinged or not has_come):
                raise UpstreamBroke(private="nothing came in time")
            if piece is None:
                answer.ping()
                until_s = now_s() + patience.reply_s
                continue
            for message in answer.fed(piece):
                has_come = True
                yield message
            if has_come and not answer.is_pinged:
                until_s = now_s() + patience.quiet_s
    finally:
        writer.transport.abort()


async def _read(reader: StreamReader, until_s: float) -> bytes | None:
    """What comes next; None where nothing did in time."""
    try:
        async with asyncio.timeout_at(until_s):
            piece = await reader.read(PIECE)
    except TimeoutError:
        return None
    if not piece:
        raise UpstreamBroke(private="the connection was closed")
    return piece
