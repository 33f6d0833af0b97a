"""The short run: every input that is kept, and some seconds of others. `make fuzz` is the long one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from fuzz.inputs import inputs
from fuzz.targets import CORPUS, TARGETS, corpus


@pytest.mark.req("S-144", "B-8", "S-11", "S-71")
@pytest.mark.parametrize("name", TARGETS)
def test_every_kept_input_holds(name: str) -> None:
    for data in corpus(name):
        TARGETS[name].run(data)


@pytest.mark.slow
@pytest.mark.req("S-144", "B-8", "S-11", "S-71")
@pytest.mark.parametrize("name", TARGETS)
def test_other_inputs_hold_too(name: str) -> None:
    @given(inputs(name))
    @settings(
        max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    def holds(data: bytes) -> None:
        TARGETS[name].run(data)

    holds()


@pytest.mark.req("S-144")
def test_each_kept_input_belongs_to_a_target() -> None:
    assert len(TARGETS) >= 8
    assert {path.name for path in CORPUS.iterdir()} <= TARGETS.keys()


def test_the_page_names_every_target() -> None:
    page = (Path(__file__).parents[2] / "docs/how-to/fuzz.md").read_text("utf-8")

    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == list(TARGETS)
