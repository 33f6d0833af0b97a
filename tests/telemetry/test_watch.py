"""What the pipeline tells becomes metrics: failed logins, and signs of what nobody honest does."""

from __future__ import annotations

import pytest

from tollhouse.domain.audit import Record
from tollhouse.domain.errors import REGISTRY, Problem
from tollhouse.domain.suspicion import SIGNS, Broken, Sign
from tollhouse.telemetry.metrics import Metrics
from tollhouse.telemetry.watch import Watching


@pytest.mark.req("OL-16")
@pytest.mark.parametrize(
    "code",
    [
        *("key_missing", "key_malformed", "key_unknown", "key_expired", "key_disabled"),
        *("ambiguous_credentials", "too_many_failures"),
    ],
)
def test_whoever_is_turned_away_for_a_credential_is_counted_by_code(code: str) -> None:
    exposed = _told(REGISTRY[code]())

    assert f'tollhouse_unauthenticated_total{{code="{code}"}} 1.0' in exposed


@pytest.mark.req("OL-16")
@pytest.mark.parametrize(("code", "sign"), SIGNS.items())
def test_a_refusal_that_is_a_sign_is_counted_as_one(code: str, sign: Sign) -> None:
    exposed = _told(REGISTRY[code]())

    assert f'tollhouse_suspicions_total{{sign="{sign}"}} 1.0' in exposed


@pytest.mark.req("OL-16")
@pytest.mark.parametrize("sign", Sign)
def test_what_never_became_a_request_is_told_by_its_sign(sign: Sign) -> None:
    metrics = _metrics()

    Watching(metrics).suspected(sign)

    assert f'tollhouse_suspicions_total{{sign="{sign}"}} 1.0' in metrics.expose().decode()


@pytest.mark.req("OL-16", "OC-3")
@pytest.mark.parametrize("why", Broken)
def test_a_handshake_that_broke_is_counted_by_its_reason(why: Broken) -> None:
    metrics = _metrics()

    Watching(metrics).handshake_broke(why)

    exposed = metrics.expose().decode()
    assert f'tollhouse_handshakes_broken_total{{reason="{why}"}} 1.0' in exposed


@pytest.mark.parametrize("code", ["rate_limited", "model_unknown", "json_malformed", "internal"])
def test_what_happens_every_day_is_no_sign(code: str) -> None:
    exposed = _told(REGISTRY[code]())

    assert "tollhouse_suspicions_total{" not in exposed
    assert "tollhouse_unauthenticated_total{" not in exposed


@pytest.mark.req("B-39")
def test_there_are_no_more_signs_than_there_are() -> None:
    metrics = _metrics()
    watch = Watching(metrics)

    for sign in [*Sign, *Sign]:
        watch.suspected(sign)

    series = [
        line for line in metrics.expose().decode().splitlines() if "suspicions_total{" in line
    ]
    assert len(series) == len(Sign)


def _told(problem: Problem) -> str:
    metrics = _metrics()
    record = Record("c", "r", 0, "chat", "POST", problem.status, "refused", "", 0, problem.code)
    watch = Watching(metrics)
    watch.began()
    watch.ended(record, problem)
    return metrics.expose().decode()


def _metrics() -> Metrics:
    return Metrics(routes=("chat",), models=(), providers=())
