"""Files in OpenAI's shape: what a form asks for, what a provider tells, what a caller is shown."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from journeys.recordings import file, form, read, text
from tollhouse.dialects.openai_files import (
    ANCHOR,
    LONGEST_S,
    SECONDS,
    SHORTEST_S,
    Wish,
    listed,
    one,
    read_kept,
    read_wish,
)
from tollhouse.domain.errors import BodyTooLarge, FieldInvalid, UpstreamBroke
from tollhouse.domain.files import File

pytestmark = pytest.mark.req("OT-50")

PURPOSE = text("purpose", "batch")
LINES = file(b"0123456789", filename="lines.jsonl")
KEPT = File("file-1", "p", "up", "theirs", "batch", "lines.jsonl", 10, 2500)


def test_a_form_asks_that_a_file_be_kept() -> None:
    wish = _wish(PURPOSE, LINES, text("model", "m"))

    assert (wish.name, wish.purpose, wish.model) == ("lines.jsonl", "batch", "m")
    assert wish.expires_in_s is None


def test_a_file_without_a_name_is_called_one() -> None:
    assert _wish(PURPOSE, file(b"x", filename="")).name == "file"


@pytest.mark.parametrize("seconds", [SHORTEST_S, LONGEST_S])
def test_a_file_may_expire(seconds: int) -> None:
    wish = _wish(PURPOSE, LINES, text(ANCHOR, "created_at"), text(SECONDS, seconds))

    assert wish.expires_in_s == seconds


@pytest.mark.parametrize(
    ("anchor", "seconds"),
    [
        ("created_at", None),
        (None, SHORTEST_S),
        ("last_used_at", SHORTEST_S),
        ("created_at", SHORTEST_S - 1),
        ("created_at", LONGEST_S + 1),
        ("created_at", ""),
        ("created_at", "-3600"),
        ("created_at", "3600.0"),
        ("created_at", "\u00b3600"),
        ("created_at", "\u0663600"),
        ("created_at", "0000003600"),
    ],
)
def test_when_a_file_expires_is_said_in_seconds(anchor: object, seconds: object) -> None:
    given = [
        text(name, said)
        for name, said in ((ANCHOR, anchor), (SECONDS, seconds))
        if said is not None
    ]

    with pytest.raises(FieldInvalid) as refused:
        _wish(PURPOSE, LINES, *given)

    assert refused.value.param == "expires_after"


@pytest.mark.parametrize(
    ("parts", "param"),
    [
        ([PURPOSE, LINES, text("priority", "high")], "priority"),
        ([PURPOSE], "file"),
        ([PURPOSE, text("file", "words")], "file"),
        ([LINES], "purpose"),
        ([text("purpose", "fun"), LINES], "purpose"),
    ],
)
def test_what_is_wrong_with_a_form_is_named(parts: list[bytes], param: str) -> None:
    with pytest.raises(FieldInvalid) as refused:
        _wish(*parts)

    assert refused.value.param == param


@pytest.mark.req("S-71")
def test_a_file_is_as_large_as_it_may_be() -> None:
    assert _wish(PURPOSE, LINES, most=10).part.size == 10
    with pytest.raises(BodyTooLarge):
        _wish(PURPOSE, LINES, most=9)


def test_a_provider_says_by_which_name_it_keeps_a_file() -> None:
    assert read_kept(b'{"id": "file-theirs", "object": "file"}') == "file-theirs"


@pytest.mark.req("S-71")
@pytest.mark.parametrize("told", [b"", b"[]", b"{}", b'{"id": 7}', b'{"id": "../models"}'])
def test_a_name_that_no_path_can_bear_is_none(told: bytes) -> None:
    with pytest.raises(UpstreamBroke):
        read_kept(told)


@pytest.mark.parametrize(("expires_at_ms", "told"), [(None, None), (9999, 9)])
def test_a_file_is_shown_as_ours(expires_at_ms: int | None, told: int | None) -> None:
    shown = json.loads(one(replace(KEPT, expires_at_ms=expires_at_ms)))

    assert (shown["id"], shown["bytes"], shown["created_at"]) == ("file-1", 10, 2)
    assert shown["expires_at"] == told
    assert "theirs" not in json.dumps(shown)


@pytest.mark.parametrize(("files", "ends"), [([], (None, None)), ([KEPT], ("file-1", "file-1"))])
def test_a_page_says_where_it_begins_and_ends(
    files: list[File], ends: tuple[str | None, str | None]
) -> None:
    page = json.loads(listed(files, has_more=False))

    assert (page["first_id"], page["last_id"]) == ends
    assert len(page["data"]) == len(files)


def _wish(*parts: bytes, most: int = 1000) -> Wish:
    return read_wish(read(form(*parts)), most)
