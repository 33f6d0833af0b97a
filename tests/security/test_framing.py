"""Requests that two readers could read differently: one refusal, one record, and nothing that follows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from journeys.gateway import Gateway, ask
from journeys.provider import Provider
from security.callers import Callers
from security.wire import CHAT, Got, answer, exchange, recorded, records
from tollhouse.domain.errors import REGISTRY

CANARY = b"canary-8d1f"
BODY = json.dumps(ask()).encode()
CHUNKED = b"transfer-encoding: chunked"
MALFORMED, TOO_LARGE, TOO_LONG = "http_malformed", "headers_too_large", "target_too_long"

Raw = Callable[[bytes], bytes]
"""Makes a request of the lines that every honest one has: its id, its key, its type."""


@dataclass(frozen=True)
class Row:
    """A line of the table, or a part of one."""

    number: str
    name: str
    raw: Raw
    code: str = MALFORMED
    is_readable: bool = True
    """Its head is whole, so its id is known."""

    comes_in_pieces: bool = False
    """Its body is more than one read may bring: the call has begun when the rest turns out to be none."""


def post(
    *lines: bytes, body: bytes = b"", version: bytes = b"1.1", host: bytes = b"localhost"
) -> Raw:
    first = b"POST %b HTTP/%b\r\nhost: %b\r\n" % (CHAT.encode(), version, host)
    further = b"".join(line + b"\r\n" for line in lines)
    return lambda honest: first + honest + further + b"\r\n" + body


def bare(raw: bytes) -> Raw:
    return lambda _: raw


def in_chunks(body: bytes) -> Raw:
    return post(CHUNKED, body=body)


END = b"0\r\n\r\n"
THREE = b"abc\r\n" + END
ROWS = [
    Row("H-1", "a length, then chunks", post(b"content-length: 5", CHUNKED, body=END), is_readable=False),
    Row("H-2", "chunks, then a length", post(CHUNKED, b"content-length: 5", body=END), is_readable=False),
    Row("H-3", "two lengths", post(b"content-length: 3", b"content-length: 4", body=b"abcd"),
        is_readable=False),
    Row("H-4", "the same length twice", post(b"content-length: 3", b"content-length: 3", body=b"abc"),
        is_readable=False),
    Row("H-4", "two lengths in one line", post(b"content-length: 3, 3", body=b"abc"), is_readable=False),
    Row("H-5", "an unknown encoding", post(b"transfer-encoding: xchunked", body=END)),
    Row("H-5", "an encoding with a parameter", post(b"transfer-encoding: chunked;q=1", body=END)),
    Row("H-5", "an encoding in quotes", post(b'transfer-encoding: "chunked"', body=END)),
    Row("H-5", "no encoding", post(b"transfer-encoding:", body=END), is_readable=False),
    Row("H-5", "an encoding after a vertical tab", post(b"transfer-encoding: \x0bchunked", body=END),
        is_readable=False),
    Row("H-6", "chunks, then more", post(b"transfer-encoding: chunked, identity", body=END),
        is_readable=False),
    Row("H-7", "something, then chunks", post(b"transfer-encoding: identity, chunked", body=END)),
    Row("H-7", "gzip, then chunks", post(b"transfer-encoding: gzip, chunked", body=END)),
    Row("H-7", "identity alone", post(b"transfer-encoding: identity", body=END)),
    Row("H-8", "two encodings", post(CHUNKED, b"transfer-encoding: identity", body=END), is_readable=False),
    Row("H-8", "one encoding twice", post(CHUNKED, CHUNKED, body=END), is_readable=False),
    Row("H-9", "a chunk that is longer", in_chunks(b"3\r\nabcd\r\n" + END)),
    Row("H-9", "a chunk that ends in other bytes", in_chunks(b"3\r\nabcXX" + END)),
    Row("H-9", "a chunk that ends in a line feed", in_chunks(b"3\r\nabc\n" + END)),
    *(Row("H-10", f"a chunk of size {size!r}", in_chunks(size + b"\r\n" + THREE))
      for size in (b"0x3", b"+3", b"-3", b"1_0", b"1" * 17, b"g", b"", b" 3", b"3 ", b"\t3", b"3.0")),
    Row("H-11", "a line feed after a size", in_chunks(b"3\n" + THREE)),
    Row("H-11", "a line feed in an extension", in_chunks(b"3;x\ny\r\n" + THREE)),
    Row("H-11", "a line feed in quotes", in_chunks(b'3;x="\n"\r\n' + THREE)),
    Row("H-11", "a carriage return in an extension", in_chunks(b"3;x\ry\r\n" + THREE)),
    Row("H-11", "a NUL in an extension", in_chunks(b"3;x=\0\r\n" + THREE)),
    Row("H-11", "64 KiB of extension", in_chunks(b"3;" + CANARY * 6000 + b"\r\n" + THREE),
        comes_in_pieces=True),
    Row("H-11", "64 KiB of trailers", in_chunks(b"0\r\n" + b"x-a: b\r\n" * 9000 + b"\r\n"),
        comes_in_pieces=True),
    Row("H-12", "chunks in HTTP/1.0", post(CHUNKED, body=END, version=b"1.0")),
    *(Row("H-13", f"a length of {length!r}", post(b"content-length: " + length, body=b"abc"),
          is_readable=False)
      for length in (b"+3", b"-1", b"0x3", b"1_0", b"\xb3", "³".encode(), b"1" + b"0" * 23, b"3 3", b"3.0", b"")),
    Row("H-14", "a folded line", post(b"x-a: b", b" content-length: 3", body=b"abc"), is_readable=False),
    Row("H-14", "a folded line with a tab", post(b"x-a: b", b"\tc"), is_readable=False),
    Row("H-14", "a fold after the first line", bare(b"GET / HTTP/1.1\r\n host: localhost\r\n\r\n"),
        is_readable=False),
    Row("H-15", "bare line feeds", lambda honest: post()(honest).replace(b"\r\n", b"\n"),
        is_readable=False),
    Row("H-15", "one bare line feed", post(b"x-a: b\nx-c: d"), is_readable=False),
    Row("H-15", "a bare line feed at the end of the head",
        lambda honest: post()(honest)[:-2] + b"\n", is_readable=False),
    Row("H-16", "a bare carriage return", post(b"x-a: b\rx-c: d"), is_readable=False),
    Row("H-16", "a carriage return too many", post(b"x-a: b\r"), is_readable=False),
    Row("H-17", "a NUL in a value", post(b"x-a: b\0c"), is_readable=False),
    Row("H-17", "a NUL in a name", post(b"x-\0a: b"), is_readable=False),
    Row("H-17", "a control character in a value", post(b"x-a: \x01"), is_readable=False),
    Row("H-18", "a space before the colon", post(b"x-a : b"), is_readable=False),
    Row("H-18", "a space after a length", post(b"content-length : 3", body=b"abc"), is_readable=False),
    Row("H-18", "a tab before the colon", post(b"transfer-encoding\t: chunked", body=END), is_readable=False),
    Row("H-19", "an empty name", post(b": b"), is_readable=False),
    Row("H-19", "a line without a colon", post(b"x-a"), is_readable=False),
    Row("H-19", "a name that is no token", post(b'x"a(b): c'), is_readable=False),
    Row("H-20", "5,000 headers", post(*(b"x-%d: y" % number for number in range(5000))), TOO_LARGE, False),
    Row("H-20", "5,000 headers that are dropped", post(*[b"x_: y"] * 5000), TOO_LARGE, False),
    Row("H-20", "a header of 200 KB", post(b"x-a: " + CANARY * 18_000), TOO_LARGE, False),
    Row("H-20", "100 KB of names", post(*(b"n" * 1000 + b": " for _ in range(100))), TOO_LARGE, False),
    Row("H-33", "no host", lambda honest: b"GET /v1/models HTTP/1.1\r\n" + honest + b"\r\n"),
    Row("H-33", "no host in HTTP/1.0", lambda honest: b"GET /v1/models HTTP/1.0\r\n" + honest + b"\r\n"),
    Row("H-33", "two hosts", post(b"host: localhost")),
    Row("H-33", "a user in the host", post(host=b"x@admin")),
    Row("H-36", "a method in small letters",
        lambda honest: b"post" + post()(honest)[4:], is_readable=False),
    Row("H-36", "a method that nobody knows",
        lambda honest: b"CANARY /canary-8d1f HTTP/1.1\r\nhost: localhost\r\n" + honest + b"\r\n",
        is_readable=False),
    Row("H-36", "a tunnel",
        lambda honest: b"CONNECT localhost:80 HTTP/1.1\r\nhost: localhost\r\n" + honest + b"\r\n"),
    Row("H-36", "HTTP/2 from the start", bare(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), is_readable=False),
    Row("H-36", "an upgrade to HTTP/2", post(b"connection: upgrade, http2-settings", b"upgrade: h2c",
                                            b"http2-settings: AAMAAABkAAQAAP__")),
    Row("H-36", "an upgrade with a body", post(b"connection: upgrade", b"upgrade: websocket",
                                              b"content-length: 2", body=b"{}")),
    Row("H-36", "HTTP/2.0", post(version=b"2.0")),
    Row("H-36", "HTTP/0.9", bare(b"GET /canary-8d1f\r\n\r\n"), is_readable=False),
    Row("H-36", "HTTP/1.2", post(version=b"1.2"), is_readable=False),
    Row("H-36", "TLS", bare(b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n"), is_readable=False),
    Row("H-40", "a target of 64 KB",
        lambda honest: b"GET /%b HTTP/1.1\r\nhost: localhost\r\n" % (CANARY * 6000) + honest + b"\r\n",
        TOO_LONG, is_readable=False),
    Row("H-40", "a query of 64 KB",
        lambda honest: b"GET /v1/models?%b HTTP/1.1\r\nhost: localhost\r\n" % (CANARY * 6000) + honest
        + b"\r\n", TOO_LONG, is_readable=False),
]  # fmt: skip


@pytest.mark.req(
    *("S-1", "S-2", "S-5", "B-1", "B-9", "B-12", "OC-24", "P-2", "R-1", "R-11"),
    *("H-1", "H-2", "H-3", "H-4", "H-5", "H-6", "H-7", "H-8", "H-9", "H-10", "H-11", "H-12", "H-13", "H-14"),
    *("H-15", "H-16", "H-17", "H-18", "H-19", "H-20", "H-33", "H-36", "H-40"),
)  # fmt: skip
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.number} {row.name}")
async def test_what_could_be_read_in_two_ways_is_refused_once_and_nothing_follows(
    door: Gateway, callers: Callers, up: Provider, row: Row
) -> None:
    ours, theirs = f"row-{ROWS.index(row)}", f"smug-{ROWS.index(row)}"

    received = await exchange(door.port, row.raw(honest(callers, ours)) + smuggled(callers, theirs))

    got = only_answer(received)
    assert (got.status, got.code) == (REGISTRY[row.code].status, row.code)
    assert got.headers["connection"] == "close"
    assert CANARY not in received
    assert (got.headers["x-request-id"] == ours) == row.is_readable
    record = await recorded(door, got.headers["x-request-id"])
    assert (record["code"], record["outcome"]) == (row.code, "refused")
    assert record["route"] in (("unrouted", "chat") if row.comes_in_pieces else ("unrouted",))
    assert records(door, theirs) == []
    assert up.asked == []
    await door.nothing_is_held()


@pytest.mark.req("B-12", "S-1", "P-13", "OC-55")
async def test_all_of_them_leave_one_record_each(door: Gateway, callers: Callers) -> None:
    """Asked of a gateway that has stopped, so that nothing more can come."""
    before = len(door.calls())
    for number, row in enumerate(ROWS):
        raw = row.raw(honest(callers, f"again-{number}"))
        await exchange(door.port, raw + smuggled(callers, "never"))

    await door.end()

    after = door.calls()[before:]
    assert sorted(record["code"] for record in after) == sorted(row.code for row in ROWS)
    await door.audit_is_whole()
    await door.start()


def honest(callers: Callers, request_id: str) -> bytes:
    """With a good key: only what is wrong with its framing keeps it out."""
    lines = [
        f"authorization: Bearer {callers.good}",
        f"x-request-id: {request_id}",
        "content-type: application/json",
        f"x-said: {CANARY.decode()}",
    ]
    return "".join(line + "\r\n" for line in lines).encode()


def smuggled(callers: Callers, request_id: str) -> bytes:
    """What would be answered, and paid for, if it were taken for a request."""
    return post(b"content-length: %d" % len(BODY), body=BODY)(honest(callers, request_id))


def only_answer(received: bytes) -> Got:
    assert len(re.findall(rb"HTTP/1\.1 \d{3} ", received)) == 1, received
    return answer(received)
