"""Which rules hold for whom, what is given back of a taking, and what a refusal says."""

from __future__ import annotations

import pytest

from limits_given import PLACES, REQUESTS, rule, taking
from tollhouse.domain import limit_headers
from tollhouse.domain.errors import ConcurrencyLimited, RateLimited, TokensLimited
from tollhouse.domain.limit_headers import Style
from tollhouse.domain.limiting import (
    MOST_NAMES,
    Defaults,
    Limits,
    Rules,
    Verdict,
    for_a_day,
    never_fits,
    refusal,
    unused,
    worst_wait,
)
from tollhouse.domain.rates import Measure

DAY = Measure.REQUESTS_PER_DAY
IN_MINUTE, IN_DAY = Measure.INPUT_TOKENS_PER_MINUTE, Measure.INPUT_TOKENS_PER_DAY
OUT_MINUTE, OUT_DAY = Measure.OUTPUT_TOKENS_PER_MINUTE, Measure.OUTPUT_TOKENS_PER_DAY

pytestmark = pytest.mark.req("P-31", "OP-21")


def test_the_burst_of_the_settings_is_of_a_key_s_requests_per_minute_alone() -> None:
    each = {"key": {REQUESTS: 10, DAY: 20}, "user": {REQUESTS: 30}}

    limits = Rules(Defaults(each, burst=3), {}).of_key("k", "u", "p", "t")

    assert limits is not None
    assert [(it.rate.measure, it.rate.burst) for it in limits.own] == [
        (REQUESTS, 3),
        (DAY, 20),
        (REQUESTS, 30),
    ]


def test_an_amount_that_the_store_says_has_no_burst_of_the_settings() -> None:
    defaults = Defaults({"key": {REQUESTS: 10}}, burst=3)

    limits = Rules(defaults, {"key:k": {REQUESTS: 9}}).of_key("k", "u", "p", "t")

    assert limits is not None
    assert [it.rate.burst for it in limits.own] == [9]


def test_who_is_not_limited_has_no_limits() -> None:
    rules = Rules(Defaults({"key": {REQUESTS: 0}}), {"user:other": {DAY: 1}})

    assert rules.of_key("k", "u", "p", "t") is None


def test_a_share_in_line_is_no_limit_and_is_known_all_the_same() -> None:
    rules = Rules(Defaults(), {"project:p": {Measure.QUEUE_WEIGHT: 5}})

    assert rules.of_key("k", "u", "p", "t") == Limits((), None, 5)


def test_where_no_route_is_limited_none_has_rules() -> None:
    assert Limits((rule(1),), None).of_route("chat") == ()


@pytest.mark.req("S-77")
def test_rules_of_any_number_of_names_are_remembered_up_to_a_bound() -> None:
    rules = Rules(Defaults({"model": {DAY: 1}}), {})

    first = rules.of("model", "first")
    rules.of("model", "second")
    again = rules.of("model", "first")
    for number in range(MOST_NAMES - 2):
        rules.of("model", str(number))
    full = len(rules._of)
    rules.of("model", "one too many")

    assert again is first
    assert (full, len(rules._of)) == (MOST_NAMES, 1)


@pytest.mark.req("OT-51")
def test_tokens_of_a_minute_say_nothing_of_a_day() -> None:
    measures = (REQUESTS, IN_MINUTE, OUT_MINUTE, IN_DAY, OUT_DAY, PLACES)

    kept = for_a_day([rule(5, each) for each in measures])

    assert [it.rate.measure for it in kept] == [REQUESTS, IN_DAY, OUT_DAY, PLACES]


def test_of_requests_nothing_is_given_back_and_of_tokens_what_was_not_used() -> None:
    taken = [taking(100, each, takes=9) for each in (REQUESTS, IN_DAY, OUT_DAY)]

    back = unused(taken, 2, 4)

    assert [(it.rule.rate.measure, it.amount) for it in back] == [(IN_DAY, 7), (OUT_DAY, 5)]


@pytest.mark.parametrize(
    ("measure", "tokens", "way_out"),
    [(IN_DAY, "9 input tokens", "Send less"), (OUT_DAY, "9 output tokens", "smaller `max_tokens`")],
)
def test_what_never_fits_is_told_with_the_way_out(
    measure: Measure, tokens: str, way_out: str
) -> None:
    told = never_fits(taking(5, measure, takes=9)).detail

    assert tokens in told
    assert way_out in told


@pytest.mark.parametrize(
    ("amount", "wait_s", "is_worth_it"), [(60, 1, True), (1, 60, True), (0, 60, False)]
)
def test_a_refusal_says_when_to_come_back_and_whether_that_is_soon(
    amount: int, wait_s: int, is_worth_it: bool
) -> None:
    taken = taking(amount) if amount else taking(1, DAY)

    problem = refusal((taken,), Verdict([taken.rule.rate.whole], 0))

    assert isinstance(problem, RateLimited)
    assert (problem.retry_after_s, problem.is_worth_a_retry) == (wait_s, is_worth_it)


@pytest.mark.parametrize(
    ("measure", "kind"), [(PLACES, ConcurrencyLimited), (IN_MINUTE, TokensLimited)]
)
def test_a_refusal_is_of_the_kind_of_its_rule(measure: Measure, kind: type[Exception]) -> None:
    taken = taking(1, measure)

    assert isinstance(refusal((taken,), Verdict([taken.rule.rate.whole], 0)), kind)


def test_of_what_was_not_refused_there_is_no_refusal() -> None:
    with pytest.raises(ValueError, match="nothing was refused"):
        refusal((taking(1),), Verdict([0]))


def test_the_rule_that_takes_longest_to_have_room_is_named_and_of_two_alike_the_first() -> None:
    place, soon, late = taking(1, PLACES), taking(600), taking(1, DAY)

    def refused(*takings_and_levels: tuple[object, int]) -> int | None:
        taken = [each for each, _ in takings_and_levels]
        return worst_wait(taken, [level for _, level in takings_and_levels])  # type: ignore[arg-type]

    whole = soon.rule.rate.whole
    assert refused((place, 0), (soon, whole)) == 1
    assert refused((soon, whole), (late, late.rule.rate.whole)) == 1
    assert refused((soon, whole), (soon, whole)) == 0
    assert refused((place, 0), (soon, 0)) is None


@pytest.mark.parametrize(("measure", "told"), [(DAY, b"24h0m0s"), (REQUESTS, b"1m0s")])
def test_openai_s_clients_are_told_in_their_way_when_all_is_there_again(
    measure: Measure, told: bytes
) -> None:
    taken = taking(1, measure)

    said = dict(limit_headers.headers((taken,), Verdict([taken.rule.rate.whole]), Style.OPENAI, 0))

    assert said[b"x-ratelimit-reset-requests"] == told


def test_openai_s_clients_are_told_of_tokens_as_one() -> None:
    taken = (taking(5, IN_DAY), taking(5, OUT_DAY))

    said = limit_headers.headers(taken, Verdict([0, 0]), Style.OPENAI, 0)

    assert [name for name, _ in said if name.startswith(b"x-")] == [
        b"x-ratelimit-limit-tokens",
        b"x-ratelimit-remaining-tokens",
        b"x-ratelimit-reset-tokens",
    ]
