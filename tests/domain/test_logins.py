"""Wrong passwords are bounded from every side, and nobody's are counted against a neighbour for good."""

from __future__ import annotations

import pytest

from tollhouse.domain.logins import TRIALS, Logins

NOW_US = 1_800_000_000_000_000
MINUTE_US = 60_000_000
HOME, OFFICE = "192.0.2.7", "198.51.100.7"
pytestmark = pytest.mark.req("OP-6", "B-24")


def failing(logins: Logins, account: str, peer: str, times: int) -> int:
    """How many of so many tries were let through to a proof."""
    tried = 0
    for _ in range(times):
        if logins.wait_us(account, peer, NOW_US) == 0:
            tried += 1
            logins.failed(account, peer, NOW_US)
    return tried


def test_one_address_tries_one_account_a_few_times_a_minute() -> None:
    logins = Logins(5)

    assert failing(logins, "main/anna", OFFICE, 50) == 5
    assert logins.wait_us("main/anna", OFFICE, NOW_US + MINUTE_US) == 0


def test_who_is_locked_out_at_one_address_comes_in_from_another() -> None:
    logins = Logins(5)
    failing(logins, "main/anna", OFFICE, 50)

    assert logins.wait_us("main/anna", HOME, NOW_US) == 0


def test_one_network_tries_many_accounts_only_so_often() -> None:
    logins = Logins(5)

    tried = sum(failing(logins, f"main/u{n}", f"192.0.2.{n}", 1) for n in range(200))

    assert tried == 5 * 10 + TRIALS.calls


def test_one_account_is_tried_from_everywhere_only_so_often() -> None:
    logins = Logins(5)

    tried = sum(failing(logins, "main/anna", f"10.{n}.0.1", 1) for n in range(200))

    assert tried == 5 * 10 + TRIALS.calls


def test_where_she_logged_in_before_nothing_that_others_do_keeps_her_out() -> None:
    logins = Logins(5)
    logins.proved("main/anna", HOME)
    for number in range(200):
        failing(logins, "main/anna", f"10.{number}.0.1", 1)
        failing(logins, f"main/u{number}", HOME, 1)

    assert logins.wait_us("main/anna", "203.0.113.9", NOW_US) > 0
    assert logins.wait_us("main/anna", HOME, NOW_US) == 0


def test_a_password_that_was_good_before_waves_no_guess_through() -> None:
    logins = Logins(5)
    logins.proved("main/anna", HOME)

    assert failing(logins, "main/anna", HOME, 50) == 5


def test_without_a_limit_nobody_waits() -> None:
    assert failing(Logins(0), "main/anna", HOME, 500) == 500
