"""Rules for Prometheus name metrics, labels and values that exist: a rule that never fires is no rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from scripts import reference

from tollhouse.domain.budget import Outcome
from tollhouse.domain.errors import REGISTRY
from tollhouse.domain.suspicion import SIGNS, Sign
from tollhouse.telemetry.metrics import STATUSES

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
ALERTS = (HOW_TO / "alerts.md").read_text("utf-8")
RULES = [
    rule
    for block in re.findall(r"```yaml\n(groups:.*?)```", ALERTS, re.DOTALL)
    for group in yaml.safe_load(block)["groups"]
    for rule in group["rules"]
]
QUERIES = [
    *(rule["expr"] for rule in RULES),
    *re.findall(r"```promql\n(.*?)```", (HOW_TO / "prometheus.md").read_text("utf-8"), re.DOTALL),
]
VALUES: dict[str, set[str]] = {
    "code": {"ok", *REGISTRY},
    "status": {str(status) for status in STATUSES | {each.status for each in REGISTRY.values()}},
    "outcome": {str(outcome) for outcome in Outcome},
    "sign": {str(sign) for sign in Sign},
    "route": {"chat", "models"},
}


@pytest.mark.req("OL-16")
@pytest.mark.parametrize("query", QUERIES)
def test_a_query_names_metrics_and_labels_that_exist(query: str) -> None:
    labels = _labels_by_sample()

    for metric, matchers in re.findall(r"\b((?:tollhouse|process)_\w+)(?:\{([^}]*)\})?", query):
        assert metric in labels
        for label, value in _matched(matchers):
            assert label in labels[metric]
            assert all(_is_possible(label, choice) for choice in value.split("|")), value
    for by in re.findall(r"\bby \(([^)]*)\)", query):
        assert any(set(by.split(", ")) - {"le"} <= known for known in labels.values())


@pytest.mark.parametrize("query", QUERIES)
def test_every_counter_is_asked_for_its_rate(query: str) -> None:
    for counter in re.findall(r"(\S*)\b\w+_total\b", query):
        assert counter.endswith(("rate(", "increase("))


def test_rules_have_names_of_their_own() -> None:
    names = [rule["alert"] for rule in RULES]

    assert len(names) == len(set(names)) > 5
    assert all(re.fullmatch(r"Tollhouse[A-Z]\w+", name) for name in names)


@pytest.mark.req("OL-16")
def test_every_sign_is_explained_and_some_rule_wakes_for_it() -> None:
    explained = set(re.findall(r"^\| `(\w+)` \| ", ALERTS, re.MULTILINE))
    waking = {
        choice
        for query in QUERIES
        for matched in re.findall(r'sign=~?"([^"]*)"', query)
        for choice in matched.split("|")
    }

    assert explained == waking == VALUES["sign"]


@pytest.mark.req("OL-16")
def test_every_code_that_is_a_sign_is_registered() -> None:
    assert set(SIGNS) <= set(REGISTRY)


def _labels_by_sample() -> dict[str, set[str]]:
    labels: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(reference._exposed().decode()):
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    return labels


def _matched(matchers: str) -> list[tuple[str, str]]:
    return re.findall(r'(\w+)=~?"([^"]*)"', matchers)


def _is_possible(label: str, choice: str) -> bool:
    return any(re.fullmatch(choice, value) for value in VALUES[label])
