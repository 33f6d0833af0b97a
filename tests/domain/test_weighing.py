"""Who is asked first when targets share the calls."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.test_public_names import ASK, CALLER, FIVE, NOW, SNAPSHOT
from tollhouse.domain.models import plan
from tollhouse.domain.snapshot import Names, Target
from tollhouse.domain.weighing import in_turn

weights = st.lists(st.integers(1, 50), min_size=1, max_size=6)


@pytest.mark.req("OT-53")
@given(weights)
def test_each_is_first_as_often_as_its_weight_says(shares: list[int]) -> None:
    names, total = [str(index) for index in range(len(shares))], sum(shares)

    firsts = Counter(in_turn(names, shares, (point + 0.5) / total)[0] for point in range(total))

    assert [firsts[name] for name in names] == shares


@given(weights, st.floats(0, 1), st.integers(0, 3))
def test_nobody_is_lost_and_the_others_stay_in_order(
    shares: list[int], seed: float, further: int
) -> None:
    names = list(range(len(shares) + further))

    first, *rest = in_turn(names, shares, seed)

    assert first < len(shares)
    assert rest == [name for name in names if name != first]


def test_who_has_no_share_is_never_fallen_on() -> None:
    assert in_turn(["a", "b"], [0, 1], 0.0)[0] == "b"


@pytest.mark.req("OT-53")
def test_a_plan_asks_whom_the_seed_falls_on_and_then_the_others() -> None:
    targets = tuple(Target(up, "openai", "five") for up in ("up", "down", "aside"))
    shared = replace(FIVE, targets=targets, weights=(3, 1))
    snapshot = replace(SNAPSHOT, names=Names({"gpt-5": shared}), requires_price=False)

    order = [
        [leg.target.provider for leg in plan(snapshot, CALLER, ASK, NOW, seed).legs]
        for seed in (0.0, 0.74, 0.76)
    ]

    assert order == [["up", "down", "aside"], ["up", "down", "aside"], ["down", "up", "aside"]]
