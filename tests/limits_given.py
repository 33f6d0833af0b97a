"""Rules and takings for tests."""

from __future__ import annotations

from hypothesis import strategies as st

from tollhouse.domain.limiting import Taking
from tollhouse.domain.rates import COUNTED, Measure, Rate, Rule

SECOND = 1_000_000

REQUESTS = Measure.REQUESTS_PER_MINUTE
PLACES = Measure.CONCURRENT


def rule(
    amount: int, measure: Measure = REQUESTS, *, subject: str = "key:k", burst: int = 0
) -> Rule:
    return Rule(subject, Rate(measure, amount, burst))


def taking(
    amount: int, measure: Measure = REQUESTS, *, subject: str = "key:k", takes: int = 1
) -> Taking:
    return Taking(rule(amount, measure, subject=subject), takes)


RULES = st.builds(
    rule,
    st.one_of(st.integers(1, 12), st.sampled_from((999_983, 10**6, 9_999_999_967))),
    st.sampled_from(list(COUNTED)),
    subject=st.sampled_from(("key:k", "tenant:t")),
)


@st.composite
def takings(draw: st.DrawFn) -> tuple[Taking, ...]:
    """Under one to four rules, each bucket once, and none more than fits."""
    rules = draw(st.lists(RULES, min_size=1, max_size=4, unique_by=lambda it: it.bucket))
    return tuple(Taking(it, _share(it, draw(st.floats(0, 1)))) for it in rules)


def _share(of: Rule, share: float) -> int:
    if of.rate.measure is PLACES:
        return 1
    return max(1, int(of.rate.burst * share))
