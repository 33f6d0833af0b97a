"""Failures wait, keys do not: the tables, and what a crowd of attackers can do to them."""

from __future__ import annotations

import itertools
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain import limits, throttling
from tollhouse.domain.limits import LONGEST_RETRY_S, Limit
from tollhouse.domain.throttling import (
    DEAR_TRIALS,
    PROVED,
    TRIALS,
    Cells,
    Sketch,
    Throttle,
    network,
    too_many,
)

MINUTE_US = 60_000_000
NOW_US = 1_800_000_000_000_000
PEER = "192.0.2.1"
GOOD = "thk_good"

MARKS = st.integers(-(2**63), 2**63 - 1)
STEPS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40_000_000)), max_size=80)
TINY = st.lists(
    st.tuples(st.sampled_from(["fail", "good", "ask"]), st.integers(0, 9), st.integers(-90, 90)),
    max_size=120,
)


@pytest.mark.req("B-24", "H-89")
def test_after_so_many_failures_a_network_has_to_wait() -> None:
    throttle = Throttle(60)

    waits = [throttle.failed(PEER, f"bad-{number}", NOW_US) for number in range(100)]

    assert waits == [0] * 60 + [1_000_000] * 40
    assert throttle.failed(PEER, "bad", NOW_US + 999_999) == 1
    assert throttle.failed(PEER, "bad", NOW_US + 1_000_000) == 0


@pytest.mark.req("B-24")
def test_failures_elsewhere_are_nobody_elses() -> None:
    throttle = _besieged(Throttle(60), attempts=100)

    assert throttle.failed("192.0.2.200", None, NOW_US) > 0
    assert throttle.failed("192.0.3.1", None, NOW_US) == 0
    assert throttle.failed("2001:db8::1", None, NOW_US) == 0


@pytest.mark.req("S-30", "H-89")
def test_a_good_key_does_not_pay_for_a_bad_one_that_has_its_place() -> None:
    throttle = Throttle(60)
    throttle.proved(GOOD)
    names = (f"bad-{number}" for number in itertools.count())
    bad = next(name for name in names if (hash(name) - hash(GOOD)) % PROVED == 0)

    _besieged(throttle, attempts=100)
    throttle.failed(PEER, bad, NOW_US)
    _out_of_trials(throttle)

    assert throttle.wait_us(PEER, GOOD, NOW_US) == 0


@pytest.mark.req("B-24")
@pytest.mark.parametrize("other", [1, 1 << 32], ids=["the first", "the second"])
def test_who_shares_one_of_two_places_does_not_wait_for_another(other: int) -> None:
    sketch = Sketch(Limit(60), 64)
    for _ in range(100):
        sketch.count(0, NOW_US)

    assert sketch.wait_us(0, NOW_US) > 0
    assert sketch.wait_us(other, NOW_US) == 0


@pytest.mark.req("S-30", "H-89")
def test_a_key_that_was_good_tries_at_once_whatever_its_network_does() -> None:
    throttle = Throttle(60)
    throttle.proved(GOOD)

    _besieged(throttle, attempts=100)
    _out_of_trials(throttle)

    assert throttle.wait_us(PEER, "thk_never-seen", NOW_US) > 0
    assert throttle.wait_us(PEER, GOOD, NOW_US) == 0


@pytest.mark.req("S-30")
def test_a_key_never_seen_gets_its_try_in_the_midst_of_an_attack() -> None:
    throttle = _besieged(Throttle(60), attempts=100)

    for _ in range(TRIALS.calls - 1):
        throttle.wait_us(PEER, "thk_bad", NOW_US)

    assert throttle.wait_us(PEER, "thk_never-seen", NOW_US) == 0
    assert throttle.wait_us(PEER, "thk_never-seen", NOW_US) > 0
    assert throttle.wait_us(PEER, "thk_never-seen", NOW_US + TRIALS.interval_us) == 0


@pytest.mark.req("S-30")
def test_who_calls_from_a_network_in_good_standing_takes_no_try_from_others() -> None:
    throttle = _besieged(Throttle(60), attempts=100)

    for number in range(2 * TRIALS.calls):
        assert throttle.wait_us("198.51.100.1", f"thk_{number}", NOW_US) == 0

    assert throttle.wait_us(PEER, "thk_never-seen", NOW_US) == 0


