"""What is counted, under which names, and that callers cannot multiply the series."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.parser import text_string_to_metric_families

from tollhouse.domain.breaker import State
from tollhouse.domain.budget import Outcome
from tollhouse.domain.identity import Priority
from tollhouse.domain.pricing import Usage
from tollhouse.domain.suspicion import Sign
from tollhouse.telemetry.metrics import DURATION_BUCKETS_S, Metrics, fresh_directory

ROUTES = ("chat", "models")
MODELS = ("small", "large")
PROVIDERS = ("local",)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(routes=ROUTES, models=MODELS, providers=PROVIDERS, targets=["local:small"])


@pytest.mark.req("S-107")
def test_names_and_labels_are_a_contract(metrics: Metrics) -> None:
    _do_everything(metrics)

    assert _labels_by_name(metrics) == {
        "tollhouse_requests_total": {"route", "status", "code"},
        "tollhouse_request_duration_seconds": {"route"},
        "tollhouse_first_byte_seconds": {"route"},
        "tollhouse_in_flight": set(),
        "tollhouse_tokens_total": {"model", "kind"},
        "tollhouse_owed_nanodollars_total": {"model"},
        "tollhouse_upstream_attempts_total": {"provider", "outcome"},
        "tollhouse_audit_failures_total": set(),
        "tollhouse_open_holds": set(),
        "tollhouse_snapshot_age_seconds": set(),
        "tollhouse_unauthenticated_total": {"code"},
        "tollhouse_breaker_state": {"target"},
        "tollhouse_target_calls": {"target", "place"},
        "tollhouse_limiter_away": set(),
        "tollhouse_unusable_files": set(),
        "tollhouse_limiter_missed_total": set(),
        "tollhouse_target_wait_seconds": {"target"},
        "tollhouse_shed_total": {"priority"},
        "tollhouse_loop_lag_seconds": set(),
        "tollhouse_breaker_turns_total": {"target", "state"},
        "tollhouse_budget_alerts_total": set(),
        "tollhouse_suspicions_total": {"sign"},
        "process_cpu_seconds_total": set(),
        "process_resident_memory_bytes": set(),
    }


def test_a_request_is_in_flight_until_it_ends(metrics: Metrics) -> None:
    metrics.request_began()
    metrics.request_began()
    metrics.request_ended("chat", 200, "ok", 1.5, 0.2)

    samples = _samples(metrics)

    assert samples["tollhouse_in_flight", ()] == 1
    assert (
        samples["tollhouse_requests_total", (("code", "ok"), ("route", "chat"), ("status", "200"))]
        == 1
    )
    assert samples["tollhouse_request_duration_seconds_sum", (("route", "chat"),)] == 1.5
    assert samples["tollhouse_first_byte_seconds_sum", (("route", "chat"),)] == 0.2


def test_a_caller_who_left_before_the_first_byte_is_no_fast_first_byte(metrics: Metrics) -> None:
    metrics.request_began()
    metrics.request_ended("chat", 499, "ok", 1.5, None)

    assert ("tollhouse_first_byte_seconds_count", (("route", "chat"),)) not in _samples(metrics)


def test_tokens_and_money_are_counted_by_model(metrics: Metrics) -> None:
    metrics.settled("small", Usage(input=10, output=20, cache_read=30, cache_write=40), 1_234)
    metrics.settled("small", Usage(input=1, output=2), 6)

    samples = _samples(metrics)

    counted = {
        kind: samples["tollhouse_tokens_total", (("kind", kind), ("model", "small"))]
        for kind in KINDS
    }
    assert counted == {"input": 11, "output": 22, "cache_read": 30, "cache_write": 40}
    assert samples["tollhouse_owed_nanodollars_total", (("model", "small"),)] == 1_240


def test_who_reads_twice_reads_the_same(metrics: Metrics) -> None:
    _do_everything(metrics)
    metrics.expose()

    again = _samples(metrics)

    assert again["tollhouse_owed_nanodollars_total", (("model", "small"),)] == 3
    assert again["tollhouse_request_duration_seconds_count", (("route", "chat"),)] == 1
    assert again["tollhouse_request_duration_seconds_sum", (("route", "chat"),)] == 1.0


@given(st.lists(st.one_of(st.sampled_from(DURATION_BUCKETS_S), st.floats(0, 400)), max_size=30))
def test_durations_fall_into_the_buckets_that_the_library_would_choose(took_s: list[float]) -> None:
    metrics = Metrics(routes=ROUTES, models=MODELS, providers=PROVIDERS)
    registry = CollectorRegistry()
    plain = Histogram("plain", "As it comes.", buckets=DURATION_BUCKETS_S, registry=registry)
    for each in took_s:
        metrics.request_ended("chat", 200, "ok", each, None)
        plain.observe(each)

    samples = _samples(metrics)

    for bound in (*DURATION_BUCKETS_S, float("inf")):
        le = "+Inf" if bound == float("inf") else str(float(bound))
        labels = (("le", le), ("route", "chat"))
        counted = samples.get(("tollhouse_request_duration_seconds_bucket", labels), 0)
        assert counted == registry.get_sample_value("plain_bucket", {"le": le})


@pytest.mark.req("B-39", "S-59")
def test_hostile_paths_models_and_codes_make_one_series_each(metrics: Metrics) -> None:
    for number in range(1_000):
        hostile = f'thk_canary-{number}\n"}}'
        metrics.request_began()
        metrics.request_ended(hostile, 1_000 + number, hostile, 0.1, 0.1)
        metrics.settled(hostile, Usage(1, 1), 1)
        metrics.attempted(hostile, Outcome.COMPLETED)
        metrics.breaker_turned(hostile, State.OPEN)
        metrics.unauthenticated(hostile)

    exposed = metrics.expose().decode()

    assert "canary" not in exposed
    assert len(exposed.splitlines()) < 110
    assert 'tollhouse_owed_nanodollars_total{model="other"} 1000.0' in exposed
    assert len(metrics._requests) == len(metrics._spending) == 1


@pytest.mark.req("S-117")
def test_nothing_else_about_the_process_is_told(metrics: Metrics) -> None:
    exposed = metrics.expose().decode()

    assert "python_info" not in exposed
    assert "process_open_fds" not in exposed
    assert "_created" not in exposed


@pytest.mark.req("OL-15", "B-38")
def test_how_a_breaker_stands_can_be_seen(metrics: Metrics) -> None:
    metrics.breaker_turned("local:small", State.OPEN)
    metrics.breaker_turned("local:small", State.HALF_OPEN)

    samples = _samples(metrics)

    target = ("target", "local:small")
    assert samples["tollhouse_breaker_state", (target,)] == 1
    assert samples["tollhouse_breaker_turns_total", (("state", "open"), target)] == 1


def test_gauges_take_the_last_value(metrics: Metrics) -> None:
    metrics.set_open_holds(7)
    metrics.set_snapshot_age(0.5)
    metrics.set_open_holds(3)

    samples = _samples(metrics)

    assert samples["tollhouse_open_holds", ()] == 3
    assert samples["tollhouse_snapshot_age_seconds", ()] == 0.5


def test_several_workers_expose_their_sum(tmp_path: Path) -> None:
    directory = tmp_path / "metrics"
    fresh_directory(directory)

    first = _worker(directory)
    second = _worker(directory)

    assert 'tollhouse_owed_nanodollars_total{model="small"} 5.0' in first
    assert 'tollhouse_owed_nanodollars_total{model="small"} 10.0' in second
    assert "tollhouse_in_flight 1.0" in second  # that of the first went with it


def test_counts_of_an_earlier_run_are_not_counted_again(tmp_path: Path) -> None:
    fresh_directory(tmp_path)
    _worker(tmp_path)

    fresh_directory(tmp_path)

    assert 'tollhouse_owed_nanodollars_total{model="small"} 5.0' in _worker(tmp_path)


KINDS = ("input", "output", "cache_read", "cache_write")

WORKER = """
import os, sys
from pathlib import Path
from tollhouse.domain.pricing import Usage
from tollhouse.telemetry.metrics import Metrics

