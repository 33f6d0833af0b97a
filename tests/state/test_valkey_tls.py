"""Limits in a Valkey behind TLS. The server of the tests has none of its own, so one that has is put before it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from certificates import Authority, serving
from limits_given import taking
from servers import ValkeyServer
from tollhouse.domain.errors import LimiterUnavailable
from tollhouse.state.valkey import ValkeyLimiter, _tls

pytestmark = pytest.mark.req("OT-42", "S-80")

DEADLINE_S = 10.0


async def test_limits_are_counted_behind_tls(valkey: ValkeyServer, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    once = (taking(1, subject="key:behind-tls"),)

    async with behind_tls(valkey, authority.certify("localhost")) as port:
        limiter = limiting(valkey, f"valkeys://localhost:{port}", authority.file)
        verdicts = [await limiter.take("call", once) for _ in range(2)]
        await limiter.aclose()

    assert [verdict.refused_by for verdict in verdicts] == [None, 0]


async def test_a_certificate_of_another_host_is_not_taken(
    valkey: ValkeyServer, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)

    async with behind_tls(valkey, authority.certify("elsewhere.test")) as port:
        await is_refused(limiting(valkey, f"valkeys://localhost:{port}", authority.file))


def test_without_a_file_of_roots_those_of_the_system_are_trusted(tmp_path: Path) -> None:
    assert _tls(None)["ssl_ca_certs"] is None
    assert _tls(tmp_path / "roots")["ssl_ca_certs"] == str(tmp_path / "roots")


async def test_a_certificate_that_nobody_vouches_for_is_not_taken(
    valkey: ValkeyServer, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, "stranger")

    async with behind_tls(valkey, stranger.certify("localhost")) as port:
        for known in (None, Authority(tmp_path).file):
            await is_refused(limiting(valkey, f"valkeys://localhost:{port}", known))


async def test_without_tls_nothing_is_told_to_who_speaks_it(
    valkey: ValkeyServer, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)

    async with behind_tls(valkey, authority.certify("localhost")) as port:
        await is_refused(limiting(valkey, f"valkey://localhost:{port}", None))


async def is_refused(limiter: ValkeyLimiter) -> None:
    with pytest.raises(LimiterUnavailable):
        await limiter.take("call", (taking(1, subject="key:refused"),))
    await limiter.aclose()


def limiting(server: ValkeyServer, url: str, ca_file: Path | None) -> ValkeyLimiter:
    return ValkeyLimiter(url, password=server.password, ca_file=ca_file, deadline_s=DEADLINE_S)


@asynccontextmanager
async def behind_tls(server: ValkeyServer, chain: Path) -> AsyncIterator[int]:
    """A port that speaks TLS and passes on what is said."""
    socket = server.url.rpartition("@")[2]

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_unix_connection(socket)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(pass_on(reader, outer))
                both.create_task(pass_on(inner, writer))
        finally:
            for each in (outer, writer):
                each.close()

    listener = await asyncio.start_server(meet, "127.0.0.1", 0, ssl=serving(chain))
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()
