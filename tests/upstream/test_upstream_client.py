from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp import web
from peer import ASK, CHUNKED, OK, Visit, always_ok, answer_of, eventually, reaching, serve

from tollhouse.domain.errors import UpstreamBroke, UpstreamUnreachable
from tollhouse.domain.exchange import Deadlines, Sending
from tollhouse.upstream.client import HttpUpstream
from tollhouse.upstream.way import way_to


async def test_an_answer_has_a_status_headers_and_a_body() -> None:
    async with (
        serve(always_ok) as peer,
        reaching(peer.url) as upstream,
        upstream.send(ASK) as answer,
    ):
        assert answer.status == 200
        assert answer.headers[b"content-length"] == b"5"
        assert await answer.read() == b"hello"
        assert await answer.read() == b""


async def test_the_request_arrives_as_it_was_meant() -> None:
    seen = []

    async def script(visit: Visit) -> None:
        seen.append(await visit.request())
        await visit.send(OK)

    async with serve(script) as peer, reaching(peer.url + "/v1") as upstream:
        await answer_of(upstream)

    assert upstream.base_path == "/v1"
    assert seen == [
        b"POST /v1/ask HTTP/1.1\r\nhost: " + peer.url.removeprefix("http://").encode() + b"\r\n"
        b'content-type: application/json\r\ncontent-length: 8\r\n\r\n{"q": 1}'
    ]


async def test_a_request_is_sent_only_once_there_is_a_connection() -> None:
    async with serve(always_ok) as peer, reaching(peer.url) as upstream:
        exchange = upstream.send(ASK)
        assert not exchange.is_sent
        async with exchange:
            assert exchange.is_sent
        peer.stop_listening()

    async with reaching(peer.url) as upstream:
        exchange = upstream.send(ASK)
        with pytest.raises(UpstreamUnreachable):
            await exchange.__aenter__()
        assert not exchange.is_sent


async def test_a_request_that_was_cancelled_in_waiting_was_sent() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.hang_up_seen()

    async with serve(script) as peer, reaching(peer.url) as upstream:
        exchange = upstream.send(ASK)
        entering = asyncio.ensure_future(exchange.__aenter__())
        await eventually(lambda: exchange.is_sent)
        entering.cancel()
        await asyncio.wait([entering])

    assert exchange.is_sent


async def test_no_delay_is_set() -> None:
    async with (
        serve(always_ok) as peer,
        reaching(peer.url) as upstream,
        upstream.send(ASK) as answer,
    ):
        sock = answer._connection._transport.get_extra_info("socket")

        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_nothing_happens_at_construction() -> None:
    upstream = HttpUpstream(way_to("https://name.invalid/v1"), deadlines=Deadlines())

    assert upstream.base_path == "/v1"


@pytest.mark.parametrize(
    "whole",
    [
        OK,
        CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nhello",
    ],
    ids=["content-length", "chunked", "close-delimited"],
)
async def test_an_answer_may_trickle_in_byte_by_byte(whole: bytes) -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(*(bytes([byte]) for byte in whole))

    async with serve(script) as peer, reaching(peer.url) as upstream:
        assert await answer_of(upstream) == (200, b"hello")


async def test_each_chunk_is_handed_out_as_it_comes() -> None:
    taken = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.request()
        for chunk in (b"one", b"two"):
            await visit.send(b"%s3\r\n%s\r\n" % (CHUNKED if chunk == b"one" else b"", chunk))
            await taken.wait()
            taken.clear()
        await visit.send(b"0\r\n\r\n")

    async with serve(script) as peer, reaching(peer.url) as upstream, upstream.send(ASK) as answer:
        for chunk in (b"one", b"two"):
            assert await answer.read() == chunk
            taken.set()
        assert await answer.read() == b""


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize(
    "start",
    [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello", CHUNKED + b"5\r\nhello\r\n"],
    ids=["content-length", "chunked"],
)
async def test_a_body_that_breaks_off_is_handed_out_and_then_broken(start: bytes, end: str) -> None:
    taken = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(start)
        if end == "reset":
            await taken.wait()  # a reset may take with it what was not read yet
            visit.reset()

    async with serve(script) as peer, reaching(peer.url) as upstream, upstream.send(ASK) as answer:
        if end == "close":
            await eventually(lambda: not answer._connection.is_open)
        assert await answer.read() == b"hello"
        taken.set()
        with pytest.raises(UpstreamBroke):
            await answer.read()


async def test_a_close_delimited_body_that_is_reset_is_broken() -> None:
    taken = asyncio.Event()

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
        await taken.wait()
        visit.reset()

    async with serve(script) as peer, reaching(peer.url) as upstream, upstream.send(ASK) as answer:
        assert await answer.read() == b"hello"
        taken.set()
        with pytest.raises(UpstreamBroke):
            await answer.read()


async def test_a_body_larger_than_allowed_is_broken() -> None:
    async with serve(always_ok) as peer, reaching(peer.url, max_body_bytes=4) as upstream:
        with pytest.raises(UpstreamBroke):
            await answer_of(upstream)


@pytest.mark.req("S-68")
async def test_a_redirect_is_an_answer_like_any_other() -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(
            b"HTTP/1.1 307 Go\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
        )

    async with serve(script) as peer, reaching(peer.url) as upstream:
        assert await answer_of(upstream) == (307, b"")
        assert peer.visits == 1


@pytest.mark.req("S-69")
async def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    async with serve(always_ok) as peer, reaching(peer.url) as upstream:
        assert await answer_of(upstream) == (200, b"hello")


async def test_a_large_body_goes_out_whole() -> None:
    body = bytes(range(256)) * 20_000
    seen = []

    async def script(visit: Visit) -> None:
        seen.append(await visit.request())
        await visit.send(OK)

    async with serve(script) as peer, reaching(peer.url) as upstream:
        await answer_of(upstream, Sending(b"POST", b"/", (), body))

    assert seen[0].endswith(b"\r\n\r\n" + body)


async def test_an_answer_cannot_be_read_after_it_was_left() -> None:
    async with serve(always_ok) as peer, reaching(peer.url) as upstream:
        async with upstream.send(ASK) as answer:
            pass

        with pytest.raises(RuntimeError):
            await answer.read()


@pytest.mark.parametrize("size", [0, 1, 1000, 300_000, 3_000_000])
@pytest.mark.parametrize("path", ["/whole", "/stream"])
async def test_a_common_server_is_understood(path: str, size: int) -> None:
    body = bytes(number % 251 for number in range(size))
    runner = web.AppRunner(_echo())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    try:
        async with reaching(f"http://127.0.0.1:{port}") as upstream:
            for _ in range(3):
                sending = Sending(b"POST", path.encode(), ((b"accept", b"*/*"),), body)
                assert await answer_of(upstream, sending) == (200, body)
            assert upstream.pool._slots == 1
    finally:
        await runner.cleanup()


def _echo() -> web.Application:
    async def whole(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    async def stream(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        for start in range(0, len(body), 70_000):
            await response.write(body[start : start + 70_000])
        await response.write_eof()
        return response

    app = web.Application(client_max_size=1 << 24)
    app.add_routes([web.post("/whole", whole), web.post("/stream", stream)])
    return app
