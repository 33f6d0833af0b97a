from __future__ import annotations

import gc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.errors import UpstreamBroke, UpstreamOverlong
from tollhouse.upstream.response import MAX_HEAD_BYTES, Response

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Twice: a\r\nx-twice: b\r\n"
WHOLE = {
    "content-length": HEAD + b"Content-Length: 11\r\n\r\nhello world",
    "chunked": HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nT: v\r\n\r\n",
    "close-delimited": HEAD + b"\r\nhello world",
    "interim": b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
    + HEAD
    + b"Content-Length: 11\r\n\r\nhello world",
}
FRAMED = {name: WHOLE[name] for name in ("content-length", "chunked", "interim")}

BROKEN = {
    "length and chunked": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two equal lengths": b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "a list of lengths": b"Content-Length: 5, 5\r\n\r\nhello",
    "a signed length": b"Content-Length: +5\r\n\r\nhello",
    "an empty length": b"Content-Length:\r\n\r\n",
    "chunked twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "another encoding first": b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "another encoding last": b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "identity": b"Transfer-Encoding: identity\r\n\r\nhello",
    "a bare line feed": b"X: a\nContent-Length: 5\r\n\r\nhello",
    "a space before the colon": b"Content-Length : 5\r\n\r\nhello",
    "a folded header": b"X: a\r\n b\r\nContent-Length: 5\r\n\r\nhello",
    "a NUL": b"X: a\x00b\r\nContent-Length: 5\r\n\r\nhello",
    "a hexadecimal prefix": b"Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
    "a chunk size too large to count": b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\n",
    "a chunk longer than its size": b"Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("framing", WHOLE)
def test_splitting_an_answer_anywhere_changes_nothing(framing: str) -> None:
    whole = WHOLE[framing]

    for cut in range(len(whole) + 1):
        response = _read(whole[:cut], whole[cut:])

        response.end()
        assert _seen(response) == (200, b"a, b", b"hello world")


@pytest.mark.parametrize("framing", WHOLE)
def test_an_answer_may_come_byte_by_byte(framing: str) -> None:
    response = _read(*(bytes([byte]) for byte in WHOLE[framing]))

    response.end()
    assert _seen(response) == (200, b"a, b", b"hello world")


@pytest.mark.req("B-9")
@pytest.mark.parametrize("framing", FRAMED)
def test_an_answer_cut_anywhere_before_its_end_is_broken(framing: str) -> None:
    whole = FRAMED[framing]

    for cut in range(len(whole)):
        response = _read(whole[:cut])

        assert not response.is_complete
        with pytest.raises(UpstreamBroke):
            response.end()


@given(
    st.lists(st.binary(min_size=1, max_size=300), max_size=12),
    st.lists(st.integers(1, 200), max_size=40),
)
def test_chunks_of_any_size_cut_anywhere_are_the_body(
    chunks: list[bytes], steps: list[int]
) -> None:
    whole = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    whole += b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"

    response = _read(*_pieces(whole, steps))

    assert response.is_complete
    assert response.take() == b"".join(chunks)


@given(st.binary(max_size=400), st.lists(st.integers(1, 50), max_size=20))
def test_whatever_comes_is_an_answer_or_refused(junk: bytes, steps: list[int]) -> None:
    response = Response(None)

    with suppress(UpstreamBroke):
        for piece in _pieces(HEAD + junk, steps):
            response.feed(piece)
        response.end()

    assert len(response.take()) <= len(junk)


@pytest.mark.req("B-9")
@pytest.mark.parametrize("defect", BROKEN)
def test_ambiguous_framing_is_refused(defect: str) -> None:
    with pytest.raises(UpstreamBroke):
        _read(b"HTTP/1.1 200 OK\r\n" + BROKEN[defect])


@pytest.mark.req("B-9")
@pytest.mark.parametrize("defect", BROKEN)
def test_ambiguous_framing_is_refused_byte_by_byte(defect: str) -> None:
    with pytest.raises(UpstreamBroke):
        _read(*(bytes([byte]) for byte in b"HTTP/1.1 200 OK\r\n" + BROKEN[defect]))


@pytest.mark.parametrize(
    "line",
    [
        b"HTTP/2.0 200 OK",
        b"HTTP/0.9 200 OK",
        b"HTTP/1.1 099 No",
        b"HTTP/1.1 600 No",
        b"HTTP/1.1 20 No",
        b"220 smtp",
    ],
)
def test_another_protocol_is_refused(line: bytes) -> None:
    with pytest.raises(UpstreamBroke):
        _read(line + b"\r\nContent-Length: 0\r\n\r\n")


def test_chunked_is_not_http_1_0() -> None:
    with pytest.raises(UpstreamBroke):
        _read(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")


@pytest.mark.parametrize("headers", [b"", b"Connection: upgrade\r\nUpgrade: websocket\r\n"])
def test_a_change_of_protocol_is_refused(headers: bytes) -> None:
    with pytest.raises(UpstreamBroke):
        _read(b"HTTP/1.1 101 Switching\r\n" + headers + b"\r\n")


def test_five_interim_answers_are_skipped_and_six_are_not() -> None:
    interim = b"HTTP/1.1 102 Processing\r\n\r\n"

    assert _read(interim * 5 + WHOLE["content-length"]).take() == b"hello world"
    with pytest.raises(UpstreamBroke):
        _read(interim * 6 + WHOLE["content-length"])


def test_a_hundred_headers_are_read_and_one_more_is_not() -> None:
    status = b"HTTP/1.1 200 OK\r\n"

    assert len(_read(status + _headers(100) + b"\r\n").headers) == 100
    with pytest.raises(UpstreamBroke):
        _read(status + _headers(101) + b"\r\n")


@pytest.mark.parametrize("step", [100, 4096, 65536])
@pytest.mark.parametrize(
    "start",
    [
        b"HTTP/1.1 200 OK\r\nX: ",
        b"HTTP/1.1 200 ",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nT: ",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
    ],
    ids=["header", "reason", "trailer", "extension"],
)
def test_what_is_not_body_is_bounded(start: bytes, step: int) -> None:
    endless = start + b"x" * 500_000

    with pytest.raises(UpstreamBroke):
        _read(*_pieces(endless, [step] * (len(endless) // step)))


@pytest.mark.req("B-9")
def test_64_kib_of_what_is_not_body_are_read_and_one_byte_more_is_not() -> None:
    start = b"HTTP/1.1 200 OK\r\nX: "
    most = start + b"x" * (MAX_HEAD_BYTES - len(start))

    assert not _read(most).has_head
    with pytest.raises(UpstreamBroke):
        _read(most, b"x")


@pytest.mark.req("B-9")
def test_64_kib_of_headers_are_read_and_one_byte_more_is_not_even_with_the_body_behind_them() -> (
    None
):
    names = len(b"X" + b"Content-Length" + b"5")

    def answer(size: int) -> bytes:
        header = b"X: " + b"x" * (size - names) + b"\r\n"
        return b"HTTP/1.1 200 OK\r\n" + header + b"Content-Length: 5\r\n\r\nhello"

    assert _read(answer(MAX_HEAD_BYTES)).take() == b"hello"
    with pytest.raises(UpstreamBroke):
        _read(answer(MAX_HEAD_BYTES + 1))


def test_a_body_may_be_larger_than_what_is_not_body() -> None:
    response = _read(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    chunk = b"2710\r\n" + b"x" * 10_000 + b"\r\n"

    for sent in range(1, 21):
        response.feed(chunk)
        assert response.buffered == sent * 10_000

    assert len(response.take()) == 200_000
    assert response.buffered == 0


@pytest.mark.req("P-28")
def test_an_answer_is_touched_by_its_first_byte_and_stays_so() -> None:
    nothing, begun, whole = _read(), _read(b"H"), _read(WHOLE["content-length"])

    assert [it.is_untouched for it in (nothing, begun, whole)] == [True, False, False]


def test_599_is_the_last_status() -> None:
    assert _read(b"HTTP/1.1 599 Odd\r\nContent-Length: 0\r\n\r\n").status == 599


def test_headers_too_large_are_refused_even_with_the_body_behind_them() -> None:
    header = b"X: " + b"x" * 70_000 + b"\r\n"

    with pytest.raises(UpstreamBroke):
        _read(b"HTTP/1.1 200 OK\r\n" + header + b"Content-Length: 5\r\n\r\nhello")


@pytest.mark.req("S-69")
@pytest.mark.parametrize("framing", WHOLE)
def test_a_body_too_large_is_refused(framing: str) -> None:
    assert _fed(Response(11), WHOLE[framing]).take() == b"hello world"
    with pytest.raises(UpstreamBroke):
        _fed(Response(10), WHOLE[framing])


def test_a_body_announced_as_too_large_is_not_waited_for() -> None:
    with pytest.raises(UpstreamBroke):
        _fed(Response(10), HEAD + b"Content-Length: 11\r\n\r\n")


@pytest.mark.parametrize(
    "extra",
    [
        b"H",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"\x00",
        WHOLE["chunked"],
        pytest.param(b"x" * (MAX_HEAD_BYTES + 1), id="too much"),
    ],
)
@pytest.mark.parametrize("framing", FRAMED)
def test_bytes_behind_the_end_cost_the_connection_but_not_the_answer(
    framing: str, extra: bytes
) -> None:
    together = _read(WHOLE[framing] + extra)
    apart = _read(WHOLE[framing], extra)

    assert _seen(together) == _seen(apart) == (200, b"a, b", b"hello world")
    assert not together.keeps_alive
    assert not apart.keeps_alive


@pytest.mark.parametrize(
    ("head", "keeps_alive"),
    [
        (b"HTTP/1.1 200 OK\r\n", True),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n", False),
        (b"HTTP/1.1 200 OK\r\nConnection: keep-alive, close\r\n", False),
        (b"HTTP/1.0 200 OK\r\n", False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n", True),
        (b"HTTP/1.1 204 None\r\n", False),
        (b"HTTP/1.1 304 Same\r\n", False),
    ],
)
def test_the_connection_is_kept_only_where_the_end_is_beyond_doubt(
    head: bytes, keeps_alive: bool
) -> None:
    response = _read(head + b"Content-Length: 0\r\n\r\n")

    assert response.is_complete
    assert response.keeps_alive is keeps_alive


@pytest.mark.req("B-9", "S-72")
def test_a_header_of_an_interim_answer_is_none_of_the_answer() -> None:
    interim = b"HTTP/1.1 100 Continue\r\nX-Early: x\r\n\r\nHTTP/1.1 103 Early\r\nX-Twice: y\r\n\r\n"

    response = _read(interim + WHOLE["content-length"])

    assert _seen(response) == (200, b"a, b", b"hello world")
    assert b"x-early" not in response.headers


def test_what_was_taken_is_not_taken_again() -> None:
    response = _read(WHOLE["content-length"])

    assert (response.take(), response.take()) == (b"hello world", b"")


@pytest.mark.req("S-69")
@pytest.mark.parametrize("framing", WHOLE)
def test_a_body_too_large_is_known_to_be_that(framing: str) -> None:
    with pytest.raises(UpstreamOverlong):
        Response(10).feed(WHOLE[framing])


def test_a_trailer_is_no_header() -> None:
    assert b"t" not in _read(WHOLE["chunked"]).headers


def test_a_closed_response_leaves_nothing_to_the_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        for _ in range(100):
            _read(WHOLE["chunked"]).close()
        assert gc.collect() < 100
    finally:
        gc.enable()


def _read(*pieces: bytes) -> Response:
    return _fed(Response(None), *pieces)


def _fed(response: Response, *pieces: bytes) -> Response:
    for piece in pieces:
        response.feed(piece)
    return response


def _seen(response: Response) -> tuple[int, bytes, bytes]:
    return response.status, response.headers[b"x-twice"], response.take()


def _pieces(whole: bytes, steps: list[int]) -> list[bytes]:
    pieces = []
    for step in steps:
        pieces.append(whole[:step])
        whole = whole[step:]
    return [piece for piece in (*pieces, whole) if piece]


def _headers(count: int) -> bytes:
    return b"".join(b"x-%d: v\r\n" % number for number in range(count))
