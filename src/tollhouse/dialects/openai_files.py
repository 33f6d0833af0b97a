"""Files in OpenAI's shape: as callers see them, and as a provider tells of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from tollhouse.domain.errors import BodyTooLarge, FieldInvalid, UpstreamBroke
from tollhouse.domain.files import File, known_as, plain_name, purpose
from tollhouse.domain.forms import Form, Part
from tollhouse.domain.values import value

MS_PER_S = 1000


ANCHOR, SECONDS = "expires_after[anchor]", "expires_after[seconds]"
TAKEN = frozenset(("file", "purpose", "model", ANCHOR, SECONDS))
SHORTEST_S, LONGEST_S = 3600, 2_592_000


@value
class Wish:
    """What a form asks for."""

    form: Form
    part: Part
    name: str
    purpose: str
    model: str | None
    """Not OpenAI's: by which it is decided who keeps the file."""

    expires_in_s: int | None


def read_wish(form: Form, most: int) -> Wish:
    """Raises FieldInvalid, BodyTooLarge. What nobody here knows is refused: the form that leaves is made anew."""
    unknown = form.names - TAKEN
    if unknown:
        name = min(unknown)
        raise FieldInvalid(f"`{name}` is not taken with a file.", param=name)
    found = form.files("file")
    if len(found) != 1:
        raise FieldInvalid("Send one `file`, with a name.", param="file")
    if found[0].size > most:
        raise BodyTooLarge(f"The file is larger than {most:,} bytes.")
    return Wish(
        form,
        found[0],
        plain_name(found[0].filename or ""),
        purpose(form.text("purpose")),
        form.text("model"),
        _expires_in_s(form),
    )


def _expires_in_s(form: Form) -> int | None:
    anchor, seconds = form.text(ANCHOR), form.text(SECONDS)
    if anchor is None and seconds is None:
        return None
    digits = seconds or ""
    is_whole = digits.isascii() and digits.isdigit() and len(digits) < 10
    if anchor != "created_at" or not is_whole or not SHORTEST_S <= int(digits) <= LONGEST_S:
        raise FieldInvalid(
            f"`expires_after` has the anchor `created_at` and {SHORTEST_S} to {LONGEST_S} `seconds`.",
            param="expires_after",
        )
    return int(digits)


class _Told(msgspec.Struct):
    id: str


_read = msgspec.json.Decoder(_Told).decode


def read_kept(body: bytes) -> str:
    """By which name a provider keeps what it was sent. Raises UpstreamBroke."""
    try:
        told = _read(body)
    except (ValueError, RecursionError):
        raise UpstreamBroke(private="what should tell of a file does not") from None
    if known_as(told.id) is None:
        raise UpstreamBroke(private="a file with a name that no path can bear")
    return told.id


def path_of(file: File, part: str = "") -> bytes:
    return f"/files/{file.known_as}{part}".encode()


def one(file: File) -> bytes:
    return msgspec.json.encode(_shown(file))


def listed(files: Sequence[File], *, has_more: bool) -> bytes:
    return page([_shown(file) for file in files], has_more=has_more)


def page(shown: Sequence[dict[str, Any]], *, has_more: bool) -> bytes:
    """A page of whatever OpenAI's API lists."""
    first, last = (shown[0]["id"], shown[-1]["id"]) if shown else (None, None)
    return msgspec.json.encode(
        {
            "object": "list",
            "data": shown,
            "first_id": first,
            "last_id": last,
            "has_more": has_more,
        }
    )


def deleted(file_id: str) -> bytes:
    return msgspec.json.encode({"id": file_id, "object": "file", "deleted": True})


def _shown(file: File) -> dict[str, Any]:
    expires_at = file.expires_at_ms
    return {
        "id": file.id,
        "object": "file",
        "bytes": file.bytes,
        "created_at": file.created_at_ms // MS_PER_S,
        "expires_at": None if expires_at is None else expires_at // MS_PER_S,
        "filename": file.name,
        "purpose": file.purpose,
        "status": "processed",
        "status_details": None,
    }
