"""What SECURITY.md promises is proved where it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text("utf-8")
PROMISES = re.findall(
    r"^\| (?P<says>[^|]+) \| (?P<numbers>[A-Z]+-\d+(?:, [A-Z]+-\d+)*) \| \[[^]]+\]\((?P<file>tests/[^)]+)\) \|$",
    PAGE,
    re.MULTILINE,
)


@pytest.mark.parametrize(("says", "numbers", "file"), PROMISES)
def test_a_promise_is_marked_in_the_test_that_proves_it(says: str, numbers: str, file: str) -> None:
    proved = marked((ROOT / file).read_text("utf-8"))

    assert set(numbers.split(", ")) <= proved, says


def test_every_row_of_the_table_is_a_promise_that_was_looked_at() -> None:
    rows = [line for line in PAGE.splitlines() if "](tests/" in line]

    assert len(rows) == len(PROMISES) > 0


def marked(source: str) -> set[str]:
    marks = re.findall(r"mark\.req\(([^)]*)\)", source)
    return {number for mark in marks for number in re.findall(r'"([^"]+)"', mark)}