metrics = Metrics(routes=["chat"], models=["small"], providers=[], directory=Path(sys.argv[1]))
metrics.request_began()
metrics.settled("small", Usage(1, 2), 5)
print(metrics.expose().decode())
metrics.worker_gone(os.getpid())
"""


def _worker(directory: Path) -> str:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", WORKER, directory],
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    ).stdout


def _do_everything(metrics: Metrics) -> None:
    metrics.request_began()
    metrics.request_ended("chat", 200, "ok", 1.0, 0.5)
    metrics.settled("small", Usage(1, 2), 3)
    metrics.attempted("local", Outcome.COMPLETED)
    metrics.breaker_turned("local:small", State.OPEN)
    metrics.set_target_calls("local:small", 1, 0)
    metrics.shed(Priority.LOW)
    metrics.unauthenticated("key_missing")
    metrics.suspected(Sign.GUESSING)
    metrics.audit_failed()
    metrics.set_open_holds(1)
    metrics.set_snapshot_age(1.0)


def _labels_by_name(metrics: Metrics) -> dict[str, set[str]]:
    labels: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(metrics.expose().decode()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        for sample in family.samples:
            labels.setdefault(name, set()).update(sample.labels.keys() - {"le"})
    return labels


def _samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.expose().decode())
        for sample in family.samples
    }
