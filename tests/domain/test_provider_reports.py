from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.provider_reports import ProviderReport, Told, nanos, read

DAY = 20_833  # 2027-01-15
START = DAY * 86_400


def test_openai_tells_usage_in_buckets() -> None:
    result = {"model": "gpt-4o", "input_tokens": 30, "input_cached_tokens": 10, "output_tokens": 5}

    report = _read(_openai(result))

    assert report == ProviderReport(DAY, DAY, (Told(DAY, "gpt-4o", 30, 5),))


def test_openai_tells_costs_by_line_items() -> None:
    amount = {"value": 0.1, "currency": "usd"}

    report = _read(_openai({"line_item": "gpt-4o-2024-08-06, input", "amount": amount}))

    assert report.rows == (Told(DAY, "gpt-4o-2024-08-06", dollars=Decimal("0.1")),)


def test_anthropic_tells_the_parts_of_what_went_in() -> None:
    result = {
        "model": "claude-sonnet-4-20250514",
        "uncached_input_tokens": 1,
        "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 100},
        "cache_read_input_tokens": 1000,
        "output_tokens": 7,
    }

    report = _read(_anthropic(result))

    assert report.rows == (Told(DAY, "claude-sonnet-4-20250514", 1111, 7),)


def test_anthropic_tells_costs_in_cents() -> None:
    report = _read(_anthropic({"model": None, "amount": "123.78912", "currency": "USD"}))

    assert report.rows == (Told(DAY, "", dollars=Decimal("1.2378912")),)


def test_a_bucket_without_results_is_a_day_that_is_covered() -> None:
    page = {
        "data": [
            {"start_time": START, "end_time": START + 86_400, "results": []},
            {"start_time": START + 86_400, "end_time": START + 2 * 86_400, "results": []},
        ]
    }

    assert _read(page) == ProviderReport(DAY, DAY + 1, ())


def test_pages_may_stand_in_a_list() -> None:
    pages = [{**_openai({"input_tokens": 1}), "has_more": True}, _openai({"input_tokens": 2})]

    assert [row.input for row in _read(pages).rows] == [1, 2]


@pytest.mark.parametrize(
    "text",
    [
        "start_time,model,input_tokens,output_tokens\n2027-01-15,m,3,4\n",
        "start_time,model,input_tokens,output_tokens\n1799971200,m,3.0,4\n",
        "date,model,prompt_tokens,completion_tokens\r\n2027-01-15T23:59:59Z,m,3,4\r\n",
    ],
)
def test_a_csv_with_known_columns_is_read(text: str) -> None:
    assert read(text, {}).rows == (Told(DAY, "m", 3, 4),)


def test_a_csv_of_another_form_is_read_as_it_is_said() -> None:
    columns = {"day": "Tag", "model": "SKU", "dollars": "Betrag"}

    report = read("Tag,SKU,Betrag\n2027-01-15,m,$0.25\n", columns)

    assert report.rows == (Told(DAY, "m", dollars=Decimal("0.25")),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        '{"data": 1}',
        '{"data": [1]}',
        '{"data": [{"results": []}]}',
        '{"data": [{"start_time": 1, "results": [1]}]}',
        '{"data": [{"start_time": "soon", "results": []}]}',
        '{"data": [{"start_time": 99999999999999999999999, "results": []}]}',
        '{"data": [{"start_time": 1, "results": [{"input_tokens": -1}]}]}',
        '{"data": [{"start_time": 1, "results": [{"input_tokens": 1.5}]}]}',
        '{"data": [{"start_time": 1, "results": [{"input_tokens": NaN}]}]}',
        '{"data": [{"start_time": 1, "results": [{"output_tokens": 1e99}]}]}',
        '{"data": [{"start_time": 1, "results": [{"amount": {"value": 1, "currency": "eur"}}]}]}',
        '{"data": [{"start_time": 1, "results": [{"amount": "1", "currency": "EUR"}]}]}',
        '{"data": [{"start_time": 1, "results": [{"amount": {"value": true, "currency": "usd"}}]}]}',
        '{"data": [], "has_more": true}',
        "day,model\n2027-01-15,m\n",
        "model,input_tokens\nm,1\n",
        "day,input_tokens\nsoon,1\n",
        "day,input_tokens\n2027-01-15,many\n",
        "day,amount_value,amount_currency\n2027-01-15,1,EUR\n",
        'day,input_tokens\n"2027-01-15,1\n',
    ],
)
def test_what_cannot_be_counted_on_is_refused(text: str) -> None:
    with pytest.raises(FieldInvalid, match="export was not understood"):
        read(text, {})


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(FieldInvalid, match="'Betrag'"):
        read("day,cost\n2027-01-15,1\n", {"dollars": "Betrag"})


@given(st.text(max_size=200) | st.text(alphabet='{}[]":,0123456789data', max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        report = read(text, {})
    except FieldInvalid:
        return

    assert report.first_day <= report.last_day


@given(st.lists(st.integers(0, 10**18), max_size=20))
def test_amounts_add_up_before_they_are_rounded(amounts: list[int]) -> None:
    dollars = [Decimal(amount).scaleb(-18) for amount in amounts]

    assert abs(nanos(sum(dollars, Decimal(0))) * 10**9 - sum(amounts)) <= 10**9 // 2


def _read(value: Any) -> ProviderReport:
    return read(json.dumps(value), {})


def _openai(result: dict[str, Any]) -> dict[str, Any]:
    bucket = {"start_time": START, "end_time": START + 86_400, "results": [result]}
    return {"object": "page", "data": [bucket], "has_more": False, "next_page": None}


def _anthropic(result: dict[str, Any]) -> dict[str, Any]:
    span = {"starting_at": "2027-01-15T00:00:00Z", "ending_at": "2027-01-16T00:00:00Z"}
    return {"data": [{**span, "results": [result]}], "has_more": False, "next_page": None}
