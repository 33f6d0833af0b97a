"""Problems of a configuration as a terminal shows them: short, plain, and without anything secret."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tollhouse.config.problems import MOST_SHOWN, ConfigInvalid, Problem, Unfit, dotted, shown

pytestmark = pytest.mark.req("P-35")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (7, "the number 7"),
        ("a b", '"a b"'),
        ("a" * MOST_SHOWN, '"' + "a" * MOST_SHOWN + '"'),
        ("a b" * MOST_SHOWN, '"' + ("a b" * MOST_SHOWN)[:MOST_SHOWN] + '…"'),
        ("a\x1b[31mb\n", '"a\\x1b[31mb\\n"'),
        ([1], "a list"),
        ({}, "a table"),
        (date(2026, 1, 1), "a date or time, written without quotes"),
        (None, "nothing"),
    ],
    ids=range(11),
)
def test_a_value_is_shown_so_that_no_terminal_is_led_astray(value: Any, text: str) -> None:
    assert shown(value) == text


def test_a_place_is_written_as_toml_has_it() -> None:
    assert dotted(("models", "gpt-4.1", "targets", 0)) == 'models."gpt-4.1".targets[0]'


def test_what_is_not_known_of_a_problem_has_no_line() -> None:
    bare, whole = Problem("a.b", "x", "y"), Problem("a.b", "x", "y", "z", 7)

    assert bare.render() == "  a.b\n    found     x\n    expected  y"
    assert whole.render() == "  a.b (line 7)\n    found     x\n    expected  y\n    hint      z"


def test_what_is_raised_says_what_it_is_about() -> None:
    assert Unfit("what was found").args == ("what was found",)
    assert ConfigInvalid([], "gate.toml").args == ([], "gate.toml")
    assert str(ConfigInvalid([Problem("a", "x", "y")] * 2)).startswith(
        "the configuration: 2 problems"
    )
