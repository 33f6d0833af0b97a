from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.dialects.anthropic_usage import Tally
from tollhouse.domain.pricing import Kinds, Usage

COUNTS = st.none() | st.integers(-10, 10**13)
NAMES = (
    *("input_tokens", "output_tokens", "cache_read_input_tokens"),
    "cache_creation_input_tokens",
)


@pytest.mark.req("P-15", "B-5")
def test_cached_tokens_come_on_top_of_the_input() -> None:
    told = {
        "input_tokens": 3,
        "output_tokens": 5,
        "cache_read_input_tokens": 70,
        "cache_creation_input_tokens": 11,
        "service_tier": "standard",
        "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 7},
    }

    usage = _tally(told).usage

    assert usage == Usage(3, 5, 70, 11, kinds=Kinds(long_write=7))
    assert usage is not None
    assert usage.total == 3 + 5 + 70 + 11


@pytest.mark.req("P-7")
@pytest.mark.parametrize("count", [0, 10**12])
def test_a_count_at_its_bound_is_one(count: int) -> None:
    assert _tally({"input_tokens": count, "output_tokens": 1}).usage == Usage(count, 1)
    assert _tally({"input_tokens": 10**12 + 1, "output_tokens": 1}).usage is None


@pytest.mark.req("P-7")
def test_a_later_count_takes_the_place_of_an_earlier_one() -> None:
    tally = _tally({"input_tokens": 9, "output_tokens": 3})

    tally.take(b'{"output_tokens": 5}')
    tally.take(b'{"output_tokens": 0}')

    assert tally.usage == Usage(9, 5)


@pytest.mark.req("P-7")
def test_a_stream_tells_what_went_in_first_and_what_came_out_last() -> None:
    tally = Tally()

    tally.take(json.dumps({"input_tokens": 9, "output_tokens": 1}).encode(), is_early=True)
    assert tally.usage == Usage(input=9)
    tally.take(json.dumps({"output_tokens": 5}).encode())

    assert tally.usage == Usage(input=9, output=5)


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        ({"input_tokens": 0}, {"input_tokens": 8, "output_tokens": 2}, Usage(8, 2)),
        ({"input_tokens": 8}, {"input_tokens": 0, "output_tokens": 2}, Usage(8, 2)),
        ({"input_tokens": 8}, {"output_tokens": 2}, Usage(8, 2)),
        ({"input_tokens": 8}, {"input_tokens": None, "output_tokens": 2}, Usage(8, 2)),
        ({"output_tokens": 8}, {"output_tokens": 9}, None),
        ({"input_tokens": 8}, "nonsense", Usage(8)),
        ({"input_tokens": "8"}, {"output_tokens": 9}, None),
        ({"input_tokens": 10**13}, {"output_tokens": 9}, None),
    ],
    ids=str,
)
def test_the_later_count_holds_if_it_is_one(first: Any, then: Any, expected: Usage | None) -> None:
    tally = _tally(first, then)

    assert tally.usage == expected


def test_no_more_is_kept_for_an_hour_than_was_written() -> None:
    told = {"input_tokens": 1, "cache_creation": {"ephemeral_1h_input_tokens": 9}}

    assert _tally(told).usage == Usage(1)


def test_thoughts_are_a_part_of_what_came_out() -> None:
    tally = _tally(
        {"input_tokens": 1, "output_tokens": 5, "output_tokens_details": {"thinking_tokens": 9}}
    )

    assert tally.usage == Usage(1, 5, kinds=Kinds(reasoning=5))


@given(st.lists(st.dictionaries(st.sampled_from(NAMES), COUNTS), max_size=4))
def test_no_class_is_ever_negative_or_more_than_a_call_can_have(told: list[dict[str, Any]]) -> None:
    usage = _tally(*told).usage

    if usage is not None:
        counts = (usage.input, usage.output, usage.cache_read, usage.cache_write)
        assert all(0 <= count <= 10**12 for count in counts)


def _tally(*told: Any) -> Tally:
    tally = Tally()
    for each in told:
        tally.take(json.dumps(each).encode())
    return tally
