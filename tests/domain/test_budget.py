"""Why a hold is refused, and what its refusal says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.budget import Account, Share, check, dollars, exhausted, roll
from tollhouse.domain.errors import BudgetExhausted, BudgetMissing
from tollhouse.domain.periods import Calendar, Period

AMOUNTS = st.integers(0, 2**62)

accounts = st.builds(
    Account,
    st.integers(1, 9),
    st.just("key:k"),
    st.booleans(),
    st.none() | AMOUNTS,
    spent=AMOUNTS,
    held=AMOUNTS,
)
LIMITED = Account(1, "tenant:acme", True, 100, spent=20, held=30)


@pytest.mark.req("P-3")
@given(accounts, st.integers(1, 2**62))
def test_what_has_room_stays_within_the_limit(account: Account, amount: int) -> None:
    if not account.has_room_for(amount):
        return

    after = replace(account, held=account.held + amount)

    assert not after.has_budget or after.limit is None or after.spent + after.held <= after.limit


@given(accounts, AMOUNTS, AMOUNTS)
def test_what_has_room_for_more_has_room_for_less(account: Account, amount: int, more: int) -> None:
    assert account.has_room_for(amount) >= account.has_room_for(amount + more)


@pytest.mark.req("OT-37")
@pytest.mark.parametrize(
    ("named", "target", "is_spent"),
    [
        ("", "up:m", True),
        ("up:m", "up:m", True),
        ("up:m", "up:n", False),
        ("up:*", "up:n", True),
        ("up:*", "upper:n", False),
        ("up:*", None, True),
        ("up:m", None, True),
    ],
)
def test_a_further_account_is_spent_by_the_answers_that_it_is_for(
    named: str, target: str | None, is_spent: bool
) -> None:
    assert Share(7, named).is_spent_by(target) is is_spent


@pytest.mark.req("OT-36")
def test_a_window_that_is_over_starts_anew_with_what_is_held() -> None:
    account = replace(LIMITED, period=Period(Calendar.DAY), started_at=5, ends_at=86_400_000)

    early = roll(account, 86_399_999)
    over = roll(account, 86_400_000)

    assert early is None
    assert over is not None
    assert (over.account, over.spent, over.started_at, over.ended_at) == (1, 20, 5, 86_400_000)
    assert (account.spent, account.held) == (0, 30)
    assert (account.started_at, account.ends_at) == (86_400_000, 2 * 86_400_000)


def test_what_has_no_window_starts_nothing_anew() -> None:
    assert roll(replace(LIMITED, period=Period(Calendar.DAY)), 10**15) is None
    assert roll(replace(LIMITED, ends_at=1), 10**15) is None


@pytest.mark.parametrize(("amount", "fits"), [(49, True), (50, True), (51, False)])
def test_the_last_nano_dollar_may_be_taken(amount: int, fits: bool) -> None:
    assert LIMITED.has_room_for(amount) is fits


def test_a_budget_that_is_used_up_has_no_room_even_for_nothing() -> None:
    assert not replace(LIMITED, spent=70).has_room_for(0)


def test_without_a_budget_or_without_a_limit_there_is_room() -> None:
    assert replace(LIMITED, has_budget=False).has_room_for(10**9)
    assert replace(LIMITED, limit=None).has_room_for(10**9)


def test_no_budget_at_all_is_refused_with_the_way_out() -> None:
    with pytest.raises(BudgetMissing, match="tollhouse budgets set"):
        check([replace(LIMITED, has_budget=False)] * 4, 1, 0)


def test_one_budget_among_four_accounts_is_enough() -> None:
    bare = replace(LIMITED, has_budget=False, limit=None)

    check([bare, LIMITED, bare, bare], 50, 0)


def test_the_first_account_without_room_is_the_one_that_is_named() -> None:
    full = replace(LIMITED, owner="key:k", spent=70)

    with pytest.raises(BudgetExhausted, match="The budget of key:k has"):
        check([LIMITED, full, replace(full, owner="user:u")], 50, 0)


@pytest.mark.req("P-4")
def test_a_refusal_says_whose_budget_its_limit_spent_held_and_the_amount() -> None:
    account = Account(1, "tenant:acme", True, 10**9, spent=250_000_000, held=500_000_000)

    detail = exhausted(account, 300_000_000, 0).detail

    assert "tenant:acme has $1.00: $0.25 spent, $0.50 held" in detail
    assert "could cost up to $0.30" in detail


@pytest.mark.req("P-4")
def test_a_refusal_says_when_the_budget_starts_anew_and_how_long_that_is_if_it_is_near() -> None:
    ends_at = 1_796_083_200_000
    account = replace(LIMITED, spent=100, held=0, period=Period(Calendar.MONTH), ends_at=ends_at)

    near, far = (exhausted(account, 1, ends_at - before) for before in (1_500, 86_400_000))

    assert near.detail.endswith("It starts anew at 2026-12-01T00:00:00Z.")
    assert (near.retry_after_s, far.retry_after_s) == (2, None)


def test_no_wait_is_promised_to_what_costs_more_than_the_whole_budget() -> None:
    account = replace(LIMITED, period=Period(Calendar.DAY), ends_at=1_000)

    refusal = exhausted(account, 101, 0)

    assert "anew" not in refusal.detail
    assert refusal.retry_after_s is None


def test_what_costs_the_whole_budget_may_wait_for_the_next_one() -> None:
    account = replace(LIMITED, period=Period(Calendar.DAY), ends_at=5_000)

    refusal = exhausted(account, 100, now_ms=1_000)

    assert refusal.retry_after_s == 4
    assert "It starts anew at" in refusal.detail


def test_who_comes_after_the_end_of_a_window_need_not_wait() -> None:
    account = replace(LIMITED, period=Period(Calendar.DAY), ends_at=5_000)

    assert exhausted(account, 51, now_ms=99_000).retry_after_s == 0


def test_a_soft_limit_refuses_nothing() -> None:
    assert replace(LIMITED, is_soft=True).has_room_for(10**9)


@pytest.mark.parametrize(
    ("nanos", "text"),
    [
        (0, "$0.00"),
        (1, "$0.000000001"),
        (1_500_000, "$0.0015"),
        (10**9, "$1.00"),
        (12_340_000_000, "$12.34"),
        (-1_500_000_000, "-$1.50"),
    ],
)
def test_dollars_are_exact(nanos: int, text: str) -> None:
    assert dollars(nanos) == text


@given(st.integers(-(2**70), 2**70))
def test_dollars_lose_nothing(nanos: int) -> None:
    sign, text = dollars(nanos).split("$")
    whole, decimals = text.split(".")

    assert int(f"{sign}{whole}{decimals.ljust(9, '0')}") == nanos
