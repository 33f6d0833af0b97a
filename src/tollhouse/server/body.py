"""A request's body, counted while it comes, whether or not a length was declared."""

from __future__ import annotations

from collections.abc import Mapping

from tollhouse.domain.errors import BodyTooLarge, LengthRequired, MediaTypeUnsupported
from tollhouse.domain.forms import Form
from tollhouse.domain.multipart import FormReader, boundary_of
from tollhouse.server.connection import Connection
from tollhouse.server.request import Request
from tollhouse.server.spool import Spool

NEEDS_FORM = (
    "The body of this path must be sent as `Content-Type: multipart/form-data`, not compressed."
)


async def read_json_body(
    connection: Connection,
    request: Request,
    most: int,
    *,
    needs_length: bool = False,
    by_any_name: bool = False,
) -> bytes:
    """The whole body. Its head is judged before a byte of it is waited for."""
    fields = request.fields
    _check_media(fields, by_any_name=by_any_name)
    _check_length(fields, most, needs_length=needs_length)
    _bid(connection, request)
    while not request.is_whole and request.received <= most and request.problem is None:
        await connection.more()
    if request.problem is not None:
        raise request.problem
    if request.received > most:
        raise _too_large(most)
    return request.take()


async def read_form(
    connection: Connection,
    request: Request,
    most: int,
    spool: Spool,
    *,
    needs_length: bool = False,
) -> Form:
    """The whole form, known to be one, with its bytes in the spool."""
    fields = request.fields
    boundary = boundary_of(fields.get(b"content-type", b""))
    if boundary is None or fields.get(b"content-encoding", b"identity").lower() != b"identity":
        raise MediaTypeUnsupported(NEEDS_FORM)
    _check_length(fields, most, needs_length=needs_length)
    _bid(connection, request)
    reader = FormReader(boundary)
    while request.buffered or not request.is_whole:
        if request.problem is not None:
            raise request.problem
        if request.received > most:
            raise _too_large(most)
        if request.buffered:
            data = request.take()
            reader.feed(data)
            await spool.write(data)
        else:
            await connection.more()
    return Form(boundary, reader.finish(), spool)


def _bid(connection: Connection, request: Request) -> None:
    if not request.is_whole and request.fields.get(b"expect", b"").lower() == b"100-continue":
        connection.bid_continue()


def _check_media(fields: Mapping[bytes, bytes], *, by_any_name: bool) -> None:
    kind = fields.get(b"content-type", b"")
    if kind != b"application/json" and not by_any_name:
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
