"""The pages lead somewhere, and name what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
OUTSIDE = ("http://", "https://", "mailto:")
LONGEST_README = 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text("utf-8")))

    dead = [target for target in targets if not leads_somewhere(page, target)]

    assert dead == []


def test_the_readme_is_short() -> None:
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()

    assert len(lines) < LONGEST_README


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))

    named = set(re.findall(r"(?:`|\$ |^)make ([a-z-]+)", page.read_text("utf-8"), re.MULTILINE))

    assert named <= targets


def test_every_page_is_linked_from_another() -> None:
    linked = {
        (page.parent / target.partition("#")[0]).resolve()
        for page in PAGES
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8"))
    }

    assert [page for page in PAGES if page not in linked and page.name != "README.md"] == []


def test_the_map_leads_to_every_page() -> None:
    docs = ROOT / "docs"
    shown = (docs / "README.md").read_text("utf-8")

    pages = [page.relative_to(docs) for page in docs.rglob("*.md") if page.parent != docs]
    missing = [page for page in pages if f"({page.as_posix()})" not in shown]

    assert [page for page in missing if page.parts[0] != "decisions"] == []


def leads_somewhere(page: Path, target: str) -> bool:
    if target.startswith(OUTSIDE):
        return True
    path, _, anchor = target.partition("#")
    found = (page.parent / path).resolve() if path else page
    return found.exists() and (not anchor or anchor in anchors(found))


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", prose(page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def prose(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
