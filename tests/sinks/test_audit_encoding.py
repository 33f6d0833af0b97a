from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.chain import LONGEST_FIELDS, LONGEST_LINE, Head, link, parsed
from tollhouse.sinks.encoding import Unwritable, encoded


@pytest.mark.req("S-115")
def test_nothing_in_a_record_can_break_a_line_or_a_terminal() -> None:
    text = "".join(map(chr, range(0x100))) + "\u2028\u2029\ud800\U0001f600"

    fields = encoded({"kind": "call", "text": text})

    assert all(0x20 <= byte < 0x7F for byte in fields)
    assert json.loads(b"{" + fields + b"}")["text"] == text


@pytest.mark.req("S-115")
@given(st.dictionaries(st.text(max_size=20), st.text(max_size=3000), max_size=40))
def test_every_line_is_short_and_has_the_form_of_a_record(texts: dict[str, str]) -> None:
    record = {f"x{name}": text for name, text in texts.items()}

    try:
        line, _ = link(Head("w" * 100, 10**17, "0" * 64), encoded(record))
    except Unwritable:
        assert len(texts) > 10
        return

    assert len(line) <= LONGEST_LINE
    assert parsed(line) is not None


def test_a_long_text_is_cut_with_an_ellipsis() -> None:
    fields = encoded({"kind": "call", "model": "m" * 10_000, "status": 200})

    told = json.loads(b"{" + fields + b"}")
    assert len(fields) <= LONGEST_FIELDS
    assert told == {"kind": "call", "model": "m" * 1023 + "…", "status": 200}


def test_the_kind_comes_first_and_is_a_call_unless_said_otherwise() -> None:
    assert encoded({"n": 1}) == b'"kind":"call","n":1'
    assert encoded({"n": 1, "kind": "change"}) == b'"kind":"change","n":1'


@pytest.mark.parametrize(
    "record",
    [
        {"hash": "0"},
        {"kind": "checkpoint"},
        {"kind": "a b"},
        {"kind": 1},
        {"value": object()},
        {f"field{n}": n for n in range(1000)},
    ],
)
def test_what_no_line_can_hold_is_refused(record: dict[str, Any]) -> None:
    with pytest.raises(Unwritable):
        encoded(record)
