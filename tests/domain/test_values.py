from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from mypy import api

from tollhouse.domain.values import value

CHANGED = """
from tollhouse.domain.values import value

@value
class Toll:
    owed: int

Toll(3).owed = 0
"""


@value
class Toll:
    owed: int
    currency: str = "USD"


def test_values_are_equal_by_what_they_hold() -> None:
    assert Toll(3) == Toll(owed=3) != Toll(4)
    assert len({Toll(3), Toll(3), Toll(3, "EUR")}) == 2


def test_a_changed_value_is_another_one() -> None:
    toll = Toll(3)

    dearer = replace(toll, owed=4)

    assert (toll.owed, dearer.owed) == (3, 4)


def test_nothing_can_be_added_to_a_value() -> None:
    with pytest.raises(AttributeError):
        Toll(3).paid = True  # type: ignore[attr-defined] # that is the point


def test_the_type_checker_lets_nobody_change_a_value(tmp_path: Path) -> None:
    changing = tmp_path / "changing.py"
    changing.write_text(CHANGED)

    told, _, status = api.run([str(changing), "--cache-dir", str(tmp_path / "cache")])

    assert status == 1
    assert 'Property "owed" defined in "Toll" is read-only' in told
