from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.sheets import Column, Kind, csv_lines, decimal, records

WHO = [Column("who")]


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30))
def test_no_text_begins_as_a_formula_does(text: str) -> None:
    (_, (cell,)) = list(
        csv.reader(io.StringIO("".join(csv_lines(WHO, [(text,)])), newline=""))
    ) or [
        [""],
        [""],
    ]

    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert cell in (text, f"'{text}")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\uff1d1"])
def test_what_a_spreadsheet_would_work_out_is_text(text: str) -> None:
    _, row = csv_lines(WHO, [(text,)])

    assert row.strip('"\r\n').startswith("'")


def test_an_amount_below_nothing_stays_a_number() -> None:
    _, row = csv_lines([Column("delta", Kind.MONEY)], [(-1_500_000,)])

    assert row == "-0.0015\r\n"


@given(st.integers(-(10**20), 10**20))
def test_a_decimal_has_every_nano_dollar(nanos: int) -> None:
    whole, _, rest = decimal(abs(nanos)).partition(".")

    assert int(whole) * 10**9 + int(rest.ljust(9, "0")) == abs(nanos)
    assert decimal(nanos).startswith("-") == (nanos < 0)


def test_an_amount_in_json_is_a_whole_number_and_how_it_reads() -> None:
    columns = [Column("who"), Column("owed", Kind.MONEY), Column("left", Kind.MONEY)]

    (record,) = records(columns, [("acme", 300, None)])

    assert record == {
        "who": "acme",
        "owed_nanos": 300,
        "owed_dollars": "$0.0000003",
        "left_nanos": None,
        "left_dollars": None,
    }
