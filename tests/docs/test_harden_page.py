"""The checklists of the guide are those of the doctor: line by line, check by check."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tollhouse.control.doctor import CHECKS
from tollhouse.control.doctor.checklists import CHECKLISTS, GUIDE, ITEMS, YOURS, Item

PAGE = (Path(__file__).parents[2] / GUIDE).read_text("utf-8")


@pytest.mark.req("OP-60", "OL-23", "OC-73")
@pytest.mark.parametrize("title", CHECKLISTS)
def test_a_checklist_of_the_page_is_that_of_the_doctor(title: str) -> None:
    section = PAGE.split(f"\n### {title}\n")[1].split("\n#")[0]

    listed = re.findall(r"^\| .* \| .* \| .* \|$", section, re.MULTILINE)[1:]

    assert listed == [row(item) for item in CHECKLISTS[title]]


@pytest.mark.parametrize("item", YOURS, ids=lambda item: item.id)
def test_what_is_yours_has_a_paragraph_that_says_what_to_confirm(item: Item) -> None:
    titles = re.findall(r"^### (.+)$", PAGE, re.MULTILINE)

    assert item.yours in {title.lower().replace(" ", "-") for title in titles}


@pytest.mark.req("OC-73")
def test_every_letter_of_stride_stands_in_the_threats() -> None:
    threats = (Path(__file__).parents[2] / "docs/explanation/threats.md").read_text("utf-8")
    rows = re.findall(r"^\| \*\*([A-Z])\*\*[a-z ]+ \|.* \| ([^|]+) \|$", threats, re.MULTILINE)
    named = {name for _, answers in rows for name in re.findall(r"`([a-z-]+)`", answers)}

    assert "".join(letter for letter, _ in rows) == "STRIDE"
    assert named == {check.id for check in CHECKS} - {"no-models", "schema-behind"}


def row(item: Item) -> str:
    looked_at = [f"`{check.id}`" for check in CHECKS if item.id in check.answers]
    yours = [f"[yours](#{item.yours})"] if item.yours else []
    return f"| {item.says} | {', '.join(item.asked_by)} | {', '.join(looked_at + yours)} |"


def test_every_line_is_asked_by_one_of_the_three_houses() -> None:
    asked = {seed for item in ITEMS.values() for seed in item.asked_by}

    assert asked == {"OP-60", "OL-23", "OC-73"}
