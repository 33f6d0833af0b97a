"""Forms that are none, are too much, or hide something: refused before anything leaves, or passed on unopened."""

from __future__ import annotations

import asyncio
import json
import socket
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from journeys.gateway import Gateway, gateway, until
from journeys.provider import Asked, Provider, provider
from journeys.recordings import BOUNDARY, FORM, file, form, text, wav
from security.callers import Callers
from security.wire import (
    Lines,
    bearer,
    chunked_request,
    head,
    recorded,
    records,
    refused_in_dialect,
    request,
    send,
)

PATH = "/v1/audio/transcriptions"
MIB = 1024 * 1024
MOST = 26 * MIB
GOOD = (text("model", "m"), file(wav(1)))
UTF_16 = (
    b'Content-Disposition: form-data; name="model"\r\nContent-Type: text/plain; charset=utf-16'
    b"\r\n\r\n\xff\xfem\0"
)
PARALLEL = 16
EACH_MIB = 6
GROWTH_MB = 40
"""Less than half of what was sent."""


def _sent(body: bytes, content_type: str = FORM[1]) -> Callable[[Lines], bytes]:
    return lambda headers: request(body, (*headers, ("content-type", content_type)), target=PATH)


def _of(content_type: str) -> Callable[[Lines], bytes]:
    return _sent(form(*GOOD), content_type)


