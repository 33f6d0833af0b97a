"""What a client sends before any body: its requests, as the door reads them."""

from __future__ import annotations

import re

from fuzz.cutting import ways
from tollhouse.domain.errors import Problem, Refusal
from tollhouse.server.hosts import Hosts, Origins
from tollhouse.server.request import (
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    MAX_TARGET_BYTES,
    ONCE,
    Request,
    Requests,
)
from tollhouse.server.request_id import request_id
from tollhouse.server.target import check_path

REQUEST_SEEDS = [
    b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}GET /b HTTP/1.1\r\nhost: y\r\n\r\n",
    b"POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2;x=y\r\n{}\r\n0\r\nt: 1\r\n\r\n",
    b"POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n0\r\n\r\n",
    b"POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{} ",
    b"GET /a HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
    b"GET /a HTTP/1.0\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
    b"GET /a HTTP/1.1\nhost : x\r\n folded: y\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET http://x/../%2e%2e/ HTTP/1.1\r\nx_y: 1\r\nx-request-id: abc\r\norigin: null\r\n\r\n",
]
FIELD_SEEDS = [
    *(
        b"localhost",
        b"LOCALHOST:8400",
        b"[::1]:80",
        b"evil.example",
        b"a@localhost",
        b"localhost.",
        b"127.0.0.1:99999",
    ),
    *(
        b"http://localhost:3000",
        b"https://evil.example",
        b"null",
        b"req_1:2",
        b"thk_abc",
        b"sk-x",
        b"a" * 129,
    ),
    *(
        b"/v1/models/a%2fb",
        b"/a/../b",
        b"/%2e%2e/",
        b"//x",
        b"/a\\b",
        b"/%zz",
        b"/\xff",
        b"*",
        b"/a?b#c",
    ),
]


def request_head_target(data: bytes) -> None:
    """However it was cut, the same requests are read; the bounds hold for each."""
    whole = _read([data])
    for pieces in ways(data):
        assert _read(pieces) == whole


def header_values_target(data: bytes) -> None:
    """Single values that are judged by their form: none that is not let through gets through."""
    own_id = request_id({b"x-request-id": data})
    assert re.fullmatch(r"[0-9A-Za-z\-_.:/]{1,128}", own_id)
    assert not re.search(r"(?i)(thk|sk)[-_]", own_id)
    if _passes(lambda: Hosts("127.0.0.1", (), is_loopback=True).check({b"host": data})):
        name = data.decode("ascii").lower()
        assert re.fullmatch(r"(localhost\.*|127\.0\.0\.1\.*|\[::1\])(:[0-9]{1,5})?", name)
    origins = Origins(("https://a.example",), with_credentials=False, is_loopback=True)
    if _passes(lambda: origins.check({b"origin": data})) and data != b"https://a.example":
        assert re.fullmatch(rb"https?://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?", data)
    assert b"\n" not in origins.lines({b"origin": data}).replace(b"\r\n", b"")
    if _passes(lambda: check_path(data)):
        assert data.startswith(b"/")
        assert not {b".", b".."} & set(data.split(b"/"))
        assert not re.search(rb"[\x00-\x1f\x7f\\]", data)


def _read(pieces: list[bytes]) -> list[tuple[object, ...]]:
    begun: list[Request] = []
    requests = Requests(begun.append)
    for piece in pieces:
        requests.feed(piece)
    requests.close()
    return [_told(request) for request in begun]


def _told(request: Request) -> tuple[object, ...]:
    if request.problem is not None:
        assert isinstance(request.problem, Problem)
        assert not request.keeps_alive
        return (request.problem.code,)
    names = [name for name, _ in request.headers]
    assert all(names.count(name) <= 1 for name in ONCE)
    assert len(names) <= MAX_HEADERS
    assert len(request.target) <= MAX_TARGET_BYTES
    assert sum(len(name) + len(value) for name, value in request.headers) <= MAX_HEAD_BYTES
    assert not any(re.search(rb"[\r\n\x00]", value) for _, value in request.headers)
    assert not re.search(rb"[\r\n\x00 ]", request.target)
    assert request.version in ("1.1", "1.0")
    body = request.take()
    assert len(body) == request.received
    return (
        *(request.method, request.target, tuple(request.headers), body),
        *(request.is_whole, request.keeps_alive),
    )


def _passes(check: object) -> bool:
    try:
        check()  # type: ignore[operator]
    except Refusal:
        return False
    return True
