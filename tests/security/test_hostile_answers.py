"""Whatever a provider answers: the caller sees a proper end, the ledger an honest one, and nobody waits."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from journeys.caller import calling
from journeys.gateway import Gateway, ask, gateway
from journeys.provider import (
    STREAM_HEAD,
    Asked,
    Provider,
    Script,
    chunk,
    chunked,
    completion,
    json_response,
    provider,
    stream_events,
    usage,
)
from security.wire import Got, bearer, exchange, recorded, request

DONE = b"data: [DONE]\n\n"
FORGED = b'event: error\nid: 1\nretry: 1\ndata: {"error":{"message":"canary"}}\n\n'
NOTICED_WITHIN_S = 1.0
MOST_KIB = 48 * 1024
WHOLE_S = 3

Raw = Callable[[dict[str, Any]], bytes]


@dataclass(frozen=True)
class Hostile:
    """What comes in place of the events after the first words; the usual end follows if `goes_on`."""

    name: str
    sends: bytes
    code: str | None
    goes_on: bool = True

    def raw(self, body: dict[str, Any]) -> bytes:
        first, word, *_, finish, used, done = stream_events(body, 1)
        rest = chunk(finish) + chunk(used) + chunk(done) if self.goes_on else b""
        return STREAM_HEAD + chunk(first) + chunk(word) + chunk(self.sends) + rest + b"0\r\n\r\n"


LIMITED = "upstream_rate_limited"
WORD = b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}]}\n\n'
STREAMS = [
    # what is no event of the dialect stays behind, and the stream goes on
    Hostile("event, id and retry", b"event: error\nid: 1\nretry: 1\n\n", None),
    Hostile("fields around data", b"event: x\n" + WORD[:-1] + b"id: 1\n\n", None),
    Hostile("comments", b": canary\n\n" * 100, None),
    Hostile("CR alone", WORD.replace(b"\n", b"\r"), None),
    Hostile("CR LF", WORD.replace(b"\n", b"\r\n"), None),
    Hostile("an object that is no chunk", b'data: {"object":"error","message":"canary"}\n\n', None),
    Hostile("a NUL in a field's name", b"da\0ta: canary\n\n", None),
    Hostile("data behind the end", DONE + WORD + FORGED, None),
    Hostile("no DONE", stream_events({"model": "m"}, 1)[-2], None, goes_on=False),
    # what cannot be passed on ends the stream
    Hostile("a forged error event", FORGED, "upstream_failed"),
    Hostile("a forged event behind a CR", b'data: {"choices":[]}\revent: error\rdata: canary\r\r', "upstream_broke"),
    Hostile("an error in the middle", b'data: {"error":{"message":"canary"}}\n\n', "upstream_failed"),
    Hostile("a limit of its rate", b'data: {"error":{"message":"canary","code":"rate_limit_exceeded"}}\n\n', LIMITED),
    Hostile("an error behind an escape", b'data: {"choices":[],"\\u0065rror":"canary"}\n\n', "upstream_failed"),
    Hostile("no JSON", b"data: canary\n\n", "upstream_broke"),
    Hostile("half a JSON", b'data: {"choices":[\n\n', "upstream_broke"),
    Hostile("a NUL", b'data: {"choices":[],"x":"\0"}\n\n', "upstream_broke"),
    Hostile("no UTF-8", b'data: {"choices":[],"x":"\xff"}\n\n', "upstream_broke"),
    Hostile("depth", b'data: {"choices":[],"x":' + b"[" * 100_000 + b"\n\n", "upstream_broke"),
    Hostile("a tool nobody offered",
        b'data: {"choices":[{"delta":{"tool_calls":[{"function":{"name":"rm"}}]}}]}\n\n', "upstream_broke"),
    Hostile("nothing more", b": bye\n\n", "upstream_broke", goes_on=False),
]  # fmt: skip


def _gzipped(body: dict[str, Any]) -> bytes:
    bomb = gzip.compress(b" " * 10_000_000)
    lines = b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(bomb)
    kind = b"text/event-stream" if body.get("stream") else b"application/json"
    return b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\n%b%b" % (kind, lines, bomb)


def _whole(value: object, status: str = "200 OK", *headers: str) -> Raw:
    return lambda _: json_response(value, status, *headers)


def _as_it_is(value: bytes, kind: bytes = b"application/json") -> Raw:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n" % (kind, len(value))
    return lambda _: head + value


NO_TOOL = {"tool_calls": [{"function": {"name": "rm"}}]}
WHOLES: list[tuple[str, Raw, str, str]] = [
    ("gzip", _gzipped, "upstream_broke", "cut_by_upstream"),
    ("a page", _as_it_is(b"<html>canary</html>", b"text/html"), "upstream_broke", "cut_by_upstream"),
    ("nothing", _as_it_is(b""), "upstream_broke", "cut_by_upstream"),
    ("a list", _whole([]), "upstream_broke", "cut_by_upstream"),
    ("another object", _whole({"canary": 1}), "upstream_broke", "cut_by_upstream"),
    ("no UTF-8", _as_it_is(b'{"choices":[],"x":"\xff"}'), "upstream_broke", "cut_by_upstream"),
    ("depth", _as_it_is(b'{"choices":[],"x":' + b"[" * 100_000), "upstream_broke", "cut_by_upstream"),
    ("a tool nobody offered", _whole({"choices": [{"message": NO_TOOL}]}), "upstream_broke", "cut_by_upstream"),
    ("an error", _whole({"error": {"message": "canary"}}), "upstream_failed", "refused"),
    ("a limit of its rate", _whole({"error": {"message": "canary", "type": "rate_limit_error"}}), LIMITED, "refused"),
]  # fmt: skip


@pytest.fixture(scope="module")
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        yield it


@pytest.fixture(scope="module")
async def door(up: Provider, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    async with gateway(
        tmp_path_factory.mktemp("hostile"),
        up.url,
        up=f"whole_s = {WHOLE_S}",
    ) as it:
        yield it


@pytest.mark.req("S-71", "S-58", "H-145", "P-8", "B-11")
@pytest.mark.parametrize("hostile", STREAMS, ids=lambda it: it.name)
async def test_a_hostile_stream_ends_properly_and_is_settled(
    door: Gateway, up: Provider, hostile: Hostile
) -> None:
    up.script = _says(hostile.raw)
    name = f"stream-{STREAMS.index(hostile)}"

    got = await _ask(door, name, stream=True)

    assert got.status == 200
    assert b"canary" not in got.body
    _is_clean(got.body, hostile.code)
    expected = "cut_by_upstream" if hostile.code else "completed"
    await _is_settled(door, name, expected, hostile.code)


@pytest.mark.req("S-73", "S-74", "S-58", "H-145", "OC-29", "OL-9")
@pytest.mark.parametrize(
    ("raw", "code", "outcome"), [row[1:] for row in WHOLES], ids=[row[0] for row in WHOLES]
)
async def test_an_answer_that_is_none_is_told_in_our_words_and_is_settled(
    door: Gateway, up: Provider, raw: Raw, code: str, outcome: str
) -> None:
    up.script = _says(raw)
    name = f"whole-{[row[1] for row in WHOLES].index(raw)}"

    got = await _ask(door, name)

    assert (got.status, got.code) == (429 if code == LIMITED else 502, code)
    assert b"canary" not in got.body
    await _is_settled(door, name, outcome, code)


@pytest.mark.req("S-73", "H-145")
async def test_a_compressed_stream_is_no_stream(door: Gateway, up: Provider) -> None:
    up.script = _says(_gzipped)

    got = await _ask(door, "gzipped", stream=True)

    assert (got.status, got.code) == (502, "upstream_broke")
    await _is_settled(door, "gzipped", "cut_by_upstream", "upstream_broke")


ERROR = {
    "error": {
        "message": 'canary\nTraceback (most recent call last): File "/srv/canary.py", line 3',
        "type": "canary error",
    },
    "detail": "canary",
}
STATUSES = [
    *((400, 400, "upstream_rejected"), (422, 400, "upstream_rejected"), (413, 400, "upstream_rejected")),
    *((401, 502, "upstream_denied"), (403, 502, "upstream_denied"), (404, 404, "upstream_not_found")),
    *((429, 429, "upstream_rate_limited"), (504, 504, "upstream_timeout"), (302, 502, "upstream_failed")),
    *((500, 502, "upstream_failed"), (503, 502, "upstream_failed"), (418, 502, "upstream_failed")),
    *((206, 502, "upstream_failed"), (204, 502, "upstream_failed"), (599, 502, "upstream_failed")),
]  # fmt: skip


@pytest.mark.req("OC-29", "OL-9", "CN-30", "S-58", "S-16", "P-16")
@pytest.mark.parametrize(("status", "told", "code"), STATUSES)
@pytest.mark.parametrize("is_stream", [False, True])
async def test_an_error_is_told_in_our_words_and_costs_nothing(
    door: Gateway, up: Provider, status: int, told: int, code: str, is_stream: bool
) -> None:
    up.script = _says(_whole(ERROR, f"{status} Canary", "location: http://127.0.0.1:1/canary"))
    name = f"error-{status}-{is_stream}"

    got = await _ask(door, name, stream=is_stream)

    assert (got.status, got.code) == (told, code)
    assert b"canary" not in got.body.lower() + str(got.headers).lower().encode()
    await _is_settled(door, name, "refused", code)
    assert (await recorded(door, name))["owed_nanos"] == 0
    assert "canary" not in door.log().replace(str(door.directory), "").lower()


@pytest.mark.req("S-72", "B-11")
@pytest.mark.parametrize("is_stream", [False, True])
async def test_no_header_of_a_provider_reaches_the_caller(
    door: Gateway, up: Provider, is_stream: bool
) -> None:
    up.script = _says(_with_headers)

    got = await _ask(door, f"headers-{is_stream}", stream=is_stream)

    assert got.status == 200
    assert "canary" not in str(got.headers)
    assert got.headers.keys() <= {
        *("content-type", "content-length", "transfer-encoding", "connection", "cache-control"),
        *("x-accel-buffering", "x-content-type-options", "x-tollhouse-target"),
        *("request-id", "x-request-id"),
    }
    await door.nothing_is_held()


@pytest.mark.req("S-88", "S-74")
@pytest.mark.parametrize("tokens", [2**63, 10**30, -5, 1e400, "7", None, [], True])
@pytest.mark.parametrize("is_stream", [False, True])
async def test_no_number_that_a_provider_claims_breaks_the_books(
    door: Gateway, up: Provider, tokens: Any, is_stream: bool
) -> None:
    claimed = {**usage(5), "completion_tokens": tokens}
    up.script = _says(lambda body: _claiming(body, claimed))
    before = await door.spent()
    name = f"claims-{tokens!s:.9}-{is_stream}"
    name = re.sub(r"[^\w-]", "", name)

    got = await _ask(door, name, stream=is_stream)

    assert got.status in (200, 502)
    record = await recorded(door, name)
    assert record["owed_nanos"] <= record["held_nanos"]
    await door.nothing_is_held()
    assert await door.spent() == before + record["owed_nanos"]
    await door.is_consistent()


@pytest.mark.req("S-71", "S-76", "H-145", "P-30", "S-89")
@pytest.mark.parametrize(
    "drops", [b": still here\n\n", b"\n", b"event: x\n", b"d", b": \r", WORD], ids=repr
)
async def test_a_trickle_without_end_stops_when_the_caller_leaves(
    door: Gateway, up: Provider, drops: bytes
) -> None:
    up.script = _trickle(drops)
    up.gone.clear()
    name = f"left-{drops.hex()[:20]}"

    async with calling(door, ask(stream=True), name) as caller:
        await caller.until(b"word")
        caller.leave()

        async with asyncio.timeout(NOTICED_WITHIN_S):
            await up.gone.wait()

    await _is_settled(door, name, "cut_by_client", None)


@pytest.mark.req("S-71", "S-76", "H-145", "P-29")
@pytest.mark.parametrize("drops", [b": still here\n\n", b"x"], ids=repr)
async def test_a_trickle_without_end_is_cut_by_its_deadline(
    door: Gateway, up: Provider, drops: bytes
) -> None:
    up.script = _trickle(drops)
    name = f"late-{drops.hex()[:20]}"

    got = await _ask(door, name, stream=True)

    _is_clean(got.body, "upstream_timeout")
    await _is_settled(door, name, "cut_by_upstream", "upstream_timeout")


@pytest.mark.req("S-71", "S-76", "H-145")
@pytest.mark.parametrize(
    ("drops", "code"),
    [
        (b"x" * 65_536, "upstream_broke"),
        (b": " + b"x" * 65_533 + b"\n", "upstream_broke"),
        (b": x\n\n" * 13_000, "upstream_broke"),
        (b"\n" * 65_536, "upstream_broke"),
    ],
    ids=["a line of 100 MB", "lines without an event", "comments", "blank lines"],
)
async def test_what_has_no_end_takes_no_memory(
    door: Gateway, up: Provider, drops: bytes, code: str
) -> None:
    up.script = _flood(drops, 100_000_000)
    before = _most_kib(door)
    name = f"flood-{drops[:5].hex()}"

    got = await _ask(door, name, stream=True)

    _is_clean(got.body, code)
    assert _most_kib(door) < before + MOST_KIB
    await _is_settled(door, name, "cut_by_upstream", code)


@pytest.mark.req("S-69", "S-76")
async def test_a_whole_answer_without_end_takes_a_bounded_part_of_memory(
    door: Gateway, up: Provider
) -> None:
    up.script = _flood(b" " * 65_536, 200_000_000)
    before = _most_kib(door)

    got = await _ask(door, "endless")

    assert (got.status, got.code) == (502, "upstream_broke")
    assert _most_kib(door) < before + 5 * 64 * 1024
    await _is_settled(door, "endless", "cut_by_upstream", "upstream_broke")


async def test_after_all_of_it_the_books_and_the_audit_log_are_whole(
    door: Gateway, up: Provider
) -> None:
    up.script = None

    got = await _ask(door, "at-last", stream=True)

    assert got.body.endswith(DONE)
    await door.nothing_is_held()
    await door.is_consistent()
    await door.audit_is_whole()


def _says(raw: Raw) -> Script:
    async def script(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(raw(asked.body))
        await writer.drain()

    return script


def _trickle(drops: bytes) -> Script:
    async def script(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + b"".join(map(chunk, stream_events(asked.body, 5)[:3])))
        while True:
            writer.write(chunk(drops))
            await writer.drain()
            await asyncio.sleep(0.005)

    return script


def _flood(drops: bytes, most: int) -> Script:
    async def script(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD)
        for _sent in range(0, most, len(drops)):
            writer.write(chunk(drops))
            await writer.drain()
        writer.write(b"0\r\n\r\n")

    return script


def _with_headers(body: dict[str, Any]) -> bytes:
    names = (
        *("set-cookie", "server", "location", "x-canary", "openai-organization", "x-request-id"),
        *("strict-transport-security", "access-control-allow-origin", "www-authenticate", "date"),
        *("content-security-policy", "x-ratelimit-remaining-tokens", "trailer", "via", "refresh"),
    )
    lines = b"".join(b"%b: canary\r\n" % name.encode() for name in names)
    is_stream = body.get("stream")
    answer = (
        b"".join(chunked(stream_events(body, 1)))
        if is_stream
        else json_response(completion(body, 1))
    )
    first, _, rest = answer.partition(b"\r\n")
    trailers = b"0\r\nset-cookie: canary\r\n\r\n"
    return (first + b"\r\n" + lines + rest).replace(b"0\r\n\r\n", trailers)


def _claiming(body: dict[str, Any], claimed: dict[str, Any]) -> bytes:
    if not body.get("stream"):
        return json_response({**completion(body, 5), "usage": claimed})
    events = stream_events(body, 5)
    used = b"data: " + json.dumps({"choices": [], "usage": claimed}).encode() + b"\n\n"
    return b"".join(chunked([*events[:-2], used, events[-1]]))


async def _ask(door: Gateway, name: str, **members: Any) -> Got:
    headers = (
        bearer(door.key),
        ("content-type", "application/json"),
        ("x-request-id", name),
    )
    received = await exchange(door.port, request(json.dumps(ask(**members)).encode(), headers))
    top, _, body = received.partition(b"\r\n\r\n")
    status, *lines = top.decode("latin-1").split("\r\n")
    pairs = [line.partition(": ") for line in lines]
    found = {name.lower(): value for name, _, value in pairs}
    if found.get("transfer-encoding") == "chunked":
        body = _unchunked(body)
    return Got(int(status.split(" ")[1]), found, body)


def _unchunked(body: bytes) -> bytes:
    """As far as it came: a stream that was cut has no last chunk."""
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size or b"0", 16)
        whole, body = whole + body[:length], body[length + 2 :]
    return whole


def _is_clean(body: bytes, code: str | None) -> None:
    """Lines of data and nothing else: objects, then our error or the end, and nothing behind it."""
    events = body.decode().split("\n\n")
    assert events.pop() == ""
    assert all(event.startswith("data: ") and len(event.splitlines()) == 1 for event in events)
    *chunks, last = [event.removeprefix("data: ") for event in events]
    assert all("choices" in json.loads(each) for each in chunks)
    if code is None:
        assert last == "[DONE]"
    else:
        assert json.loads(last)["error"]["code"] == code


async def _is_settled(door: Gateway, name: str, outcome: str, code: str | None) -> None:
    record = await recorded(door, name)
    assert record["code"] == code
    await door.nothing_is_held()
    rows = await door.rows(
        f"SELECT state, outcome, held >= owed FROM calls WHERE request_id = '{name}'"
    )
    assert [tuple(row) for row in rows] == [("settled", outcome, 1)]


def _most_kib(door: Gateway) -> int:
    """The most memory that the gateway has had so far."""
    status = Path(f"/proc/{door.processes[0].pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0])