def _too_much(headers: Lines) -> bytes:
    parts = [file(b"x" * (MOST // 10 * 9), name=f"file{number}") for number in range(3)]
    return chunked_request([form(*parts)], (*headers, FORM), PATH)


def _declared_too_much(headers: Lines) -> bytes:
    length = ("content-length", str(100 * (MOST // 10 * 9)))
    return head("POST", PATH, (*headers, FORM, length)) + form(*GOOD)


@dataclass(frozen=True)
class Bad:
    name: str
    codes: tuple[str, ...]
    raw: Callable[[Lines], bytes]


NONE = ("form_malformed",)
BAD = [
    Bad("a hundred thousand parts", NONE, _sent(form(*[text("x[]", "")] * 100_000))),
    Bad("parts that are together too much", ("body_too_large",), _too_much),
    Bad("parts that would be together too much", ("body_too_large",), _declared_too_much),
    Bad("no closing boundary", NONE, _sent(form(*GOOD)[: -len(BOUNDARY) - 6])),
    Bad("half a closing boundary", NONE, _sent(form(*GOOD)[:-4])),
    Bad("nothing", NONE, _sent(b"")),
    Bad("a boundary of a megabyte", ("headers_too_large",), _of(f"{FORM[1]}{'x' * MIB}")),
    Bad("a boundary of 71 letters", NONE, _of(f"multipart/form-data; boundary={'x' * 71}")),
    Bad("an empty boundary", NONE, _of("multipart/form-data; boundary=")),
    Bad("no boundary", NONE, _of("multipart/form-data")),
    Bad("a boundary with a line's end", ("http_malformed",), _of(f"{FORM[1]}\r\nx y")),
    Bad("a boundary with an encoded line's end", NONE, _of(f"{FORM[1]}%0d%0a")),
    Bad("two boundaries", NONE, _of(f"{FORM[1]}; boundary=b")),
    Bad(
        "a part with ten thousand headers",
        NONE,
        _sent(form(b"\r\n".join(b"x-%d: y" % n for n in range(10_000)) + b"\r\n\r\n")),
    ),
    Bad("a filename of 64 KB", NONE, _sent(form(GOOD[0], file(b"x", filename="x" * 65_536)))),
    Bad("a NUL in a filename", NONE, _sent(form(GOOD[0], file(b"x", filename="a\0.wav")))),
    Bad("two models", NONE, _sent(form(text("model", "m"), *GOOD))),
    Bad("a model and a list of models", NONE, _sent(form(text("model[]", "m"), *GOOD))),
    Bad("a model that only others see", NONE, _sent(form(GOOD[0], file(b"\n" + form(GOOD[0]))))),
    Bad("a model that is a file", NONE, _sent(form(*GOOD, file(b"m", name="model")))),
    Bad("only a model that is a file", ("field_invalid",), _sent(form(file(b"m", name="model"), GOOD[1]))),
    Bad("two recordings", NONE, _sent(form(*GOOD, GOOD[1]))),
    Bad("another file", ("field_invalid",), _sent(form(*GOOD, file(b"x", name="image")))),
    Bad(
        "a form within the form",
        NONE,
        _sent(form(*GOOD).replace(b"audio/wav", b"multipart/mixed; boundary=b")),
    ),
    Bad("a form within nothing", NONE, _sent(b"x" + form(*GOOD))),
    Bad("a form before something", NONE, _sent(form(*GOOD) + b"--" + form(*GOOD))),
    Bad("an encoded part", NONE, _sent(form(b"Content-Transfer-Encoding: base64\r\n" + GOOD[0]))),
    Bad("a text in UTF-16", NONE, _sent(form(UTF_16, GOOD[1]))),
    Bad("what steers the gateway", ("field_refused",), _sent(form(*GOOD, text("api_base", "http://x")))),
    Bad("JSON", ("media_type_unsupported",), _sent(b'{"model":"m"}', "application/json")),
    Bad("a form as JSON", ("media_type_unsupported",), _of("application/json")),
    Bad("another kind of form", ("media_type_unsupported",), _of("application/x-www-form-urlencoded")),
]  # fmt: skip


@pytest.mark.req("S-10", "S-6", "P-13", "R-1")
@pytest.mark.req("H-70", "H-71", "H-72", "H-73", "H-74", "H-75", "H-76", "H-77")
@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
async def test_a_form_that_is_wrong_is_refused_by_name_and_costs_nothing(
    door: Gateway, callers: Callers, up: Provider, bad: Bad
) -> None:
    request_id = f"form-{BAD.index(bad)}"

    got = await send(door.port, bad.raw((bearer(callers.good), ("x-request-id", request_id))))

    assert got.code in bad.codes
    if bad.codes[0] not in ("http_malformed", "headers_too_large"):  # those have no path
        refused_in_dialect(got, bad.codes[0], PATH)
        assert (await recorded(door, request_id))["code"] == bad.codes[0]
        assert len(records(door, request_id)) == 1
    assert up.asked == []
    await door.nothing_is_held()
    assert await door.rows("SELECT id FROM calls") == []
    assert _kept(door) == []


@pytest.mark.req("H-76", "P-13")
async def test_a_stranger_s_form_is_not_read(door: Gateway, up: Provider) -> None:
    raw = head("POST", PATH, (FORM, ("content-length", str(MOST)), bearer("thk_nobody")))

    got = await send(door.port, raw)

    refused_in_dialect(got, "key_malformed", PATH)
    assert up.asked == []


@pytest.mark.req("H-75", "H-78", "S-10")
async def test_what_a_file_is_called_and_what_is_in_it_is_nobody_s_business_here(
    tmp_path: Path,
) -> None:
    """A name that is a path, a bomb of zeroes within a WAV within a ZIP: bytes, and no more."""
    bomb = zlib.compress(bytes(64 * MIB), 9)
    opaque = b"PK\x03\x04" + wav(1) + bomb + b"\r\n--\r\n<script>\0"
    names = ["../../etc/cron.d/x", "/etc/passwd", "C:\\x.wav", "a.wav%00.png", "x" * 4000, ""]
    (tmp_path / "house").mkdir()
    async with provider() as up, gateway(tmp_path / "house", up.url) as door:
        up.script = heard
        before = _files(tmp_path)
        for name in names:
            escaped = name.replace("\\", "\\\\")
            body = form(text("model", "m"), file(opaque, filename=escaped))

            got = await send(door.port, request(body, (bearer(door.key), FORM), target=PATH))

            assert got.status == 200, got
            assert up.asked[-1].raw == form(text("model", "m-real"), file(opaque, filename=escaped))
        await door.nothing_is_held()
        assert {path for path in _files(tmp_path) - before if "audit" not in str(path)} <= {
            door.directory / "data" / "uploads"
        }


@pytest.mark.req("H-79", "S-7", "S-8")
async def test_a_form_that_trickles_is_refused_and_recorded_once(tmp_path: Path) -> None:
    async with provider() as up, gateway(tmp_path, up.url, server="body_s = 1") as door:
        headers = (bearer(door.key), FORM, ("x-request-id", "trickle"))
        raw = head("POST", PATH, (*headers, ("content-length", "1000")))
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writer.write(raw)
        answer = asyncio.create_task(reader.read())
        for at in range(1000):
            writer.write(form(*GOOD)[at : at + 1])
            if (await asyncio.wait([answer], timeout=0.02))[0]:
                break
        writer.close()

        assert b" 408 " in await answer
        assert b"request_timed_out" in await answer
        assert (await recorded(door, "trickle"))["code"] == "request_timed_out"
        assert up.asked == []
        await door.nothing_is_held()


@pytest.mark.req("S-10", "B-2", "H-71")
async def test_many_uploads_at_once_stay_out_of_memory(tmp_path: Path) -> None:
    async with provider() as up, gateway(tmp_path, up.url, limit=10**15) as door:
        up.script = heard
        body = form(text("model", "m"), file(bytes(EACH_MIB * MIB)))
        raw = request(body, (bearer(door.key), FORM), target=PATH)
        assert (await send(door.port, raw)).status == 200
        idle_mb = _most_resident_mb(door)

        ends = [_begun(door.port, raw[:-4]) for _ in range(PARALLEL)]  # they wait for each other
        await asyncio.gather(*(asyncio.to_thread(end.sendall, raw[:-4]) for end in ends))

        async def has_come() -> bool:
            return sum(_size_on_disk(door)) > PARALLEL * (EACH_MIB - 1) * MIB

        await until(has_come, "nearly all of it is on the disk")
        grown_mb = _most_resident_mb(door) - idle_mb
        for end in ends:
            end.sendall(raw[-4:])
        statuses = await asyncio.gather(*(asyncio.to_thread(_status, end) for end in ends))

        assert statuses == [b"200"] * PARALLEL
        assert grown_mb < GROWTH_MB
        await until(lambda: _is_given_back(door), "the disk is given back")


@pytest.mark.req("S-10")
async def test_a_disk_without_room_is_told_and_leaves_room_for_others(tmp_path: Path) -> None:
    small = "[uploads]\nmax_disk_bytes = 1048576\n"
    async with provider() as up, gateway(tmp_path, up.url, store=small) as door:
        up.script = heard
        large, usual = (form(text("model", "m"), file(bytes(size))) for size in (2 * MIB, 500_000))
        headers = (bearer(door.key), FORM)

        full = await send(
            door.port, request(large, (*headers, ("x-request-id", "full")), target=PATH)
        )
        fits = [await send(door.port, request(usual, headers, target=PATH)) for _ in range(3)]

        refused_in_dialect(full, "uploads_full", PATH)
        assert full.headers["retry-after"] == "5"
        assert (await recorded(door, "full"))["code"] == "uploads_full"
        assert [got.status for got in fits] == [200, 200, 200]
        assert len(up.asked) == 3
        await door.nothing_is_held()


@pytest.mark.req("S-10", "P-4")
@pytest.mark.parametrize("how", ["kill", "hang up"])
async def test_an_upload_that_is_cut_leaves_nothing_behind(tmp_path: Path, how: str) -> None:
    async with provider() as up, gateway(tmp_path, up.url) as door:
        raw = request(
            form(text("model", "m"), file(bytes(4 * MIB))), (bearer(door.key), FORM), target=PATH
        )
        end = _begun(door.port, raw)
        await asyncio.to_thread(end.sendall, raw[: 2 * MIB])
        await until(lambda: _is_taken(door), "some of it is on the disk")
        assert _kept(door) == []

        if how == "kill":
            door.kill()
            await door.start()
        else:
            end.close()
            await until(lambda: _is_given_back(door), "the disk is given back")

        assert _kept(door) == []
        await door.nothing_is_held()
        assert up.asked == []
        end.close()


# --- helpers -----------------------------------------------------------------------------


async def heard(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    body = json.dumps({"text": "two pence"}).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    writer.write(head % len(body) + body)
    await writer.drain()


def _begun(port: int, _: bytes) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def _status(end: socket.socket) -> bytes:
    with end:
        return end.recv(65536).split(b" ")[1]


def _kept(door: Gateway) -> list[Path]:
    uploads = door.directory / "data" / "uploads"
    return list(uploads.iterdir()) if uploads.exists() else []


def _files(directory: Path) -> set[Path]:
    return set(directory.rglob("*"))


def _size_on_disk(door: Gateway) -> list[int]:
    """Of the files without a name that the gateway has open."""
    found = []
    for link in Path(f"/proc/{door.processes[-1].pid}/fd").iterdir():
        try:
            if "/uploads/" in str(link.readlink()):
                found.append(link.stat().st_size)
        except FileNotFoundError:
            continue
    return found


async def _is_taken(door: Gateway) -> bool:
    return sum(_size_on_disk(door)) > MIB


async def _is_given_back(door: Gateway) -> bool:
    return _size_on_disk(door) == []


def _most_resident_mb(door: Gateway) -> float:
    status = Path(f"/proc/{door.processes[-1].pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024
