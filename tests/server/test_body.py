"""Bodies as they come over a real connection: counted, bounded, and judged before they are read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from security.wire import CHAT, Lines, chunked_request, exchange, head, request
from server.doors import served
from tollhouse.domain.errors import Problem
from tollhouse.server.body import read_json_body
from tollhouse.server.connection import LINGER_BYTES, Connection
from tollhouse.server.request import Request

JSON = (("content-type", "application/json"),)
MOST = 100


@pytest.mark.req("B-2", "S-7", "CN-6", "OC-27")
@pytest.mark.parametrize("sizes", [[1], [100], [60, 40], [60, 41], [101], [1] * 101, [30] * 9])
async def test_a_body_without_a_length_is_counted_piece_by_piece(sizes: Sequence[int]) -> None:
    answer = await _read(chunked_request([b"x" * size for size in sizes], JSON))

    assert answer == (f"read {sum(sizes)}" if sum(sizes) <= MOST else "body_too_large")


@pytest.mark.req("OC-44")
async def test_a_path_of_clients_that_name_no_type_takes_any(tmp_path: object) -> None:
    async def answer(request: Request, connection: Connection) -> None:
        body = await read_json_body(connection, request, MOST, by_any_name=True)
        connection.begin(200, [(b"content-length", b"%d" % len(body))], b"")
        connection.finish(body)

    async with served(answer) as port:
        got = await exchange(port, request(b"{}", (("content-type", "text/plain"),)))

    assert got.endswith(b"{}")


@pytest.mark.req("B-2", "H-39", "OL-2")
@pytest.mark.parametrize("size", [0, 99, 100, 101, 10_000])
async def test_the_cap_itself_is_allowed_and_one_byte_more_is_not(size: int) -> None:
    answer = await _read(request(b"x" * size, JSON))

    assert answer == (f"read {size}" if size <= MOST else "body_too_large")


@pytest.mark.req("B-2", "S-7", "H-39")
@pytest.mark.parametrize("framing", [f"content-length: {1 << 30}", "transfer-encoding: chunked"])
async def test_of_an_endless_body_only_so_much_is_read(framing: str) -> None:
    chunk = b"x" * 65_536
    piece = b"%x\r\n%b\r\n" % (len(chunk), chunk) if "chunked" in framing else chunk
    sent = 0
    async with served(_answer) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"POST {CHAT} HTTP/1.1\r\nhost: x\r\n{framing}\r\n".encode())
        writer.write(b"content-type: application/json\r\n\r\n")
        answer = asyncio.create_task(reader.read(4096))
        try:
            while sent < 1 << 30:
                writer.write(piece)
                await writer.drain()
                sent += len(piece)
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

        assert b"body_too_large" in await answer
        assert sent < 2 * MOST + 3 * LINGER_BYTES  # some of it in the buffers of the system


@pytest.mark.req("S-7", "CN-25")
async def test_a_body_that_breaks_off_is_never_taken_for_whole() -> None:
    read: list[str] = []

    async def answer(incoming: Request, connection: Connection) -> None:
        try:
            await _answer(incoming, connection)
        except asyncio.CancelledError:
            read.append("cut")
            raise

    async with served(answer) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request(b"{}", JSON)[:-1])
        writer.close()
        async with asyncio.timeout(5):
            while not read:
                await asyncio.sleep(0.01)

    assert read == ["cut"]


@pytest.mark.req("S-6", "OC-20", "OL-3")
async def test_the_media_type_is_judged_before_a_byte_is_read() -> None:
    answer = await _read(head("POST", CHAT, [("content-length", "5")]))

    assert answer == "media_type_unsupported"


@pytest.mark.req("H-24")
async def test_who_asks_whether_to_go_on_is_told_when_the_body_is_wanted() -> None:
    expecting = (*JSON, ("expect", "100-continue"), ("content-length", "2"))
    async with served(_answer) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head("POST", CHAT, expecting))

        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"

        writer.write(b"{}")
        assert (await reader.read()).endswith(b"read 2")
        writer.close()


@pytest.mark.req("H-24")
async def test_who_did_not_ask_or_has_sent_all_of_it_is_not_told_to_go_on() -> None:
    expecting = (*JSON, ("expect", "100-continue"))
    async with served(_answer) as port:
        at_once = await exchange(port, request(b"{}", expecting))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head("POST", CHAT, [*JSON, ("content-length", "2")]) + b"{")
        await writer.drain()
        writer.write(b"}")
        in_two = await reader.read()
        writer.close()

    assert at_once.startswith(b"HTTP/1.1 200 ")
    assert in_two.startswith(b"HTTP/1.1 200 ")


@pytest.mark.req("B-2", "S-7", "H-39", "OL-2")
async def test_a_declared_length_is_refused_before_a_byte_of_it_has_come() -> None:
    answer = await _read(head("POST", CHAT, [*JSON, ("content-length", str(MOST + 1))]))

    assert answer == "body_too_large"


@pytest.mark.req("S-5", "CN-25")
@pytest.mark.parametrize(("end", "said"), [(b"0\r\n\r\n", b"read 100"), (b"x", b"http_malformed")])
async def test_a_body_as_large_as_may_be_is_not_whole_before_its_end(
    end: bytes, said: bytes
) -> None:
    begun = asyncio.Event()

    async def answer(incoming: Request, connection: Connection) -> None:
        begun.set()
        await _answer(incoming, connection)

    async with served(answer) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(chunked_request([b"x" * MOST], JSON).removesuffix(b"0\r\n\r\n"))
        await asyncio.wait_for(begun.wait(), 20)
        writer.write(end)
        received = await reader.read()
        writer.close()

    assert received.endswith(said)


@pytest.mark.parametrize(
    "kind",
    [
        *("application/json", "Application/JSON", "application/json; charset=utf-8"),
        *("application/json;charset=UTF-8", 'application/json; charset="utf-8"', " application/json "),
    ],
)  # fmt: skip
async def test_json_is_taken_as_clients_name_it(kind: str) -> None:
    assert await _read(request(b"{}", [("content-type", kind)])) == "read 2"


@pytest.mark.req("S-6", "H-37", "H-38", "H-68", "OL-3")
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("content-type", "")],
        [("content-type", "text/plain")],
        [("content-type", "application/jsonp")],
        [("content-type", "application/json-seq")],
        [("content-type", "application/x-ndjson")],
        [("content-type", "application/x-www-form-urlencoded")],
        [("content-type", "multipart/form-data; boundary=x")],
        [("content-type", "application/json; charset=latin-1")],
        [("content-type", "application/json; charset=utf-16")],
        *([*JSON, ("content-encoding", kind)] for kind in ("gzip", "deflate", "br", "zstd", "x-gzip")),
        [*JSON, ("content-encoding", "gzip,gzip")],
        [*JSON, ("content-encoding", "identity, br")],
    ],
)  # fmt: skip
async def test_anything_else_is_not(headers: Lines) -> None:
    assert await _read(request(b"{}", headers)) == "media_type_unsupported"


@pytest.mark.req("CN-5", "CN-24")
async def test_where_lengths_are_required_chunks_are_refused() -> None:
    assert await _read(chunked_request([b"{}"], JSON), needs_length=True) == "length_required"
    assert await _read(request(b"{}", JSON), needs_length=True) == "read 2"


async def _read(raw: bytes, *, needs_length: bool = False) -> str:
    async def answer(incoming: Request, connection: Connection) -> None:
        await _answer(incoming, connection, needs_length=needs_length)

    async with served(answer) as port:
        received = await exchange(port, raw)
    return received.partition(b"\r\n\r\n")[2].decode()


async def _answer(incoming: Request, connection: Connection, *, needs_length: bool = False) -> None:
    try:
        body = await read_json_body(connection, incoming, MOST, needs_length=needs_length)
        said = f"read {len(body)}"
    except Problem as problem:
        said = problem.code
    connection.begin(200, [(b"content-length", b"%d" % len(said))], b"")
    connection.finish(said.encode())
