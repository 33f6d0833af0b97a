"""What the pages say of the way out, and of what is measured, is so."""

from __future__ import annotations

import re
from ipaddress import ip_network
from pathlib import Path

import pytest

from tollhouse.domain import ranges
from tollhouse.domain.permits import Allowance, for_provider
from tollhouse.domain.urls import parse
from tollhouse.upstream.way import Way

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "explanation" / "way-out.md").read_text("utf-8")
TABLE = re.findall(
    r"^\| ((?:`[a-z0-9-]+`(?:, …)?(?:, )?)+) \| (.+) \| (yes|never) \|$", PAGE, re.MULTILINE
)
ROWS = [
    (re.findall(r"`([^`]+)`", rules), said, declared == "yes") for rules, said, declared in TABLE
]
RANGES = [*ranges.V4, *ranges.V6]


@pytest.mark.req("S-65", "S-66", "CN-3")
def test_every_rule_is_told_but_those_of_the_registries_that_are_told_together() -> None:
    together = {"segment-routing", "6to4-relay"}
    rules = {it.rule for it in RANGES} | {ranges.NOT_GLOBAL}
    rules |= {"own-listener", "public-without-tls", "unreadable"}

    assert {rule for named, *_ in ROWS for rule in named} == rules - together


@pytest.mark.req("S-65", "OL-8")
@pytest.mark.parametrize(("named", "said", "is_declarable"), ROWS)
def test_what_a_row_says_of_declaring_and_of_networks_is_so(
    named: list[str], said: str, is_declarable: bool
) -> None:
    of_rule = [it for it in RANGES if it.rule in named]

    assert {it.is_declarable for it in of_rule} <= {is_declarable}
    for network in re.findall(r"[0-9a-f:.]*[0-9a-f]*(?:::|\.)[0-9a-f.:]*/\d+", said):
        if named != [ranges.NOT_GLOBAL]:
            assert ip_network(network) in {it.network for it in of_rule}, network


@pytest.mark.req("S-65", "H-110")
def test_a_name_is_resolved_anew_after_as_long_as_the_page_says() -> None:
    url = parse("https://provider.example/")

    assert "is kept for 60 seconds from its making" in PAGE
    assert Way(url, for_provider(url)).lasts_s == 60


@pytest.mark.req("H-115")
def test_the_ports_that_callers_may_name_are_those_of_the_page() -> None:
    assert "ports 80, 443 and 8443" in PAGE
    assert Allowance().ports == {80, 443, 8443}


@pytest.mark.req("OL-16")
def test_every_metric_that_a_page_names_exists() -> None:
    known = set(
        re.findall(r"^\| `(\w+)`", (DOCS / "reference/metrics.md").read_text("utf-8"), re.MULTILINE)
    )
    pages = [*(DOCS / "how-to").glob("*.md"), *(DOCS / "explanation").glob("*.md")]
    named = {
        name
        for page in pages
        for name in re.findall(r"\btollhouse_[a-z_]+", page.read_text("utf-8"))
    }

    assert {name.removesuffix("_bucket") for name in named} - known == set()
