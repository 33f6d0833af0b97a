"""Which page of a list is wanted, however the query is written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.houses import call
from tollhouse.domain.errors import FieldInvalid
from tollhouse.pipeline.pages import MOST_DIGITS, MOST_OF_A_CURSOR, Page, number_within, page_of

MOST = 100


@pytest.mark.parametrize(
    ("query", "page"),
    [
        (b"", Page("", 20, newest_first=True)),
        (b"order=&limit=", Page("", 20, newest_first=True)),
        (b"order=asc&limit=1", Page("", 1, newest_first=False)),
        (b"order=desc&limit=100&after=file-1", Page("file-1", 100, newest_first=True)),
        (b"limit=007&purpose=batch&x=y", Page("", 7, newest_first=True, purpose="batch")),
    ],
)
def test_a_page_is_what_was_asked_for(query: bytes, page: Page) -> None:
    assert _page(query) == page


@pytest.mark.req("S-7", "OC-26")
@pytest.mark.parametrize(
    "limit",
    ["0", "101", "-1", "+1", "1.0", "x", "%D9%A3", "%C2%B2", "000000000999", "000000001" + "9" * 5_000],
)  # fmt: skip
def test_a_page_is_never_longer_than_the_longest(limit: str) -> None:
    with pytest.raises(FieldInvalid, match="from 1 to 100") as refused:
        _page(b"limit=" + limit.encode())

    assert refused.value.param == "limit"


def test_a_number_has_as_many_digits_as_a_bound_can_have() -> None:
    assert number_within("1" * MOST_DIGITS, 10**MOST_DIGITS) == int("1" * MOST_DIGITS)


def test_an_order_is_one_of_two() -> None:
    with pytest.raises(FieldInvalid) as refused:
        _page(b"order=random")

    assert refused.value.param == "order"


def test_of_a_cursor_only_so_much_is_looked_up() -> None:
    page = _page(b"after=" + b"a" * 5_000 + b"&purpose=" + b"p" * 5_000)

    assert (len(page.after), len(page.purpose)) == (MOST_OF_A_CURSOR, MOST_OF_A_CURSOR)


def _page(query: bytes) -> Page:
    return page_of(replace(call(), query=query), usual=20, most=MOST)
