from __future__ import annotations

from tollhouse.domain.unsaid import LONGEST_NAME, MOST_NAMES, tidy


def test_each_is_named_once_and_in_order() -> None:
    assert tidy(["b", "a", "b"]) == ("b", "a")


def test_what_a_caller_named_fits_a_header() -> None:
    assert tidy(["x\r\nset-cookie: a", "é", "y" * 99]) == (
        "x_set-cookie_a",
        "_",
        "y" * LONGEST_NAME,
    )


def test_too_many_are_cut() -> None:
    names = [str(number) for number in range(MOST_NAMES + 1)]

    assert tidy(names) == (*names[:MOST_NAMES], "...")
