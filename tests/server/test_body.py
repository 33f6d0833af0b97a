from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.errors import BodyIncomplete, BodyTooLarge, MediaTypeUnsupported
from tollhouse.server.body import LINGER_BYTES, read_json_body

JSON = [(b"content-type", b"application/json")]
MOST = 100


@pytest.mark.req("B-2", "S-7")
@given(st.lists(st.binary(max_size=60), min_size=1, max_size=8))
async def test_a_body_is_counted_piece_by_piece(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)

    if len(whole) <= MOST:
        assert await _read(pieces) == whole
    else:
        with pytest.raises(BodyTooLarge):
            await _read(pieces)


@pytest.mark.req("B-2")
async def test_the_cap_itself_is_allowed_and_one_byte_more_is_not() -> None:
    assert len(await _read([b"x" * MOST])) == MOST

    with pytest.raises(BodyTooLarge):
        await _read([b"x" * MOST, b"x"])


@pytest.mark.req("B-2", "S-7")
async def test_of_an_endless_body_only_so_much_is_thrown_away() -> None:
    received = 0

    async def endless() -> dict[str, Any]:
        nonlocal received
        received += 65_536
        return {"type": "http.request", "body": b"x" * 65_536, "more_body": True}

    with pytest.raises(BodyTooLarge):
        await read_json_body(endless, lambda: False, JSON, MOST)

    assert received <= MOST + LINGER_BYTES + 3 * 65_536


@pytest.mark.req("S-7")
async def test_a_body_that_breaks_off_is_incomplete() -> None:
    with pytest.raises(BodyIncomplete):
        await read_json_body(_receiving([b"{"], is_cut=True), lambda: False, JSON, MOST)


@pytest.mark.req("S-6")
async def test_the_media_type_is_judged_before_a_byte_is_read() -> None:
    with pytest.raises(MediaTypeUnsupported):
        await read_json_body(_never, lambda: False, [], MOST)


@pytest.mark.parametrize(
    "kind",
    [
        *(b"application/json", b"Application/JSON", b"application/json; charset=utf-8"),
        *(b"application/json;charset=UTF-8", b'application/json; charset="utf-8"', b" application/json "),
    ],
)  # fmt: skip
async def test_json_is_taken_as_clients_name_it(kind: bytes) -> None:
    assert await _read([b"{}"], [(b"content-type", kind)]) == b"{}"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"content-type", b"")],
        [(b"content-type", b"text/plain")],
        [(b"content-type", b"application/jsonp")],
        [(b"content-type", b"application/x-www-form-urlencoded")],
        [(b"content-type", b"multipart/form-data; boundary=x")],
        [(b"content-type", b"application/json; charset=latin-1")],
        [*JSON, (b"content-encoding", b"gzip")],
        [*JSON, (b"content-encoding", b"identity, br")],
        [*JSON, (b"content-type", b"text/plain")],
    ],
)
async def test_anything_else_is_not(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(MediaTypeUnsupported):
        await _read([b"{}"], headers)


async def _read(pieces: Sequence[bytes], headers: Sequence[tuple[bytes, bytes]] = JSON) -> bytes:
    return await read_json_body(_receiving(pieces), lambda: len(pieces) == 1, headers, MOST)


def _receiving(
    pieces: Sequence[bytes], *, is_cut: bool = False
) -> Callable[[], Awaitable[dict[str, Any]]]:
    left = list(pieces)

    async def receive() -> dict[str, Any]:
        if not left:
            return {"type": "http.disconnect"}
        body = left.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(left) or is_cut}

    return receive


async def _never() -> dict[str, Any]:
    await asyncio.Event().wait()
    raise AssertionError
