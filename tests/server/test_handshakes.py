"""Handshakes that break are told by one of a few words, and whoever breaks them gets what he got before."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from certificates import HOUR, Authority, serving, showing
from journeys.gateway import until
from tollhouse.domain.suspicion import Broken
from tollhouse.server.handshakes import watched

pytestmark = pytest.mark.req("OL-16", "OC-3")


@dataclass
class Place:
    own: Authority
    stranger: Authority
    port: int = 0
    told: list[Broken] = field(default_factory=list)

    def shown(self, chain: Path | None) -> ssl.SSLContext:
        return showing(chain, self.own.file)

    def ended(self) -> ssl.SSLContext:
        return self.shown(self.own.certify_as(name="web", lasts=HOUR - dt.timedelta(minutes=1)))

    def old(self) -> ssl.SSLContext:
        context = self.shown(None)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        return context

    async def come(self, tls: ssl.SSLContext | None, said: bytes = b"x") -> bytes:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=tls)
        except (ssl.SSLError, ConnectionError):
            return b""
        writer.write(said)
        try:
            return await reader.read()
        except (ssl.SSLError, ConnectionError):
            return b""
        finally:
            writer.transport.abort()


@pytest.mark.parametrize(
    ("tls", "said", "why"),
    [
        (lambda it: it.shown(it.stranger.certify("web")), b"x", Broken.UNTRUSTED),
        (lambda it: it.ended(), b"x", Broken.EXPIRED),
        (lambda it: it.shown(None), b"x", Broken.WITHOUT),
        (lambda it: it.old(), b"x", Broken.VERSION),
        (lambda _: None, b"GET / HTTP/1.1\r\n\r\n", Broken.NO_TLS),
        (lambda _: None, bytes(50), Broken.NO_TLS),
        (lambda _: None, b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", Broken.OTHER),
    ],
)
async def test_each_way_to_break_one_has_its_word(
    place: Place, tls: Callable[[Place], ssl.SSLContext | None], said: bytes, why: Broken
) -> None:
    answer = await place.come(tls(place), said)

    assert b"hello" not in answer

    async def is_told() -> bool:
        return place.told == [why]

    await until(is_told, "it is told once")


async def test_one_that_holds_is_told_to_nobody(place: Place) -> None:
    assert await place.come(place.shown(place.own.certify("web"))) == b"hello"
    assert place.told == []


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    it = Place(Authority(tmp_path, "own"), Authority(tmp_path, "stranger"))
    context = serving(it.own.certify("127.0.0.1"), it.own.file)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    writers: list[asyncio.StreamWriter] = []

    async def hello(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(b"hello")
        await writer.drain()
        writer.close()
        with suppress(ssl.SSLError, ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(hello, "127.0.0.1", 0, ssl=watched(context, it.told.append))
    it.port = server.sockets[0].getsockname()[1]
    yield it
    server.close()
    for writer in writers:
        writer.transport.abort()
