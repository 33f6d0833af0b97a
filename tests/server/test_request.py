"""Requests read from bytes: the same however they were cut, bounded, and never half of one for a whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tollhouse.domain.errors import RequestTimedOut
from tollhouse.server.request import (
    MAX_FRAMING_BYTES,
    MAX_HEAD_BYTES,
    MAX_HEADER_BYTES,
    MAX_HEADERS,
    MAX_TARGET_BYTES,
    PIECE_BYTES,
    Request,
    Requests,
)

POST = b"POST /v1/chat/completions HTTP/1.1\r\n"
HOST = b"host: localhost\r\n"
CHUNKED = POST + HOST + b"transfer-encoding: chunked\r\n\r\n"
SMUG = b"GET /smug HTTP/1.1\r\nhost: localhost\r\n\r\n"
BODY = b'{"model":"m","messages":[]}'


def sized(body: bytes, *lines: bytes) -> bytes:
    return _post(b"content-length: %d" % len(body), *lines) + body


def in_chunks(*pieces: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return CHUNKED + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + end


def _post(*lines: bytes) -> bytes:
    return POST + HOST + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def _get(target: bytes, *lines: bytes) -> bytes:
    return (
        b"GET %b HTTP/1.1\r\n" % target + HOST + b"".join(b"%b\r\n" % it for it in lines) + b"\r\n"
    )


VALID = [
    _get(b"/"),
    _get(b"/v1/models"),
    _get(b"/v1/models/a%2Fb?x=1&y=%20"),
    _get(b"/v1/models", b"authorization: Bearer thk_x"),
    _get(b"/v1/models", b"accept:*/*", b"x-a:   b", b"x-b: c  ", b"x-c:"),
    _get(b"/v1/models", b"x-obs-text: \xff\xe9", b"x-tab: a\tb"),
    _get(b"/v1/models", b"X_Forwarded_User: admin", b"Content_Length: 5"),
    _get(b"/v1/models", b"connection: keep-alive"),
    _get(b"/v1/models", b"upgrade: websocket"),
    _get(b"/" + b"a" * 3000),
    _get(b"/", *(b"x-%d: y" % number for number in range(50))),
    _get(b"/", b"x-long: " + b"y" * 3000),
    b"\r\n" + _get(b"/"),
    b"HEAD /health HTTP/1.1\r\n" + HOST + b"\r\n",
    b"OPTIONS /v1/models HTTP/1.1\r\n" + HOST + b"origin: https://a.example\r\n\r\n",
    b"DELETE /v1/models HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET / HTTP/1.1\r\nHOST: LOCALHOST\r\nContent-Length: 2\r\n\r\nab",
    sized(b""),
    sized(b"x"),
    sized(BODY),
    sized(BODY, b"content-type: application/json", b"authorization: Bearer thk_x"),
    sized(BODY, b"expect: 100-continue"),
    sized(SMUG),
    sized(b"0\r\n\r\n" + SMUG),
    _post(b"content-length:   3\t") + b"abc",
    in_chunks(),
    in_chunks(BODY),
    in_chunks(*(bytes([byte]) for byte in BODY)),
    in_chunks(BODY[:5], BODY[5:], end=b"000\r\n\r\n"),
    in_chunks(BODY, end=b"0;last=yes\r\n\r\n"),
    in_chunks(BODY, end=b"0\r\nauthorization: Bearer thk_x\r\nx-b: c\r\n\r\n"),
    in_chunks(SMUG),
    CHUNKED + b'3;name="a;b"\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n',
    CHUNKED.replace(b"chunked", b"Chunked") + b"0\r\n\r\n",
]
"""Each of them one whole request, after which another may come."""

LAST = [
    _get(b"/v1/models", b"connection: close"),
    sized(BODY, b"Connection: Close"),
    b"GET /health HTTP/1.0\r\n" + HOST + b"\r\n",
    b"POST /v1/chat/completions HTTP/1.0\r\n" + HOST + b"content-length: 2\r\n\r\n{}",
]
"""And these are valid, and the last ones of their connection."""

BROKEN: dict[str, bytes] = {
    "both framings": _post(b"content-length: 3", b"transfer-encoding: chunked") + b"0\r\n\r\n",
    "two lengths": _post(b"content-length: 3", b"content-length: 4") + b"abcd",
    "two encodings in a line": _post(b"transfer-encoding: identity, chunked") + b"0\r\n\r\n",
    "an unknown encoding": _post(b"transfer-encoding: xchunked") + b"0\r\n\r\n",
    "chunks in HTTP/1.0": CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + b"0\r\n\r\n",
    "a bad chunk size": CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n",
    "a chunk without its end": CHUNKED + b"3\r\nabcXX0\r\n\r\n",
    "a folded line": _get(b"/", b"x-a: b", b" c: d"),
    "bare line feeds": _get(b"/").replace(b"\r\n", b"\n"),
    "two hosts": _get(b"/", HOST[:-2]),
    "two types": sized(b"{}", b"content-type: a/b", b"content-type: a/c"),
    "an upgrade": _get(b"/", b"connection: upgrade", b"upgrade: h2c"),
    "a tunnel": b"CONNECT a:80 HTTP/1.1\r\nhost: a\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "lower case": b"get / HTTP/1.1\r\nhost: a\r\n\r\n",
    "TLS": b"\x16\x03\x01\x00\x05hello\r\n\r\n",
    "too many headers": _get(b"/", *(b"x: y" for _ in range(MAX_HEADERS))),
    "too long a target": _get(b"/" + b"a" * MAX_TARGET_BYTES),
    "trailers without end": in_chunks(b"x", end=b"0\r\n" + b"x: y\r\n" * 20_000 + b"\r\n"),
    "an endless extension": CHUNKED + b"3;" + b"x" * 65_536 + b"\r\nabc\r\n0\r\n\r\n",
    "nothing but line ends": b"\r\n" * 40_000,
}

Seen = tuple[object, ...]

cuts = st.lists(st.integers(1, 200), min_size=1, max_size=30)


@pytest.mark.req("S-1", "B-1")
@pytest.mark.parametrize("raw", [*VALID, *LAST])
def test_a_valid_request_is_read_once_and_whole(raw: bytes) -> None:
    (request,) = _read([raw])

    assert request.is_whole
    assert request.problem is None
    assert request.keeps_alive == (raw in VALID)


@pytest.mark.req("S-1")
@pytest.mark.parametrize("raw", [*VALID, *LAST])
def test_a_cut_at_any_byte_changes_nothing(raw: bytes) -> None:
    whole = _seen(_read([raw]))

    for cut in range(1, len(raw)):
        assert _seen(_read([raw[:cut], raw[cut:]])) == whole
    assert _seen(_read(raw[at : at + 1] for at in range(len(raw)))) == whole


@pytest.mark.req("S-1", "B-1")
@given(st.lists(st.sampled_from(VALID), min_size=1, max_size=5), st.sampled_from(LAST), cuts)
def test_requests_in_a_row_are_read_as_if_each_came_alone(
    row: Sequence[bytes], last: bytes, sizes: Sequence[int]
) -> None:
    alone = [seen for raw in (*row, last) for seen in _seen(_read([raw]))]

    together = _seen(_read(_cut(b"".join([*row, last]), sizes)))

    assert together == alone


@pytest.mark.req("S-5", "CN-25")
@pytest.mark.parametrize("raw", [*VALID, *LAST])
def test_a_request_that_breaks_off_anywhere_is_never_whole(raw: bytes) -> None:
    for cut in range(len(raw)):
        assert not any(request.is_whole for request in _read([raw[:cut]]))


@pytest.mark.req("S-1", "B-1")
@pytest.mark.parametrize("name", BROKEN)
def test_nothing_is_begun_after_a_broken_request(name: str) -> None:
    found: list[Request] = []
    requests = Requests(found.append)

    requests.feed(BROKEN[name] + SMUG)
    requests.feed(SMUG)
    requests.feed(SMUG)

    (request,) = found
    assert request.problem is not None
    assert not request.keeps_alive
    assert requests.is_over


@pytest.mark.req("S-1")
@given(st.sampled_from(sorted(BROKEN)), cuts)
@settings(deadline=None)
def test_what_is_broken_is_broken_however_it_was_cut(name: str, sizes: Sequence[int]) -> None:
    (whole,) = _seen(_read([BROKEN[name] + SMUG]))

    assert _seen(_read(_cut(BROKEN[name] + SMUG, sizes))) == [whole]


@pytest.mark.req("S-1", "S-144")
@given(
    st.sampled_from(VALID).flatmap(
        lambda raw: st.tuples(st.just(raw), st.integers(0, len(raw) - 1), st.binary(max_size=3))
    ),
    cuts,
)
@example((in_chunks(BODY), len(CHUNKED), b"0"), [1])
@settings(max_examples=400, deadline=None)
def test_bytes_that_went_wrong_are_read_alike_however_they_were_cut(
    wrong: tuple[bytes, int, bytes], sizes: Sequence[int]
) -> None:
    raw, at, instead = wrong
    changed = raw[:at] + instead + raw[at + 1 :] + SMUG

    assert _seen(_read(_cut(changed, sizes))) == _seen(_read([changed]))


@pytest.mark.req("S-144")
@given(
    st.lists(st.binary(max_size=40) | st.sampled_from([b"\r\n", b"GET / HTTP/1.1\r\n", b"0\r\n"]))
)
def test_no_bytes_break_the_reader(pieces: Sequence[bytes]) -> None:
    broken = [request for request in _read(pieces) if request.problem is not None]

    assert len(broken) <= 1


@pytest.mark.req("S-2", "B-1", "H-20", "OC-24")
@pytest.mark.parametrize("name", [b"x-a", b"x_a"])
@pytest.mark.parametrize("count", [MAX_HEADERS - 1, MAX_HEADERS])
def test_headers_are_counted_those_that_are_dropped_too(name: bytes, count: int) -> None:
    (request,) = _read([_get(b"/", *(name + b": y" for _ in range(count)))])

    assert _code(request) == (None if count < MAX_HEADERS else "headers_too_large")


@pytest.mark.req("S-2", "B-1", "H-20")
@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize("is_cut", [False, True])
def test_a_header_is_as_long_as_it_may_be_and_no_longer(over: int, is_cut: bool) -> None:
    raw = _get(b"/", b"x: " + b"y" * (MAX_HEADER_BYTES - 1 + over))

    (request,) = _read(_cut(raw, [100]) if is_cut else [raw])

    assert _code(request) == ("headers_too_large" if over else None)


@pytest.mark.req("S-2", "B-1", "H-20")
@pytest.mark.parametrize("over", [0, 1])
def test_all_headers_together_are_bounded(over: int) -> None:
    largest = b"x: " + b"y" * (MAX_HEADER_BYTES - 1)
    left = MAX_HEAD_BYTES - len(b"hostlocalhost") - 3 * MAX_HEADER_BYTES + over
    lines = [*[largest] * 3, b"x: " + b"y" * (left - 1)]

    (request,) = _read([_get(b"/", *lines)])

    assert _code(request) == ("headers_too_large" if over else None)


@pytest.mark.req("B-1", "H-20")
@pytest.mark.parametrize("piece", [b"x: " + b"y" * 1000, b"n" * 1000])
def test_a_header_without_end_is_refused_while_it_comes(piece: bytes) -> None:
    found: list[Request] = []
    requests = Requests(found.append)
    sent = 0

    requests.feed(POST + HOST)
    while not requests.is_over:
        requests.feed(piece if not sent else piece[-1:] * 1000)
        sent += 1000
        assert sent < MAX_FRAMING_BYTES + 2 * PIECE_BYTES

    assert [_code(request) for request in found] == ["headers_too_large"]


@pytest.mark.req("B-1", "H-40")
@pytest.mark.parametrize("over", [0, 1])
@pytest.mark.parametrize("is_cut", [False, True])
def test_a_target_is_as_long_as_it_may_be_and_no_longer(over: int, is_cut: bool) -> None:
    raw = _get(b"/" + b"a" * (MAX_TARGET_BYTES - 1 + over))

    (request,) = _read(_cut(raw, [100]) if is_cut else [raw])

    assert _code(request) == ("target_too_long" if over else None)


@pytest.mark.req("B-1", "H-11")
@pytest.mark.parametrize(
    "bloated",
    [
        lambda size: CHUNKED + b"3;" + b"x" * size + b"\r\nabc\r\n0\r\n\r\n",
        lambda size: CHUNKED + b"3\r\nabc\r\n0;" + b"x" * size + b"\r\n\r\n",
        lambda size: in_chunks(b"abc", end=b"0\r\n" + b"x-y: zz\r\n" * (size // 9) + b"\r\n"),
        lambda size: b"\r\n" * (size // 2) + SMUG,
    ],
    ids=["an extension", "the last extension", "trailers", "line ends"],
)
@given(sizes=st.lists(st.integers(1000, 70_000), min_size=1, max_size=5))
@settings(max_examples=15, deadline=None)
def test_framing_is_bounded_however_it_was_cut(bloated: object, sizes: Sequence[int]) -> None:
    assert callable(bloated)
    little = bloated(MAX_FRAMING_BYTES - 1000)
    much = bloated(MAX_FRAMING_BYTES + PIECE_BYTES)

    assert [_code(request) for request in _read(_cut(little, sizes))] == [None]
    assert [_code(request) for request in _read(_cut(much, sizes))] == ["http_malformed"]


@pytest.mark.req("B-2", "CN-6")
def test_a_body_may_come_in_chunks_of_one_byte_however_large_it_is() -> None:
    raw = in_chunks(*[b"x"] * 100_000)

    (request,) = _read([raw])

    assert request.is_whole
    assert request.take() == b"x" * 100_000


@pytest.mark.req("S-1", "S-4", "H-23")
def test_a_trailer_is_neither_a_header_of_its_request_nor_of_the_next() -> None:
    trailed = in_chunks(BODY, end=b"0\r\nauthorization: Bearer thk_x\r\n\r\n")

    first, second = _read([trailed + SMUG])

    assert b"authorization" not in first.fields
    assert b"authorization" not in second.fields
    assert b"authorization" not in dict(first.headers + second.headers)


@pytest.mark.req("S-4", "H-21")
def test_names_with_an_underscore_are_dropped() -> None:
    raw = _get(b"/", b"X_Forwarded_User: admin", b"Content_Length: 5", b"x-kept: y")

    (request,) = _read([raw])

    assert request.headers == [(b"host", b"localhost"), (b"x-kept", b"y")]


@pytest.mark.req("S-1")
@pytest.mark.parametrize(
    "name", ["host", "content-type", "content-encoding", "content-length", "expect", "origin"]
)
def test_a_header_that_decides_something_comes_once(name: str) -> None:
    line = f"{name.title()}: 0".encode()

    (request,) = _read([b"POST / HTTP/1.1\r\n%b\r\n%b\r\n\r\n" % (line, line.lower())])

    assert _code(request) == "http_malformed"


@pytest.mark.req("B-1")
def test_a_request_that_was_given_up_is_told_once_and_is_the_last() -> None:
    found: list[Request] = []
    requests = Requests(found.append)
    requests.feed(sized(BODY)[:-1])

    requests.fail(RequestTimedOut())
    requests.feed(BODY[-1:] + SMUG)

    (request,) = found
    assert _code(request) == "request_timed_out"
    assert not request.is_whole


@pytest.mark.req("S-8")
@pytest.mark.parametrize("begun", [b"G", b"GET / HTTP/1.1\r\nhost: localh", sized(BODY)[:-1]])
def test_however_often_a_request_is_given_up_it_is_told_once(begun: bytes) -> None:
    found: list[Request] = []
    requests = Requests(found.append)
    requests.feed(begun)

    for _ in range(3):
        requests.fail(RequestTimedOut())

    assert len(found) == 1


def test_a_reader_that_was_closed_reads_no_more() -> None:
    found: list[Request] = []
    requests = Requests(found.append)

    requests.close()
    requests.feed(SMUG)

    assert found == []


def _read(pieces: Iterable[bytes]) -> list[Request]:
    found: list[Request] = []
    requests = Requests(found.append)
    for piece in pieces:
        requests.feed(piece)
    return found


def _seen(found: Iterable[Request]) -> list[Seen]:
    """All that an answer depends on. Of a broken request nothing is used but what is wrong with it."""
    return [_code_alone(it) if it.problem else _content(it) for it in found]


def _code_alone(request: Request) -> Seen:
    return (_code(request), request.keeps_alive)


def _content(request: Request) -> Seen:
    return (
        request.method,
        request.target,
        request.version,
        request.headers,
        request.fields,
        request.is_whole,
        request.keeps_alive,
        request.take(),
    )


def _code(request: Request) -> str | None:
    return request.problem.code if request.problem else None


def _cut(raw: bytes, sizes: Sequence[int]) -> list[bytes]:
    pieces, at = [], 0
    while at < len(raw):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(raw[at : at + size])
        at += size
    return pieces


def test_what_was_taken_is_not_taken_again() -> None:
    request = Request()
    request.add_body(b"one")

    assert (request.take(), request.take(), request.buffered) == (b"one", b"", 0)
    request.add_body(b"two")
    assert request.take() == b"two"
