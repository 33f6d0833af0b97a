"""Which limits hold for a call, what it takes from them, and what is said when one refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tollhouse.domain.errors import (
    CallOverLimit,
    ConcurrencyLimited,
    Problem,
    RateLimited,
    TokensLimited,
)
from tollhouse.domain.limits import LONGEST_RETRY_S
from tollhouse.domain.rates import COUNTED, DAY_S, MICROS_PER_SECOND, Counted, Measure, Rate, Rule
from tollhouse.domain.values import value

KINDS = ("key", "user", "project", "tenant", "model", "route")

Amounts = Mapping[Measure, int]
"""0 sets no limit."""

MOST_NAMES = 4096
"""Whose rules are remembered: under a wildcard there may be any number of models."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds for one key's calls. Where nothing does there are none: None."""

    own: tuple[Rule, ...]
    """Of the key, its user, its project and its tenant."""

    rules: Rules | None
    """Where those of models and routes are found, if there are any."""

    weight: int = 1
    """Of the project, in line for a target that is full."""

    def of(self, model: str, route: str) -> tuple[Rule, ...]:
        if self.rules is None:
            return self.own
        return (*self.own, *self.rules.of("model", model), *self.rules.of("route", route))

    def of_route(self, route: str) -> tuple[Rule, ...]:
        return self.rules.of("route", route) if self.rules else ()


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the settings say for each of a kind, where the store says nothing of one."""

    each: Mapping[str, Amounts] = field(default_factory=dict)
    burst: int = 0
    """Of a key's requests per minute."""


class Rules:
    """The rules of each subject, made of what the settings and the store say; each rate is made once."""

    def __init__(self, defaults: Defaults, said: Mapping[str, Amounts]) -> None:
        """`said` is what the store says, by subject."""
        self._defaults = defaults
        self._said = said
        self._rates: dict[tuple[Measure, int, int], Rate] = {}
        self._of: dict[str, tuple[Rule, ...]] = {}
        kinds = {*defaults.each, *(subject.partition(":")[0] for subject in said)}
        self._of_calls = self if kinds & {"model", "route"} else None

    def of_key(self, key: str, user: str, project: str, tenant: str) -> Limits | None:
        own = (
            *self._made("key", key),
            *self.of("user", user),
            *self.of("project", project),
            *self.of("tenant", tenant),
        )
        weight = self._said.get(f"project:{project}", {}).get(Measure.QUEUE_WEIGHT, 1)
        if not own and self._of_calls is None and weight == 1:
            return None
        return Limits(own, self._of_calls, weight)

    def of(self, kind: str, name: str) -> tuple[Rule, ...]:
        subject = f"{kind}:{name}"
        rules = self._of.get(subject)
        if rules is None:
            if len(self._of) >= MOST_NAMES:
                self._of.clear()
            rules = self._of[subject] = self._made(kind, name)
        return rules

    def _made(self, kind: str, name: str) -> tuple[Rule, ...]:
        subject = f"{kind}:{name}"
        amounts, said = self._defaults.each.get(kind, {}), self._said.get(subject, {})
        return tuple(
            [
                Rule(subject, self._rate(measure, amount, self._burst(kind, measure, said)))
                for measure, amount in {**amounts, **said}.items()
                if amount and measure in COUNTED
            ]
        )

    def _burst(self, kind: str, measure: Measure, said: Amounts) -> int:
        """That of the settings goes with the amount of the settings."""
        is_of_settings = kind == "key" and measure not in said
        return (
            self._defaults.burst if is_of_settings and measure is Measure.REQUESTS_PER_MINUTE else 0
        )

    def _rate(self, measure: Measure, amount: int, burst: int) -> Rate:
        named = (measure, amount, burst)
        rate = self._rates.get(named)
        if rate is None:
            rate = self._rates[named] = Rate(measure, amount, burst)
        return rate


@value
class Taking:
    """So much, under one rule."""

    rule: Rule
    amount: int