@pytest.mark.req("B-24")
def test_a_key_that_was_good_and_fails_loses_its_right_of_way() -> None:
    throttle = _besieged(Throttle(60), attempts=100)
    throttle.proved(GOOD)

    throttle.failed(PEER, GOOD, NOW_US)
    _out_of_trials(throttle)

    assert throttle.wait_us(PEER, GOOD, NOW_US) > 0


@pytest.mark.req("B-24")
def test_one_bad_key_waits_before_its_network_does_and_wherever_it_comes_from() -> None:
    throttle = Throttle(60)

    for number in range(30):
        assert throttle.wait_us(f"192.0.{number}.1", "thk_bad", NOW_US) == 0
        throttle.failed(f"192.0.{number}.1", "thk_bad", NOW_US)

    assert throttle.wait_us("198.51.100.1", "thk_bad", NOW_US) == 2_000_000
    assert throttle.wait_us("198.51.100.1", "thk_other", NOW_US) == 0
    assert throttle.wait_us("198.51.100.1", "thk_bad", NOW_US + 2_000_000) == 0


def test_a_key_that_becomes_good_is_waited_for_no_longer_than_two_seconds() -> None:
    throttle = Throttle(60)
    for _ in range(1000):
        throttle.failed(PEER, GOOD, NOW_US)

    assert throttle.wait_us(PEER, GOOD, NOW_US) <= 2_000_000


@pytest.mark.req("S-30")
@given(st.lists(st.tuples(st.integers(0, 255), st.text(max_size=3)), max_size=200))
def test_nothing_that_fails_keeps_out_a_key_that_was_good(attacks: list[tuple[int, str]]) -> None:
    throttle = Throttle(2)
    throttle.proved(GOOD)

    for host, credential in attacks:
        throttle.wait_us(f"192.0.2.{host}", credential, NOW_US)
        throttle.failed(f"192.0.2.{host}", credential, NOW_US)

    assert throttle.wait_us(PEER, GOOD, NOW_US) == 0


@given(TINY)
def test_whatever_the_clock_does_nobody_waits_longer_than_two_intervals(
    events: list[tuple[str, int, int]],
) -> None:
    throttle, now_us = Throttle(6), NOW_US

    for kind, who, minutes in events:
        now_us += minutes * MINUTE_US
        credential = f"thk_{who}"
        if kind == "fail":
            throttle.failed(PEER, credential, now_us)
        elif kind == "good":
            throttle.proved(credential)
        assert 0 <= throttle.wait_us(PEER, credential, now_us) <= 2 * 10_000_000


def test_none_is_no_limit() -> None:
    throttle = _besieged(Throttle(0), attempts=10_000)

    assert throttle.wait_us(PEER, "bad-1", NOW_US) == 0
    assert throttle.failed(PEER, "bad-1", NOW_US) == 0


@given(st.lists(st.tuples(MARKS, st.integers(0, 5_000_000)), max_size=100), st.integers(1, 30))
def test_a_sketch_never_lets_more_fail_than_exact_counts_would(
    trace: list[tuple[int, int]], calls: int
) -> None:
    limit = Limit(calls)
    sketch, exact, now_us = Sketch(limit, 4), dict[int, int](), NOW_US

    for mark, step_us in trace:
        now_us += step_us
        due, wait = limits.take(limit.interval_us, limit.whole_us, exact.get(mark, 0), now_us)
        waited = sketch.count(mark, now_us)
        if waited == 0:
            assert wait == 0
            exact[mark] = due


@given(STEPS)
def test_alone_in_a_sketch_it_is_the_arithmetic_of_limits(steps: list[tuple[int, int]]) -> None:
    limit = Limit(5)
    sketch, due, now_us = Sketch(limit, 64), 0, NOW_US

    for _, step_us in steps:
        now_us += step_us
        due, wait = limits.take(limit.interval_us, limit.whole_us, due, now_us)

        assert sketch.wait_us(7 << 32 | 9, now_us) == wait
        assert sketch.count(7 << 32 | 9, now_us) == wait


@pytest.mark.req("B-24")
def test_who_shares_one_place_in_a_sketch_with_an_attacker_does_not_wait() -> None:
    sketch, attacker, stranger = Sketch(Limit(5), 64), 7 << 32 | 9, 8 << 32 | 9
    for _ in range(20):
        sketch.count(attacker, NOW_US)

    assert sketch.wait_us(attacker, NOW_US) > 0
    assert sketch.wait_us(stranger, NOW_US) == 0


