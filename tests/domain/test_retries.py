"""How often, and after how long, a call may be sent again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.retries import (
    ADVANCE,
    MOST_SAVED,
    MOST_SAVED_AGAIN,
    Retrying,
    TryBudget,
    is_safe,
    wait_s,
)

RULE = Retrying()
DRAWS = st.floats(0, 1, exclude_max=True)


@pytest.mark.req("OL-41", "P-28")
@given(st.integers(1, 100), st.lists(st.text("oa", max_size=5), max_size=300))
def test_however_much_fails_there_are_never_more_tries_than_the_calls_and_their_share(
    percent: int, wanted: list[str]
) -> None:
    """`o` is a try at another target, `a` one at the same again."""
    budget, others, again = TryBudget(percent), 0, 0

    for calls, tries in enumerate(wanted, start=1):
        budget.earn()
        for kind in tries:
            if kind == "o":
                others += budget.spend()
            else:
                again += budget.spend_again()

        assert (others + again) * 100 <= max(calls * percent, ADVANCE * 100)
        assert again * 100 <= calls * percent


@pytest.mark.req("P-33")
def test_the_first_calls_of_all_may_go_on_to_other_targets_and_pay_back_later() -> None:
    budget = TryBudget(20)

    advanced = sum(_spends(budget) for _ in range(99))
    later = sum(_spends(budget) for _ in range(11))

    assert (advanced, later) == (ADVANCE, 2)


@pytest.mark.req("P-28")
def test_nothing_is_advanced_for_a_try_at_the_same_target() -> None:
    budget = TryBudget(20)

    for _ in range(4):
        budget.earn()
        assert not budget.spend_again()


@pytest.mark.req("P-28")
def test_a_quiet_hour_saves_no_storm() -> None:
    budget = TryBudget(20)

    for _ in range(10_000):
        budget.earn()

    assert sum(budget.spend_again() for _ in range(100)) == MOST_SAVED_AGAIN
    assert sum(budget.spend() for _ in range(1000)) == MOST_SAVED - MOST_SAVED_AGAIN


@pytest.mark.req("OL-41")
@given(st.integers(0, 12), DRAWS)
def test_waits_double_up_to_a_minute_a_quarter_more_or_less(number: int, draw: float) -> None:
    planned = min(2.0**number, 60.0)

    assert 0.75 * planned <= wait_s(RULE, number, None, draw) <= 1.25 * planned


@pytest.mark.req("OL-41")
@given(st.integers(0, 12), st.integers(1, 3600), DRAWS)
def test_a_provider_is_never_asked_before_it_wishes(number: int, wish: int, draw: float) -> None:
    assert wait_s(RULE, number, wish, draw) >= wish


@pytest.mark.req("OL-41", "P-28")
@pytest.mark.parametrize(
    ("status", "retry_after_s", "is_retried"),
    [
        (None, None, True),
        (408, None, True),
        (425, None, True),
        (429, None, True),
        (503, 5, True),
        (529, 5, True),
        (503, None, False),
        (500, 5, False),
        (502, None, False),
        (504, None, False),
        (400, None, False),
        (404, None, False),
    ],
)
def test_only_what_surely_did_no_work_is_retried(
    status: int | None, retry_after_s: int | None, is_retried: bool
) -> None:
    assert is_safe(RULE, status, retry_after_s) is is_retried


@pytest.mark.req("OL-41")
@pytest.mark.parametrize(("status", "is_retried"), [(500, True), (502, True), (404, False)])
def test_errors_that_may_have_done_work_are_retried_where_it_is_declared(
    status: int, is_retried: bool
) -> None:
    assert is_safe(Retrying(after_errors=True), status, None) is is_retried


def _spends(budget: TryBudget) -> bool:
    budget.earn()
    return budget.spend()
