"""A small run of `make torture`: gateways are killed, callers and the provider hang up, the database restarts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from torture.meter import cost
from torture.reckoning import Entry, Reckoning, reckon
from torture.run import Wish, torture
from torture.storm import Storm

SMALL = Wish(calls=240, processes=2, at_once=24, kills=2)
DONE = Entry("a", "settled", "completed", "provider", cost(3), 1_000_000, 11, 3)
CUT = Entry("b", "settled", "cut_by_client", "counted", cost(9), 1_000_000, 11, 9)


@pytest.mark.slow
@pytest.mark.req("H-147", "P-3", "P-4", "P-11", "P-36", "B-5", "B-6", "S-87", "S-92")
@pytest.mark.parametrize("restarts", [0, 1], ids=["sqlite", "postgres"])
async def test_whatever_happens_the_books_agree_with_the_invoice(
    tmp_path: Path, restarts: int
) -> None:
    told: list[str] = []
    wish = replace(SMALL, restarts=restarts, kills=SMALL.kills - restarts)

    found = await torture(wish, tmp_path, lambda progress: told.append(progress.line()))

    assert found.faults == []
    assert found.calls == wish.calls
    assert found.outcomes["completed"] > 0
    assert f"{wish.kills} kills, {restarts} restarts" in told[-1]


def test_books_that_agree_have_no_faults_and_a_cut_is_explained() -> None:
    found = _reckoned([DONE, CUT], {"a": 3, "b": 4})

    assert found.faults == []
    assert found.differences == {"b": cost(9) - cost(4)}


@pytest.mark.parametrize(
    ("entries", "tokens", "fault"),
    [
        ([DONE], {"a": 3, "b": 4}, "lost: b"),
        ([DONE], {"a": 2}, "unexplained: Entry(name='a'"),
        ([replace(DONE, owed=cost(3) + 1)], {"a": 3}, "unexplained: Entry(name='a'"),
        ([replace(CUT, owed=cost(9) - 1)], {"b": 4}, "unexplained: Entry(name='b'"),
        ([replace(DONE, state="held", owed=None)], {"a": None}, "stuck: a"),
        ([replace(CUT, held=1)], {"b": 4}, "unexplained: Entry(name='b'"),
    ],
)
def test_what_does_not_agree_is_a_fault(
    entries: Sequence[Entry], tokens: dict[str, int | None], fault: str
) -> None:
    assert _reckoned(entries, tokens).faults[0].startswith(fault)


def test_more_than_the_limit_is_a_fault() -> None:
    assert _reckoned([DONE], {"a": 3}, limit=cost(3) - 1).faults == [
        f"overspent: {cost(3)} of {cost(3) - 1}"
    ]


def _reckoned(
    entries: Sequence[Entry], tokens: dict[str, int | None], limit: int = 10**9
) -> Reckoning:
    spent = sum(each.owed or 0 for each in entries)
    storm = Storm((), 0, random.Random(1))
    return reckon({each.name: each for each in entries}, tokens, storm, spent=spent, limit=limit)