@value
class Verdict:
    """How the buckets stand after a call, in the order of its takings; and which of them refused it."""

    levels: Sequence[int]
    refused_by: int | None = None


def takings(rules: Sequence[Rule], tokens_in: int, tokens_out: int) -> tuple[Taking, ...]:
    """What a call takes at most. Raises CallOverLimit where that never fits."""
    amounts = (1, tokens_in, tokens_out, 1)
    taken = [Taking(rule, amount) for rule in rules if (amount := amounts[rule.rate.counted])]
    for each in taken:
        if each.amount > each.rule.rate.burst:
            raise never_fits(each)
    return tuple(taken)


def requests_only(rules: Sequence[Rule]) -> tuple[Taking, ...]:
    """What a request takes in which no model is asked."""
    return tuple([Taking(rule, 1) for rule in rules if rule.rate.counted is Counted.REQUESTS])


def for_a_day(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Those that hold for what is spread over a day: tokens of a minute say nothing about it."""
    return tuple([it for it in rules if not _is_tokens(it) or it.rate.period_s == DAY_S])


def unused(
    taken: Sequence[Taking], used_in: int | None, used_out: int | None
) -> tuple[Taking, ...]:
    """What is given back when a call is over: its place, and the tokens it did not come to.

    Without a figure, what it came to is not known, and nothing is given back of it.
    """
    back = []
    for each in taken:
        counted, amount = each.rule.rate.counted, 0
        if counted is Counted.PLACES:
            amount = 1
        elif counted is Counted.INPUT and used_in is not None:
            amount = each.amount - used_in
        elif counted is Counted.OUTPUT and used_out is not None:
            amount = each.amount - used_out
        if amount > 0:
            back.append(Taking(each.rule, amount))
    return tuple(back)


def never_fits(taking: Taking) -> CallOverLimit:
    rule = taking.rule
    tokens = "input" if rule.rate.counted is Counted.INPUT else "output"
    way_out = "Send less" if tokens == "input" else "Ask for a smaller `max_tokens`"
    return CallOverLimit(
        f"This call may come to {taking.amount} {tokens} tokens, and {rule}: it never fits. {way_out}, "
        f"or have the limit raised."
    )


def refusal(taken: Sequence[Taking], verdict: Verdict) -> Problem:
    """In the words of the rule that refused."""
    if verdict.refused_by is None:
        raise ValueError("nothing was refused")
    each = taken[verdict.refused_by]
    rule, rate = each.rule, each.rule.rate
    wait_us = rate.wait_us(rate.lacks(verdict.levels[verdict.refused_by], each.amount))
    wait_s = -(-wait_us // MICROS_PER_SECOND)
    retry_after_s = min(wait_s, LONGEST_RETRY_S)
    if rate.counted is Counted.PLACES:
        return ConcurrencyLimited(
            f"Too many calls at once: {rule}. Try again when one of them is over.",
            retry_after_s=retry_after_s,
        )
    again = f"Try again in {wait_s} s."
    if rate.counted is Counted.REQUESTS:
        problem: Problem = RateLimited(
            f"Too many requests: {rule}. {again}", retry_after_s=retry_after_s
        )
    else:
        problem = TokensLimited(
            f"Too many tokens: {rule}, and this call may come to {each.amount}. {again}",
            retry_after_s=retry_after_s,
        )
    problem.is_worth_a_retry = wait_s <= LONGEST_RETRY_S
    return problem


def worst_wait(taken: Sequence[Taking], levels: Sequence[int]) -> int | None:
    """Which of them has to wait longest; None if all fit."""
    refused_by, longest_us = None, 0
    for number, (each, level) in enumerate(zip(taken, levels, strict=True)):
        rate = each.rule.rate
        lacks = rate.lacks(level, each.amount)
        if lacks > 0 and (wait_us := rate.wait_us(lacks)) > longest_us:
            refused_by, longest_us = number, wait_us
    return refused_by


def _is_tokens(rule: Rule) -> bool:
    return rule.rate.counted in (Counted.INPUT, Counted.OUTPUT)
