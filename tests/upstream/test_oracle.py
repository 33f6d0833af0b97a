"""aiohttp's client reads the same bytes: it must agree on every answer, and be nowhere stricter.

`corpus/` holds answers as servers have written them: nginx, aiohttp's, and the standard library's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peer import ASK, Visit, reaching, serve

from tollhouse.domain.errors import UpstreamBroke
from tollhouse.upstream.client import HttpUpstream

CORPUS = sorted(Path(__file__).with_name("corpus").glob("*.http"))
PATIENCE = aiohttp.ClientTimeout(10)
QUICK = settings(deadline=None, max_examples=120, suppress_health_check=list(HealthCheck))
REASONS = st.sampled_from([b" OK", b" Not Found", b" ", b"", b" \xe9t\xe9", b" a  b\tc"])


@dataclass(frozen=True)
class Read:
    """What a client made of an answer."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


async def ours(upstream: HttpUpstream) -> Read | None:
    """None when it was refused."""
    try:
        async with upstream.send(ASK) as answer:
            body = b""
            while data := await answer.read():
                body += data
            return Read(answer.status, dict(answer.headers), body)
    except UpstreamBroke:
        return None


async def theirs(url: str) -> Read | None:
    session = aiohttp.ClientSession(
        auto_decompress=False, timeout=PATIENCE, cookie_jar=aiohttp.DummyCookieJar()
    )
    async with session:
        try:
            async with session.post(url, data=b"{}", allow_redirects=False) as answer:
                body = await answer.read()
                headers: dict[bytes, bytes] = {}
                for name, value in answer.raw_headers:
                    key = name.lower()
                    headers[key] = headers[key] + b", " + value if key in headers else value
                return Read(answer.status, headers, body)
        except (aiohttp.ClientError, ValueError):
            return None


async def both(whole: bytes, cuts: Sequence[int] = ()) -> tuple[Read | None, Read | None]:
    places = [0, *sorted({cut % (len(whole) + 1) for cut in cuts}), len(whole)]
    pieces = [whole[begin:end] for begin, end in pairwise(places)]

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(*pieces)

    async with serve(script) as peer, reaching(peer.url) as upstream:
        return await ours(upstream), await theirs(peer.url)


@pytest.mark.req("B-9")
@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.stem)
@pytest.mark.parametrize("is_trickled", [False, True], ids=["whole", "trickled"])
async def test_both_read_alike_what_servers_write(file: Path, is_trickled: bool) -> None:
    whole = file.read_bytes()

    mine, other = await both(whole, range(len(whole)) if is_trickled else ())

    assert mine is not None
    assert mine == other


tokens = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-_.!~", min_size=1, max_size=12).map(
    lambda text: b"x-" + text.encode()
)
values = st.lists(
    st.sampled_from([bytes([c]) for c in (*range(0x21, 0x7F), 0x20, 0x09, 0xE9)]), max_size=20
).map(lambda parts: b"".join(parts).strip())
bodies = st.binary(max_size=200) | st.integers(0, 70_000).map(lambda size: b"x" * size)


@st.composite
def heads(draw: st.DrawFn, *framing: bytes) -> bytes:
    status = draw(
        st.sampled_from([200, 201, 206, 299, 301, 307, 400, 401, 404, 418, 429, 500, 503, 599])
    )
    spaces = st.sampled_from([b"", b" ", b"  ", b"\t"])
    lines = [b"HTTP/1.1 %d%s" % (status, draw(REASONS))]
    further = draw(st.lists(st.tuples(tokens, values), max_size=6))
    lines += [b"%s:%s%s%s" % (name, draw(spaces), value, draw(spaces)) for name, value in further]
    lines += framing
    interim = draw(
        st.sampled_from(
            [b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\n"]
        )
    )
    return interim + b"\r\n".join(lines) + b"\r\n\r\n"


@st.composite
def answers(draw: st.DrawFn, bodies: st.SearchStrategy[bytes] = bodies) -> bytes:
    """Well-formed, in each of the three framings."""
    body = draw(bodies)
    match draw(st.sampled_from(["length", "chunked", "close"])):
        case "length":
            return draw(heads(b"Content-Length: %d" % len(body))) + body
        case "close":
            return draw(heads()) + body
    size = draw(st.integers(1, 9000))
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    extension = draw(st.sampled_from([b"", b";a", b";a=b"]))
    framed = b"".join(b"%x%s\r\n%s\r\n" % (len(chunk), extension, chunk) for chunk in chunks)
    trailer = draw(st.sampled_from([b"", b"x-trailer: 1\r\n"]))
    return draw(heads(b"Transfer-Encoding: chunked")) + framed + b"0\r\n" + trailer + b"\r\n"


cuts = st.lists(st.integers(0, 100_000), max_size=6)


@pytest.mark.req("B-9")
@given(answers(), cuts)
@QUICK
async def test_both_read_alike_what_is_well_formed(whole: bytes, cuts: list[int]) -> None:
    mine, other = await both(whole, cuts)

    assert mine is not None
    assert mine == other


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Some bytes were changed, added or lost on the way, or the last ones never came."""
    whole = draw(answers(st.binary(max_size=60)))
    bytes_put = st.sampled_from(
        [b"", b"\r", b"\n", b"\0", b" ", b":", b"0", b"f", b"\xff", b"\r\n", b"-", b","]
    )
    for _ in range(draw(st.integers(0, 3))):
        at, lost = draw(st.integers(0, len(whole))), draw(st.integers(0, 2))
        whole = whole[:at] + draw(bytes_put) + whole[at + lost :]
    return whole[: len(whole) - draw(st.sampled_from([0, 0, 1, 7]))]


@pytest.mark.req("B-9")
@given(damaged())
@settings(QUICK, max_examples=400)
async def test_what_aiohttp_refuses_we_refuse(whole: bytes) -> None:
    mine, other = await both(whole)
    if mine is not None and other is None:  # for bytes behind the end, which it minds in one read
        mine, other = await both(whole, range(len(whole)))

    assert mine is None or mine == other
