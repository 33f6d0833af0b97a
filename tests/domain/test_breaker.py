"""When a target is asked, and when it is left alone."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tollhouse.domain.breaker import LONGEST_OPEN_S, WINDOW, Breaker, State, Tripping

RULE = Tripping(failures=5, open_s=60.0, successes=3)


@pytest.mark.req("OL-40", "OL-15", "S-69")
def test_the_fifth_failure_in_a_row_opens_it_for_a_minute() -> None:
    breaker = Breaker(RULE)

    _fail(breaker, 4)
    assert breaker.state is State.CLOSED
    _fail(breaker, 1)

    assert breaker.state is State.OPEN
    assert breaker.enter(59.9) is None
    assert breaker.wait_s(20.0) == 40.0
    assert breaker.enter(60.0) is not None


@pytest.mark.req("OL-40")
def test_an_answer_in_between_begins_the_row_anew() -> None:
    breaker = Breaker(RULE)

    for _ in range(3):
        _fail(breaker, 2)
        _succeed(breaker, 5)

    assert breaker.state is State.CLOSED


@pytest.mark.req("OL-15")
def test_half_of_the_last_calls_open_it_though_none_followed_another() -> None:
    breaker = Breaker(RULE)

    for _ in range(WINDOW // 2 - 1):
        _fail(breaker, 1)
        _succeed(breaker, 1)
    assert breaker.state is State.CLOSED
    _fail(breaker, 1)

    assert breaker.state is State.OPEN
    assert breaker.reason == "10 of the last 20 calls failed: upstream_failed"


@pytest.mark.req("OL-15")
def test_who_bears_more_failures_than_half_is_open_after_that_many() -> None:
    breaker = Breaker(Tripping(failures=WINDOW // 2 + 2, open_s=60.0, successes=3))

    for _ in range(WINDOW // 2):
        _fail(breaker, 1)
        _succeed(breaker, 1)

    assert breaker.state is State.CLOSED


@pytest.mark.req("B-38", "OL-40")
def test_good_probes_count_from_the_last_failure() -> None:
    breaker, now = _opened(), 60.0
    for _ in range(2):
        for _ in range(RULE.successes - 1):
            era = breaker.enter(now)
            assert era is not None
            breaker.answered(era)
        era = breaker.enter(now)
        assert era is not None
        breaker.failed(era, now, "x")
        now += 60.0

    era = breaker.enter(now)
    assert era is not None
    breaker.answered(era)

    assert breaker.state is State.HALF_OPEN


@pytest.mark.req("B-38", "CN-31", "OL-40")
def test_half_open_it_lets_one_probe_through_at_a_time() -> None:
    breaker = _opened()

    first = breaker.enter(60.0)
    second = breaker.enter(60.0)
    assert first is not None
    breaker.answered(first)

    assert second is None
    assert breaker.enter(60.0) is not None


@pytest.mark.req("OL-40")
def test_three_probes_that_are_answered_close_it() -> None:
    breaker = _opened()

    for _ in range(2):
        _probe(breaker)
    assert breaker.state is State.HALF_OPEN
    _probe(breaker)

    assert breaker.state is State.CLOSED
    assert breaker.recent_failures == 0


@pytest.mark.req("OL-40")
def test_a_probe_that_fails_opens_it_again_for_as_long() -> None:
    breaker = _opened()
    era = breaker.enter(60.0)
    assert era is not None

    breaker.failed(era, 61.0, "upstream_timeout")

    assert breaker.enter(120.9) is None
    assert breaker.enter(121.0) is not None
    assert breaker.reason == "a probe failed: upstream_timeout"


@pytest.mark.req("B-38")
def test_a_probe_that_nobody_waited_for_teaches_nothing_and_the_next_one_goes() -> None:
    breaker = _opened()
    era = breaker.enter(60.0)
    assert era is not None

    breaker.left(era)

    assert breaker.state is State.HALF_OPEN
    assert breaker.enter(60.0) is not None


@pytest.mark.req("OL-40", "OL-41")
@pytest.mark.parametrize(("asked", "open_s"), [(7, 7.0), (None, 60.0), (86_400, 300.0)])
def test_the_provider_says_how_long_it_wants_to_be_left_alone(
    asked: int | None, open_s: float
) -> None:
    breaker = Breaker(RULE)
    _fail(breaker, 4)
    era = breaker.enter(0.0)
    assert era is not None

    breaker.failed(era, 0.0, "upstream_rate_limited", asked)

    assert breaker.wait_s(0.0) == open_s


@pytest.mark.req("OL-40")
def test_an_answer_from_before_it_opened_does_not_break_a_row_of_failures() -> None:
    breaker = Breaker(RULE)
    early = breaker.enter(0.0)
    assert early is not None
    _fail(breaker, 5)
    for _ in range(3):
        _probe(breaker)

    _fail(breaker, 4)
    breaker.succeeded(early)
    _fail(breaker, 1)

    assert breaker.state is State.OPEN


@pytest.mark.req("OL-40")
def test_the_failures_that_opened_it_stay_known_until_it_closes() -> None:
    breaker = _opened()
    era = breaker.enter(60.0)
    assert era is not None
    breaker.answered(era)
    known = breaker.recent_failures

    for _ in range(WINDOW):
        breaker.succeeded(era)

    assert breaker.recent_failures == known > 0


def test_one_that_is_switched_off_never_opens() -> None:
    breaker = Breaker(Tripping(failures=0))

    _fail(breaker, 2 * WINDOW)

    assert breaker.state is State.CLOSED


def test_what_comes_late_from_before_it_opened_does_not_count() -> None:
    breaker = Breaker(RULE)
    early = [breaker.enter(0.0) for _ in range(10)]
    _fail(breaker, 5)
    probe = breaker.enter(60.0)
    assert probe is not None

    for era in early:
        assert era is not None
        breaker.answered(era)
        breaker.succeeded(era)
        breaker.failed(era, 60.0, "upstream_broke")
        breaker.left(era)

    assert breaker.state is State.HALF_OPEN
    assert breaker.enter(60.0) is None, "the probe is still under way"


class BreakerMachine(RuleBasedStateMachine):
    """Calls that overlap and end in any way and order, the clock going on in any steps."""

    @initialize(
        failures=st.integers(0, 6), successes=st.integers(1, 4), open_s=st.sampled_from([1.0, 60.0])
    )
    def begin(self, failures: int, successes: int, open_s: float) -> None:
        self.rule = Tripping(failures, open_s, successes)
        self.breaker = Breaker(self.rule)
        self.now = 0.0
        self.under_way: list[int] = []
        self.probes: list[int] = []

    @rule(step=st.sampled_from([0.0, 0.5, 1.0, 30.0, 400.0]))
    def wait(self, step: float) -> None:
        self.now += step

    @rule()
    def enter(self) -> None:
        was, shut = self.breaker.state, self.breaker.is_shut(self.now)
        era = self.breaker.enter(self.now)
        assert (era is None) == shut
        if era is None:
            return
        if was is State.CLOSED:
            self.under_way.append(era)
        else:
            assert not self.probes, "two probes at a time"
            self.probes.append(era)

    @precondition(lambda self: self.probes)
    @rule(how=st.sampled_from(["answered", "failed", "left"]))
    def end_probe(self, how: str) -> None:
        self._end(self.probes.pop(), how)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), how=st.sampled_from(["answered", "succeeded", "failed", "left"]))
    def end(self, data: st.DataObject, how: str) -> None:
        index = data.draw(st.integers(0, len(self.under_way) - 1))
        self._end(self.under_way.pop(index), how)

    def _end(self, era: int, how: str) -> None:
        if how == "failed":
            self.breaker.failed(era, self.now, "upstream_broke")
        else:
            getattr(self.breaker, how)(era)
        if self.breaker.state is State.OPEN:
            self.probes.clear()

    @invariant()
    def it_is_never_shut_for_good(self) -> None:
        assert not self.breaker.is_shut(self.now + LONGEST_OPEN_S) or self.probes

    @invariant()
    def the_wait_is_bounded(self) -> None:
        assert 0 <= self.breaker.wait_s(self.now) <= LONGEST_OPEN_S


TestBreakerMachine = pytest.mark.req("B-38")(BreakerMachine.TestCase)


def _opened() -> Breaker:
    breaker = Breaker(RULE)
    _fail(breaker, 5)
    return breaker


def _fail(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        era = breaker.enter(0.0)
        assert era is not None
        breaker.failed(era, 0.0, "upstream_failed")


def _succeed(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        era = breaker.enter(0.0)
        assert era is not None
        breaker.answered(era)
        breaker.succeeded(era)


def _probe(breaker: Breaker) -> None:
    era = breaker.enter(60.0)
    assert era is not None
    breaker.answered(era)
