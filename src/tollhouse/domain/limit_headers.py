"""How the limits of a call stand, in the headers that clients read.

`RateLimit` and `RateLimit-Policy` as the IETF's draft has them name every rule; those of the vendor whose
dialect is spoken show of each kind the one that has least left.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum

from tollhouse.domain.limiting import Taking, Verdict
from tollhouse.domain.rates import MICROS_PER_SECOND, Counted

Header = tuple[bytes, bytes]

OF_REQUESTS = (Counted.REQUESTS,)
OF_TOKENS = (Counted.INPUT, Counted.OUTPUT)


class Style(Enum):
    """By the pattern of a header's name; each is told the kind and the member."""

    OPENAI = b"x-ratelimit-%(member)b-%(kind)b"
    ANTHROPIC = b"anthropic-ratelimit-%(kind)b-%(member)b"


class Standing:
    """How one rule stands."""

    __slots__ = ("amount", "counted", "is_timed", "left", "name", "reset_s", "window_s")

    def __init__(self, taking: Taking, level: int) -> None:
        rate = taking.rule.rate
        self.amount = rate.amount
        self.counted = rate.counted
        self.window_s = rate.period_s
        self.left = rate.left(level)
        self.name = f"{taking.rule.subject.partition(':')[0]}-{rate.measure}".encode()
        self.is_timed = rate.period_s > 0
        self.reset_s = -(-rate.wait_us(level) // MICROS_PER_SECOND)


def style_of(dialect: str) -> Style:
    return Style.ANTHROPIC if dialect.startswith("anthropic") else Style.OPENAI


def headers(
    taken: Sequence[Taking], verdict: Verdict, style: Style, now_s: float
) -> tuple[Header, ...]:
    standings = [Standing(each, level) for each, level in zip(taken, verdict.levels, strict=True)]
    policies = b", ".join([_policy(each) for each in standings])
    now = b", ".join([_now(each) for each in standings])
    said = [(b"ratelimit-policy", policies), (b"ratelimit", now)]
    kinds: tuple[tuple[bytes, Sequence[Counted]], ...] = (
        (b"requests", OF_REQUESTS),
        (b"tokens", OF_TOKENS),
    )
    if style is Style.ANTHROPIC:
        kinds = (
            *kinds,
            (b"input-tokens", (Counted.INPUT,)),
            (b"output-tokens", (Counted.OUTPUT,)),
        )
    for kind, counted in kinds:
        of_kind = [each for each in standings if each.counted in counted]
        if of_kind:
            said += _of_vendor(min(of_kind, key=_left), kind, style, now_s)
    return tuple(said)


def plain(taking: Taking, level: int) -> tuple[Header, ...]:
    """Of the rule that refused, for clients that know no vendor's: `reset` is in seconds."""
    it = Standing(taking, level)
    return (
        (b"x-ratelimit-limit", b"%d" % it.amount),
        (b"x-ratelimit-remaining", b"%d" % it.left),
        (b"x-ratelimit-reset", b"%d" % it.reset_s),
    )


def _left(standing: Standing) -> int:
    return standing.left


def _policy(standing: Standing) -> bytes:
    if not standing.is_timed:
        return b'"%b";q=%d;qu="concurrent-requests"' % (standing.name, standing.amount)
    return b'"%b";q=%d;w=%d' % (standing.name, standing.amount, standing.window_s)


def _now(standing: Standing) -> bytes:
    if not standing.is_timed:
        return b'"%b";r=%d' % (standing.name, standing.left)
    return b'"%b";r=%d;t=%d' % (standing.name, standing.left, standing.reset_s)


def _of_vendor(standing: Standing, kind: bytes, style: Style, now_s: float) -> list[Header]:
    if style is Style.ANTHROPIC:
        moment = datetime.fromtimestamp(int(now_s) + standing.reset_s, UTC)
        reset = moment.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    else:
        reset = _as_openai_writes(standing.reset_s)
    return [
        (style.value % {b"kind": kind, b"member": member}, told)
        for member, told in (
            (b"limit", b"%d" % standing.amount),
            (b"remaining", b"%d" % standing.left),
            (b"reset", reset),
        )
    ]


def _as_openai_writes(seconds: int) -> bytes:
    """`1s`, `6m0s`, `23h59m0s`."""
    minutes, s = divmod(seconds, 60)
    hours, m = divmod(minutes, 60)
    if hours:
        return b"%dh%dm%ds" % (hours, m, s)
    return b"%dm%ds" % (m, s) if m else b"%ds" % s