def test_a_clock_that_was_set_back_an_hour_is_forgotten_within_a_minute() -> None:
    sketch = Sketch(Limit(5), 64)
    for _ in range(20):
        sketch.count(9, NOW_US + 60 * MINUTE_US)

    assert sketch.count(9, NOW_US) > 0
    assert sketch.wait_us(9, NOW_US + MINUTE_US) == 0


@pytest.mark.req("S-30")
def test_a_credential_that_takes_the_cell_of_another_does_not_take_its_failures() -> None:
    cells = Cells(Limit(2), 2)
    for _ in range(10):
        cells.count(1, NOW_US)

    cells.count(3, NOW_US)

    assert cells.wait_us(3, NOW_US) == 0


@given(STEPS, MARKS)
def test_a_credential_never_waits_for_what_another_did(
    steps: list[tuple[int, int]], stranger: int
) -> None:
    cells, now_us = Cells(Limit(2), 2), NOW_US

    for mark, step_us in steps:
        now_us += step_us
        cells.count(mark + 1, now_us)

    assert cells.wait_us(stranger, now_us) == 0 or 1 <= stranger <= 6


@pytest.mark.req("B-24", "B-39", "H-89")
def test_ten_thousand_attackers_and_keys_take_no_more_room_than_none() -> None:
    throttle = Throttle(60)
    throttle.failed(PEER, "first", NOW_US)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(10_000):
            peer = f"2001:db8:{number:x}::1"
            throttle.wait_us(peer, f"thk_{number}", NOW_US + number)
            throttle.failed(peer, f"thk_{number}", NOW_US + number)
            throttle.proved(f"thk_{number}")
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert after - before < 4096


@pytest.mark.req("B-24")
def test_crowds_from_elsewhere_do_not_free_a_network_that_waits() -> None:
    throttle = _besieged(Throttle(60), attempts=100)

    for number in range(50_000):
        throttle.failed(f"2001:db8:{number:x}::1", f"thk_{number}", NOW_US)

    assert throttle.failed(PEER, None, NOW_US) > 0


@pytest.mark.req("B-24")
@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("192.0.2.1", "192.0.2.255", True),
        ("192.0.2.1", "192.0.3.1", False),
        ("192.0.2.1", "::ffff:192.0.2.9", True),
        ("192.0.2.1", "::ffff:c000:209", True),
        ("192.0.3.1", "::ffff:192.0.2.9", False),
        ("2001:db8:1::1", "2001:0db8:0001:ffff::9", True),
        ("2001:db8:1::1", "2001:db8:2::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("::1", "::2", True),
        ("", "", True),
        ("unix:", "unix:", True),
    ],
)
def test_a_network_is_what_one_attacker_easily_has_all_of(
    one: str, other: str, is_same: bool
) -> None:
    assert (network(one) == network(other)) is is_same


@given(st.text(max_size=50))
def test_whatever_stands_for_an_address_has_a_network(peer: str) -> None:
    assert network(peer) == network(peer)


@given(st.integers(1, 10**12))
def test_nobody_is_told_to_come_back_at_once_or_after_a_minute(wait_us: int) -> None:
    retry_after_s = throttling.too_many(wait_us).retry_after_s

    assert retry_after_s is not None
    assert 1 <= retry_after_s <= 60


def _besieged(throttle: Throttle, attempts: int) -> Throttle:
    for number in range(attempts):
        throttle.failed(PEER, f"bad-{number}", NOW_US)
    return throttle


def _out_of_trials(throttle: Throttle) -> None:
    for _ in range(TRIALS.calls):
        throttle.wait_us(PEER, "thk_bad", NOW_US)


@pytest.mark.req("B-24", "S-30")
def test_signed_tokens_are_dear_and_have_trials_of_their_own() -> None:
    throttle = Throttle(1)
    for number in range(20):
        throttle.failed(PEER, f"thk_{number}", NOW_US)

    tried = sum(throttle.wait_us(PEER, f"eyJ{number}", NOW_US) == 0 for number in range(2000))

    assert tried == DEAR_TRIALS.calls
    assert throttle.wait_us(PEER, "thk_new", NOW_US) == 0


def test_whoever_failed_too_often_is_told_to_wait_in_whole_seconds_and_no_longer_than_a_minute() -> (
    None
):
    told = [too_many(wait_us).retry_after_s for wait_us in (1, 1_000_000, 1_000_001, 10**12)]

    assert told == [1, 1, 2, LONGEST_RETRY_S]
