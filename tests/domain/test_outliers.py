from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.breaker import WINDOW
from tollhouse.domain.outliers import FEW, stands_out

FAILURES = st.lists(st.integers(0, WINDOW), min_size=1, max_size=6)


@pytest.mark.req("P-33")
@given(FAILURES)
def test_never_all_targets_stand_out(failures: list[int]) -> None:
    outliers = [stands_out(each, failures) for each in failures]

    assert not all(outliers)


@pytest.mark.req("P-33")
@pytest.mark.parametrize(
    ("failures", "of_all", "is_outlier"),
    [
        (FEW, [FEW, 0], True),
        (FEW - 1, [FEW - 1, 0], False),
        (FEW, [FEW, 2], False),
        (6, [2, 6], True),
        (9, [9, 0], True),
        (WINDOW, [WINDOW], False),
    ],
)
def test_a_target_is_compared_with_the_best_of_all(
    failures: int, of_all: list[int], is_outlier: bool
) -> None:
    assert stands_out(failures, of_all) is is_outlier
