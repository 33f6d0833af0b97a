"""A request's body, counted while it comes, whether or not a length was declared."""

from __future__ import annotations

from collections.abc import Mapping

from tollhouse.domain.errors import BodyTooLarge, LengthRequired, MediaTypeUnsupported
from tollhouse.server.connection import Connection
from tollhouse.server.request import Request


async def read_json_body(
    connection: Connection, request: Request, most: int, *, needs_length: bool = False
) -> bytes:
    """The whole body. Its head is judged before a byte of it is waited for."""
    fields = request.fields
    _check_media(fields)
    _check_length(fields, most, needs_length=needs_length)
    if not request.is_whole and fields.get(b"expect", b"").lower() == b"100-continue":
        connection.bid_continue()
    while not request.is_whole and request.received <= most and request.problem is None:
        await connection.more()
    if request.problem is not None:
        raise request.problem
    if request.received > most:
        raise _too_large(most)
    return request.take()


def _check_media(fields: Mapping[bytes, bytes]) -> None:
    kind = fields.get(b"content-type", b"")
    if kind != b"application/json":
        media, _, parameters = kind.lower().partition(b";")
        charset = parameters.strip().removeprefix(b"charset=").strip(b'"')
        if media.strip() != b"application/json" or charset not in (b"", b"utf-8"):
            raise MediaTypeUnsupported
    if fields.get(b"content-encoding", b"identity").lower() != b"identity":
        raise MediaTypeUnsupported


def _check_length(fields: Mapping[bytes, bytes], most: int, *, needs_length: bool) -> None:
    length = fields.get(b"content-length")
    if length is None:
        if needs_length:
            raise LengthRequired
    elif int(length) > most:  # digits: the parser takes nothing else
        raise _too_large(most)


def _too_large(most: int) -> BodyTooLarge:
    return BodyTooLarge(f"The body is larger than the {most:,} bytes that this path takes.")
