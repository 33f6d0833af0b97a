from __future__ import annotations

import pytest
from bench.figures import medians, percentile, ratio, stream_kb, translated_x_relayed, with_added
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(("percent", "expected"), [(0, 1), (50, 5), (90, 9), (99, 10), (100, 10)])
def test_a_percentile_is_one_of_the_values(percent: int, expected: int) -> None:
    values = [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]

    found = percentile(values, percent)

    assert found == expected


@given(st.lists(st.floats(0, 1e6), min_size=1), st.integers(1, 100))
def test_at_least_so_many_percent_are_not_above_a_percentile(
    values: list[float], percent: int
) -> None:
    found = percentile(values, percent)

    assert 100 * sum(value <= found for value in values) >= percent * len(values)


def test_an_added_latency_is_what_exceeds_the_direct_call_of_the_same_round() -> None:
    direct = {"paced_p50_ms": 0.25}
    system = {"paced_p50_ms": 0.75, "idle_mb": 30.0}

    figures = with_added(system, direct)

    assert figures == {**system, "added_paced_p50_ms": 0.5}


def test_a_figure_is_the_median_of_its_rounds() -> None:
    rounds = [{"start_s": 9.0}, {"start_s": 1.0}, {"start_s": 2.0}]

    figures = medians(rounds)

    assert figures == {"start_s": 2.0}


def test_an_open_stream_takes_its_share_of_all_that_came_on_top_of_idle() -> None:
    share = stream_kb({"idle_mb": 30.0, "open_mb": 50.0}, streams=1024)

    assert share == 20.0


def test_a_ratio_says_how_many_times_the_figure_of_the_base() -> None:
    times = ratio({"request_cpu_us": 60.0}, {"request_cpu_us": 15.0}, "request_cpu_us")

    assert times == 4.0


@pytest.mark.parametrize("base", [{}, {"start_s": 0.0}, {"start_s": -0.1}])
def test_there_is_no_ratio_to_nothing(base: dict[str, float]) -> None:
    times = ratio({"start_s": 1.0}, base, "start_s")

    assert times is None


def test_a_translated_request_is_a_served_one_with_the_lane_exchanged() -> None:
    lanes = {"native_lane_us": 10.0, "translated_lane_us": 60.0}

    assert translated_x_relayed(100.0, lanes) == 1.5
