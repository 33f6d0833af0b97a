from __future__ import annotations

import asyncio
import socket
import ssl
import time
from pathlib import Path

import pytest
from peer import OK, Visit, always_ok, answer_of, reaching, serve

from certificates import Authority, serving
from tollhouse.domain.errors import UpstreamUnreachable
from tollhouse.domain.exchange import Deadlines
from tollhouse.upstream.tls import system_roots, trusting


async def test_a_refused_connection_is_unreachable() -> None:
    async with reaching(f"http://127.0.0.1:{_closed_port()}") as upstream:
        with pytest.raises(UpstreamUnreachable) as problem:
            await answer_of(upstream)
        assert upstream.pool._slots == 0

    assert "127.0.0.1" in (problem.value.private or "")
    assert "127.0.0.1" not in problem.value.detail


async def test_a_name_that_cannot_be_resolved_is_unreachable() -> None:
    async with reaching("https://name.invalid") as upstream:
        with pytest.raises(UpstreamUnreachable):
            await answer_of(upstream)


async def test_a_name_is_resolved_and_each_address_tried() -> None:
    async with (
        serve(always_ok) as peer,
        reaching(peer.url.replace("127.0.0.1", "localhost")) as upstream,
    ):
        assert await answer_of(upstream) == (200, b"hello")


async def test_a_small_request_does_not_wait_for_the_acknowledgement_of_the_one_before() -> None:
    async with serve(always_ok) as peer, reaching(peer.url) as upstream:
        connection = await upstream.pool.get()

        sock = connection._transport.get_extra_info("socket")  # type: ignore[union-attr]

        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        connection.abort()


async def test_an_address_of_version_6_is_called() -> None:
    asked = asyncio.Event()

    async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        writer.write(OK)
        writer.close()

    server = await asyncio.start_server(welcome, "::1", 0)
    try:
        async with reaching(f"http://[::1]:{server.sockets[0].getsockname()[1]}") as upstream:
            assert await answer_of(upstream) == (200, b"hello")
    finally:
        server.close()

    assert asked.is_set()


async def test_no_other_protocol_is_spoken_over_tls_than_the_one_we_read(tmp_path: Path) -> None:
    server, client = _contexts(tmp_path, "127.0.0.1")
    server.set_alpn_protocols(["h2", "http/1.1"])
    agreed = []

    async def script(visit: Visit) -> None:
        agreed.append(visit.writer.get_extra_info("ssl_object").selected_alpn_protocol())
        await visit.request()
        await visit.send(OK)

    async with serve(script, server) as peer, reaching(peer.url, tls=client) as upstream:
        assert await answer_of(upstream) == (200, b"hello")

    assert agreed == ["http/1.1"]


@pytest.mark.req("P-29", "S-69")
async def test_connecting_has_a_deadline() -> None:
    async def script(visit: Visit) -> None:
        await visit.hang_up_seen()  # never answers the handshake

    async with (
        serve(script) as peer,
        reaching(peer.url.replace("http", "https"), Deadlines(connect_s=0.1)) as upstream,
    ):
        started = time.monotonic()
        with pytest.raises(UpstreamUnreachable) as problem:
            await answer_of(upstream)
        assert 0.09 < time.monotonic() - started < 4
        assert upstream.pool._slots == 0

    assert "connect_s" in (problem.value.private or "")


async def test_tls_to_the_name_on_the_certificate(tmp_path: Path) -> None:
    server, client = _contexts(tmp_path, "localhost")

    async with (
        serve(always_ok, server) as peer,
        reaching(peer.url.replace("127.0.0.1", "localhost"), tls=client) as upstream,
    ):
        for _ in range(3):
            assert await answer_of(upstream) == (200, b"hello")

    assert peer.visits == 1


async def test_tls_tells_the_server_which_name_it_wants(tmp_path: Path) -> None:
    server, client = _contexts(tmp_path, "localhost")
    asked = []
    server.sni_callback = lambda _socket, name, _context: asked.append(name)

    async with (
        serve(always_ok, server) as peer,
        reaching(peer.url.replace("127.0.0.1", "localhost"), tls=client) as upstream,
    ):
        await answer_of(upstream)

    assert asked == ["localhost"]


async def test_tls_to_another_name_is_unreachable(tmp_path: Path) -> None:
    server, client = _contexts(tmp_path, "other.example")

    async with serve(always_ok, server) as peer, reaching(peer.url, tls=client) as upstream:
        with pytest.raises(UpstreamUnreachable) as problem:
            await answer_of(upstream)

    assert "certificate" in (problem.value.private or "").lower()


async def test_tls_with_a_certificate_of_nobody_is_unreachable(tmp_path: Path) -> None:
    server, _ = _contexts(tmp_path, "127.0.0.1")

    async with serve(always_ok, server) as peer, reaching(peer.url) as upstream:
        with pytest.raises(UpstreamUnreachable):
            await answer_of(upstream)


async def test_a_plain_server_is_unreachable_by_tls() -> None:
    async def script(visit: Visit) -> None:
        await visit.send(b"HTTP/1.1 400 Bad\r\n\r\n")

    async with serve(script) as peer, reaching(peer.url.replace("http", "https")) as upstream:
        with pytest.raises(UpstreamUnreachable):
            await answer_of(upstream)


async def test_an_answer_over_tls_may_be_left_at_any_time(tmp_path: Path) -> None:
    server, client = _contexts(tmp_path, "127.0.0.1")
    seen = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.hang_up_seen()
        seen.set()

    async with serve(script, server) as peer, reaching(peer.url, tls=client) as upstream:
        task = asyncio.create_task(answer_of(upstream))
        async with asyncio.timeout(20):
            while not peer.visits:
                await asyncio.sleep(0.002)
        task.cancel()
        await asyncio.wait_for(seen.wait(), 4)


def test_certificates_and_names_are_checked_by_default() -> None:
    context = system_roots()

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert context is system_roots()


def _closed_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def _contexts(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server that shows a certificate for `name`, and a client that trusts it."""
    ours = Authority(folder)
    return serving(ours.certify(name)), trusting(ours.file, None)
