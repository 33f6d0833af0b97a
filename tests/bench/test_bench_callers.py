from __future__ import annotations

import pytest
from bench.callers import measured
from bench.targets import TARGETS


@pytest.mark.req("S-36")
def test_the_callers_give_every_figure_that_has_a_target() -> None:
    figures = measured(0.2)

    assert {"token_x_key", "certificate_x_key", "token_new_us"} <= set(figures)
    assert all(figure > 0 for figure in figures.values())
    assert {each.figure for each in TARGETS} >= {
        "token_x_key",
        "certificate_x_key",
        "token_new_us",
    }
