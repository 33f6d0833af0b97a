from __future__ import annotations

import re
from pathlib import Path

import pytest
from console import Console

from tollhouse.cli.anomalies import MEANINGS

pytestmark = pytest.mark.req("B-16")
SOURCES = Path(__file__).parents[2] / "src" / "tollhouse"
MARK = re.compile(
    r"anomaly = (?:anomaly or )?[\"'](\w+)[\"']|anomaly=[\"'](\w+)[\"']|return \"(\w+_(?:bound|low))\""
)


def test_a_house_without_oddities_says_so(console: Console) -> None:
    assert "nothing is odd" in console.run("usage", "anomalies", "--since", "7d").err
    assert console.json("usage", "anomalies") == []


def test_every_mark_that_is_made_has_its_meaning() -> None:
    made = {
        name
        for file in SOURCES.rglob("*.py")
        for found in MARK.findall(file.read_text())
        for name in found
        if name
    }

    assert {"over_bound", "input_too_low", "no_usage", "batch_lost", "owner_lost"} <= made
    assert made <= MEANINGS.keys()
