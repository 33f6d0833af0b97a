"""Forms as they come over a real connection: judged by their head, counted, kept, or refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from security.wire import CHAT, Lines, chunked_request, exchange, head, request
from server.doors import served
from tollhouse.domain.errors import Problem
from tollhouse.server.body import read_form
from tollhouse.server.clocks import Clocks
from tollhouse.server.connection import Connection
from tollhouse.server.door import Answer
from tollhouse.server.request import Request
from tollhouse.server.spool import Disk, Spool

FORM = (("content-type", "multipart/form-data; boundary=b"),)
MIB = 1024 * 1024
MOST = 2 * MIB
PART = b'--b\r\ncontent-disposition: form-data; name="%b"\r\n\r\n%b\r\n'
FILE = b'--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n%b\r\n'
WHOLE = PART % (b"model", b"ear") + FILE % b"sound" + b"--b--\r\n"


@pytest.mark.parametrize("step", [1, 7, 100, 10_000])
async def test_a_form_is_read_however_it_comes(tmp_path: Path, step: int) -> None:
    pieces = [WHOLE[at : at + step] for at in range(0, len(WHOLE), step)]

    assert await _read(tmp_path, chunked_request(pieces, FORM)) == "model=ear file:5"


async def test_a_large_file_is_kept_whole(tmp_path: Path) -> None:
    body = FILE % (b"x" * MIB) + b"--b--\r\n"

    assert await _read(tmp_path, request(body, FORM)) == f"file:{MIB}"


@pytest.mark.req("B-2")
async def test_a_form_may_be_as_large_as_is_said_and_no_larger(tmp_path: Path) -> None:
    content = MOST - len(FILE % b"" + b"--b--\r\n")
    form, larger = (FILE % (b"x" * size) + b"--b--\r\n" for size in (content, content + 1))

    assert await _read(tmp_path, chunked_request([form], FORM)) == f"file:{content}"
    assert await _read(tmp_path, chunked_request([larger], FORM)) == "body_too_large"


@pytest.mark.req("S-6")
@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("content-type", "application/json"),),
        (("content-type", "multipart/mixed; boundary=b"),),
        (("content-type", "application/x-www-form-urlencoded"),),
        (*FORM, ("content-encoding", "gzip")),
    ],
)
async def test_what_is_no_form_is_not_read(tmp_path: Path, headers: Lines) -> None:
    assert await _read(tmp_path, request(WHOLE, headers)) == "media_type_unsupported"


@pytest.mark.req("H-71", "S-10", "B-2")
@pytest.mark.parametrize("is_chunked", [False, True])
async def test_what_counts_is_the_form_and_not_its_parts(tmp_path: Path, is_chunked: bool) -> None:
    part = PART.replace(b'"%b"', b'"%b"; filename="f"')
    parts = [part % (b"n%d" % number, b"x" * (9 * MOST // 10)) for number in range(3)]
    raw = (chunked_request if is_chunked else _joined)(parts, FORM)

    assert await _read(tmp_path, raw) == "body_too_large"


@pytest.mark.req("H-72")
@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_form_without_its_end_is_none(tmp_path: Path, is_chunked: bool) -> None:
    raw = (chunked_request if is_chunked else _joined)([WHOLE[:-4]], FORM)

    assert await _read(tmp_path, raw) == "form_malformed"


async def test_a_length_may_be_required_of_forms_too(tmp_path: Path) -> None:
    raw = chunked_request([WHOLE], FORM)

    assert await _read(tmp_path, raw, needs_length=True) == "length_required"


@pytest.mark.req("H-79", "S-7")
async def test_a_form_that_trickles_is_given_up(tmp_path: Path) -> None:
    raw = head("POST", CHAT, (*FORM, ("content-length", str(len(WHOLE))))) + WHOLE[:40]

    said = await _read(tmp_path, raw, clocks=Clocks(gap_s=0.05, look_s=0.02))

    assert said == "request_timed_out"


async def test_a_caller_who_waits_for_a_word_gets_it(tmp_path: Path) -> None:
    raw = request(WHOLE, (*FORM, ("expect", "100-continue")))
    head_end = raw.index(b"\r\n\r\n") + 4
    async with served(_answerer(tmp_path)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(raw[:head_end])
        word = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        writer.write(raw[head_end:])
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()

    assert word == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answer.endswith(b"file:5")


def _joined(pieces: list[bytes], headers: Lines) -> bytes:
    return request(b"".join(pieces), headers)


async def _read(
    directory: Path, raw: bytes, *, needs_length: bool = False, clocks: Clocks | None = None
) -> str:
    async with served(_answerer(directory, needs_length=needs_length), clocks) as port:
        received = await exchange(port, raw)
    return received.partition(b"\r\n\r\n")[2].decode()


def _answerer(directory: Path, *, needs_length: bool = False) -> Answer:
    async def answer(incoming: Request, connection: Connection) -> None:
        spool = Spool(Disk(directory / "uploads", 100 * MIB))
        try:
            form = await read_form(connection, incoming, MOST, spool, needs_length=needs_length)
            said = " ".join(
                f"{part.name}:{part.size}" if part.is_file else f"{part.name}={part.text}"
                for part in form.parts
            )
            if len(form.kept) != incoming.received:
                said = "it was not kept whole"
        except Problem as problem:
            said = problem.code
        finally:
            spool.close()
        connection.begin(200, [(b"content-length", b"%d" % len(said))], b"")
        connection.finish(said.encode())

    return answer
