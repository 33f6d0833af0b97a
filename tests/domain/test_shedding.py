from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.identity import Priority
from tollhouse.domain.shedding import Load


@pytest.mark.req("B-40", "OL-14", "S-81")
@pytest.mark.parametrize(
    ("under_way", "refused"),
    [
        (0, set()),
        (69, set()),
        (70, {Priority.LOW}),
        (89, {Priority.LOW}),
        (90, {Priority.LOW, Priority.NORMAL}),
        (99, {Priority.LOW, Priority.NORMAL}),
        (100, set(Priority)),
    ],
)
def test_the_fuller_it_gets_the_higher_the_class_that_is_refused(
    under_way: int, refused: set[Priority]
) -> None:
    load = Load(100, 0.5)

    load.under_way = under_way

    assert {priority for priority in Priority if load.refuses(priority)} == refused


@pytest.mark.req("B-40", "P-23")
def test_a_loop_that_stays_late_refuses_and_one_that_recovers_does_not() -> None:
    load = Load(100, 0.5)

    for _ in range(20):
        load.measured(0.4)
    late = [priority for priority in Priority if load.refuses(priority)]
    for _ in range(20):
        load.measured(0.0)

    assert late == [Priority.LOW]
    assert not load.refuses(Priority.LOW)


@pytest.mark.req("B-40")
def test_one_short_stall_refuses_nobody() -> None:
    load = Load(100, 0.5)

    load.measured(1.0)

    assert not load.refuses(Priority.LOW)


@pytest.mark.req("B-40")
@given(st.integers(0, 300), st.lists(st.floats(0, 5), max_size=30))
def test_no_class_is_refused_before_a_lower_one(under_way: int, lags: list[float]) -> None:
    load = Load(100, 0.5)
    load.under_way = under_way

    for lag in lags:
        load.measured(lag)

    refused = [
        load.refuses(priority) for priority in (Priority.HIGH, Priority.NORMAL, Priority.LOW)
    ]
    assert refused == sorted(refused)
