"""Calls of gRPC over a socket: to a server by gRPC's own authors, and to others that mean no good."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import PingReceived

from agent import Agent
from tollhouse.domain import endpoints
from tollhouse.domain.errors import UpstreamBroke, UpstreamForbidden
from tollhouse.domain.permits import for_provider
from tollhouse.domain.urls import parse
from tollhouse.upstream.grpc_answer import Answer
from tollhouse.upstream.grpc_call import Connect, Patience, messages
from tollhouse.upstream.near import connected
from tollhouse.upstream.way import Way

PATH = "/SpiffeWorkloadAPI/FetchX509Bundles"
SHORT = Patience(first_s=0.1)
PING = b"\0\0\x08\x06\0\0\0\0\0" + b"whatever"
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def called(
    connect: Connect, patience: Patience | None = None
) -> aclosing[AsyncGenerator[bytes, None]]:
    answer = Answer(PATH, "localhost", (("workload.spiffe.io", "true"),), 1_000_000)
    return aclosing(messages(connect, answer, patience or Patience()))


@pytest.mark.parametrize("address", ["", "tcp://127.0.0.1:0", "tcp://[::1]:0"])
async def test_a_real_server_is_listened_to_for_as_long_as_it_speaks(
    tmp_path: Path, address: str
) -> None:
    agent = Agent(tmp_path, address)
    agent.says("FetchX509Bundles", b"one")
    agent.start()
    endpoint = endpoints.read(agent.address)
    url = parse(f"http://{agent.address.removeprefix('tcp://')}") if address else None
    connect = partial(connected, endpoint, Way(url, for_provider(url)) if url else None)

    try:
        async with asyncio.timeout(30), called(connect) as told:
            assert await anext(told) == b"one"
            agent.says("FetchX509Bundles", b"x" * 500_000)
            assert await anext(told) == b"x" * 500_000
            agent.denies = True
            agent.says("FetchX509Bundles", b"")
            with pytest.raises(UpstreamBroke) as refused:
                await anext(told)
            assert "PERMISSION_DENIED: 'no identity issued'" in (refused.value.private or "")
    finally:
        agent.stop()


async def test_an_address_that_is_not_of_this_host_is_never_gone_to() -> None:
    url = parse("http://10.0.0.1:80")
    way = Way(url, for_provider(parse("http://127.0.0.1:80")))

    with pytest.raises(UpstreamForbidden):
        async with called(
            partial(connected, endpoints.Endpoint(host="10.0.0.1", port=80), way)
        ) as told:
            await anext(told)


async def test_where_nobody_listens_the_system_says_so(tmp_path: Path) -> None:
    nobody = partial(connected, endpoints.read(f"unix://{tmp_path}/nobody.sock"), None)

    with pytest.raises(FileNotFoundError):
        async with called(nobody) as told:
            await anext(told)


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def closing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\0\0\0\4\0\0\0\0\0")
    await writer.drain()


async def another_protocol(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
    await reader.read()


async def never_whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    http = await begun(reader, writer)
    http.send_data(1, b"\0\0\0\1\0half")
    writer.write(http.data_to_send())
    await reader.read()


async def then_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await then(b"one", reader, writer)
    await reader.read()


async def flooding(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Wants answers, and takes none."""
    await then(b"one", reader, writer)
    while True:
        writer.write(PING * 1000)
        await writer.drain()


async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """About anything but what he was asked."""
    http = await then(b"one", reader, writer)
    while not any(isinstance(it, PingReceived) for it in http.receive_data(await reader.read(99))):
        pass
    while not writer.is_closing():
        writer.write(PING)
        await asyncio.sleep(0.01)
        await writer.drain()


@pytest.mark.req("S-42")
@pytest.mark.parametrize(
    ("script", "patience", "before"),
    [
        (silent, SHORT, []),
        (never_whole, SHORT, []),
        (then_silent, Patience(quiet_s=0.1, reply_s=0.1), [b"one"]),
        (closing, Patience(first_s=3600), []),
        (flooding, Patience(reply_s=0.5), [b"one"]),
        (talking, Patience(quiet_s=0.1, reply_s=0.1), [b"one"]),
        (another_protocol, Patience(), []),
    ],
)
async def test_who_does_not_answer_well_is_left(
    tmp_path: Path, script: Script, patience: Patience, before: list[bytes]
) -> None:
    heard: list[bytes] = []

    async with served(tmp_path, script) as connect:

        async def listen() -> None:
            async with called(connect, patience) as told:
                async for each in told:
                    heard.append(each)  # noqa: PERF401 - also of what breaks off

        with pytest.raises((UpstreamBroke, OSError)):
            await listen()

    assert heard == before


async def test_who_says_that_he_is_there_is_listened_to(tmp_path: Path) -> None:
    pings = 0

    async def patient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal pings
        http = await begun(reader, writer)
        http.send_data(1, b"\0\0\0\0\3one")
        while pings < 3:
            writer.write(http.data_to_send())
            events = http.receive_data(await reader.read(9999))
            pings += sum(isinstance(each, PingReceived) for each in events)
        http.send_data(1, b"\0\0\0\0\3two")
        writer.write(http.data_to_send())
        await reader.read()

    async with (
        served(tmp_path, patient) as connect,
        called(connect, Patience(quiet_s=0.01)) as told,
    ):
        assert [await anext(told), await anext(told)] == [b"one", b"two"]

    assert pings >= 3


async def test_who_is_listened_to_no_more_is_let_go(tmp_path: Path) -> None:
    gone = asyncio.Event()

    async def speaking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await then_silent(reader, writer)
        gone.set()

    async with served(tmp_path, speaking) as connect:
        async with called(connect) as told:
            assert await anext(told) == b"one"
            assert not gone.is_set()
        async with asyncio.timeout(30):
            await gone.wait()


async def test_a_connection_that_does_not_come_about_is_given_up() -> None:
    async def never() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(TimeoutError):
        async with called(never, Patience(connect_s=0.05)) as told:
            await anext(told)


async def then(
    message: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> H2Connection:
    http = await begun(reader, writer)
    http.send_data(1, b"\0" + len(message).to_bytes(4) + message)
    writer.write(http.data_to_send())
    return http


async def begun(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> H2Connection:
    http = H2Connection(H2Configuration(client_side=False))
    http.initiate_connection()
    http.receive_data(await reader.read(9999))
    http.send_headers(1, [(":status", "200"), ("content-type", "application/grpc")])
    writer.write(http.data_to_send())
    return http


@asynccontextmanager
async def served(folder: Path, script: Script) -> AsyncIterator[Connect]:
    path = f"{folder}/other.sock"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(reader, writer)
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_unix_server(serve, path)
    try:
        yield partial(connected, endpoints.read(f"unix://{path}"), None)
    finally:
        server.close()
