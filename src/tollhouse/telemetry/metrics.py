"""The gateway's metrics. Names and labels are a contract with dashboards and alerts.

No label holds what a caller chose: routes, models and providers are the configured ones, codes and
outcomes the registered ones, anything else is `other`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    disable_created_metrics,
    generate_latest,
    multiprocess,
    values,
)

from tollhouse.domain.breaker import State
from tollhouse.domain.budget import Outcome
from tollhouse.domain.errors import REGISTRY, TooManyFailures, Unauthenticated
from tollhouse.domain.identity import Priority
from tollhouse.domain.pricing import Usage
from tollhouse.domain.suspicion import Broken, Sign
from tollhouse.telemetry.counting import Counts, bounded
from tollhouse.telemetry.ends import Ends, GroupedHistogram
from tollhouse.telemetry.process import ProcessCollector
from tollhouse.telemetry.spending import Spending

OK = "ok"
CLIENT_GONE = 499
TURNED_AWAY = (Unauthenticated, TooManyFailures)
STATUSES = frozenset((200, 201, 202, 204, CLIENT_GONE))

DURATION_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
FIRST_BYTE_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

BREAKER = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counted in memory, or for several workers in files of one directory.

    The directory is made by `fresh_directory` before the first worker starts. What a worker counts is
    in its files once it was told; whoever exposes gives the sum over all of them.
    """

    def __init__(
        self,
        *,
        routes: Collection[str],
        models: Collection[str],
        providers: Collection[str],
        targets: Collection[str] = (),
        directory: Path | None = None,
    ) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # untyped there
        _count_in(directory)
        self._directory = directory
        self._registry = CollectorRegistry()
        self._requests = Ends(
            Counter(
                "tollhouse_requests_total",
                "Requests that ended, by what was answered.",
                ("route", "status", "code"),
                registry=self._registry,
            ),
            GroupedHistogram(
                "tollhouse_request_duration_seconds",
                "From a request's head to the last byte of its answer.",
                ("route",),
                buckets=DURATION_BUCKETS_S,
                registry=self._registry,
            ),
            GroupedHistogram(
                "tollhouse_first_byte_seconds",
                "From a request's head to the first byte of its answer.",
                ("route",),
                buckets=FIRST_BYTE_BUCKETS_S,
                registry=self._registry,
            ),
            routes,
            STATUSES | {problem.status for problem in REGISTRY.values()},
            {OK, *REGISTRY},
        )
        self._in_flight = Gauge(
            "tollhouse_in_flight",
            "Requests under way.",
            multiprocess_mode="livesum",
            registry=self._registry,
        )
        self._spending = Spending(
            Counter(
                "tollhouse_tokens_total",
                "Tokens of settled calls, in disjoint kinds.",
                ("model", "kind"),
                registry=self._registry,
            ),
            Counter(
                "tollhouse_owed_nanodollars_total",
                "What settled calls cost.",
                ("model",),
                registry=self._registry,
            ),
            models,
        )
        self._attempts = Counts(
            Counter(
                "tollhouse_upstream_attempts_total",
                "Tries at one target, by how they ended.",
                ("provider", "outcome"),
                registry=self._registry,
            ),
            providers,
            frozenset(Outcome),
        )
        self._alerts = Counter(
            "tollhouse_budget_alerts_total",
            "Parts of a limit that were reached, of those that somebody wants to hear of.",
            registry=self._registry,
        )
        self._targets = (targets,)
        self._breakers = Gauge(
            "tollhouse_breaker_state",
            "How a target's breaker stands: 0 closed, 1 half open, 2 open. Since the first time it turned.",
            ("target",),
            multiprocess_mode="livemax",
            registry=self._registry,
        )
        self._breaker_turns = Counts(
            Counter(
                "tollhouse_breaker_turns_total",
                "How often a target's breaker turned to this state.",
                ("target", "state"),
                registry=self._registry,
            ),
            targets,
            frozenset(State),
        )
        self._target_calls = Gauge(
            "tollhouse_target_calls",
            "Calls under way at a target, and in line for it.",
            ("target", "place"),
            multiprocess_mode="livesum",
            registry=self._registry,
        )
        self._target_waits = Gauge(
            "tollhouse_target_wait_seconds",
            "How long the line for a target is, as it moves: what who comes last may wait.",
            ("target",),
            multiprocess_mode="livemax",
            registry=self._registry,
        )
        self._shed = Counts(
            Counter(
                "tollhouse_shed_total",
                "Calls refused because there was too much to do, by the priority of their key.",
                ("priority",),
                registry=self._registry,
            ),
            frozenset(Priority),
        )
        self._limiter_away = Gauge(
            "tollhouse_limiter_away",
            "Whether Valkey is not asked, because it did not answer: 0 or 1.",
            multiprocess_mode="livemax",
            registry=self._registry,
        )
        self._limiter_missed = Counter(
            "tollhouse_limiter_missed_total",
            "Calls that were decided without Valkey, as `unreachable` says.",
            registry=self._registry,
        )
        self._loop_lag = Gauge(
            "tollhouse_loop_lag_seconds",
            "How late the event loop is.",
            multiprocess_mode="livemax",
            registry=self._registry,
        )
        self._unauthenticated = Counts(
            Counter(
                "tollhouse_unauthenticated_total",
                "Requests turned away for their credential.",
                ("code",),
                registry=self._registry,
            ),
            {code for code, problem in REGISTRY.items() if issubclass(problem, TURNED_AWAY)},
        )
        self._suspicions = Counts(
            Counter(
                "tollhouse_suspicions_total",
                "What an honest client does not do, by what it was a sign of.",
                ("sign",),
                registry=self._registry,
            ),
            frozenset(Sign),
        )
        self._handshakes = Counts(
            Counter(
                "tollhouse_handshakes_broken_total",
                "TLS handshakes of callers that came to nothing, and so left no audit record.",
                ("reason",),
                registry=self._registry,
            ),
            frozenset(Broken),
        )
        self._audit_failures = Counter(
            "tollhouse_audit_failures_total",
            "Audit records that could not be written.",
            registry=self._registry,
        )
        self._unusable_files = Gauge(
            "tollhouse_unusable_files",
            "Certificates and trust bundles of the door that cannot be used any more: the last good ones hold.",
            multiprocess_mode="livemax",
            registry=self._registry,
        )
        self._open_holds = Gauge(
            "tollhouse_open_holds",
            "Holds not settled yet, in the whole ledger.",
            multiprocess_mode="livemax",
            registry=self._registry,
        )
        self._snapshot_age = Gauge(
            "tollhouse_snapshot_age_seconds",
            "Since keys, prices and budgets were last read.",
            multiprocess_mode="livemax",
            registry=self._registry,
        )
        self._counted = (
            *(self._requests, self._spending, self._attempts, self._breaker_turns, self._shed),
            *(self._unauthenticated, self._suspicions, self._handshakes),
        )
        self._under_way = 0
        self._telling = threading.Lock()
        if directory is None:
            self._registry.register(ProcessCollector())

    def budget_alerted(self) -> None:
        self._alerts.inc()

    def request_began(self) -> None:
        self._under_way += 1

    def request_ended(
        self, route: str, status: int, code: str, duration_s: float, first_byte_s: float | None
    ) -> None:
        """Once for each `request_began`. Without a first byte, the caller left before it."""
        self._under_way -= 1
        self._requests.add((route, status, code), duration_s, first_byte_s)

    def settled(self, model: str, usage: Usage, owed: int) -> None:
        self._spending.add(model, usage, owed)

    def attempted(self, provider: str, outcome: Outcome) -> None:
        self._attempts.add((provider, outcome))

    def shed(self, priority: Priority) -> None:
        self._shed.add((priority,))

    def set_unusable_files(self, count: int) -> None:
        self._unusable_files.set(count)

    def set_limiter_away(self, *, is_away: bool) -> None:
        self._limiter_away.set(is_away)

    def limiter_missed(self) -> None:
        self._limiter_missed.inc()

    def set_loop_lag(self, lag_s: float) -> None:
        self._loop_lag.set(lag_s)

    def set_target_calls(
        self, target: str, inside: int, in_line: int, expected_s: float = 0.0
    ) -> None:
        (target,) = bounded((target,), self._targets)  # type: ignore[assignment]  # a text stays one
        self._target_calls.labels(target, "inside").set(inside)
        self._target_calls.labels(target, "in_line").set(in_line)
        self._target_waits.labels(target).set(expected_s)

    def breaker_turned(self, target: str, state: State) -> None:
        self._breakers.labels(*bounded((target,), self._targets)).set(BREAKER[state])
        self._breaker_turns.add((target, state))

    def unauthenticated(self, code: str) -> None:
        self._unauthenticated.add((code,))

    def suspected(self, sign: Sign) -> None:
        self._suspicions.add((sign,))

    def handshake_broke(self, why: Broken) -> None:
        self._handshakes.add((why,))

    def audit_failed(self) -> None:
        self._audit_failures.inc()

    def set_open_holds(self, holds: int) -> None:
        self._open_holds.set(holds)

    def set_snapshot_age(self, age_s: float) -> None:
        self._snapshot_age.set(age_s)

    def tell(self) -> None:
        """Let whoever exposes know what was counted here."""
        with self._telling:
            self._in_flight.set(self._under_way)
            for counted in self._counted:
                counted.tell()

    def expose(self) -> bytes:
        """The text format, as `CONTENT_TYPE` says."""
        self.tell()
        if self._directory is None:
            return generate_latest(self._registry)
        over_all = CollectorRegistry()
        multiprocess.MultiProcessCollector(  # type: ignore[no-untyped-call]  # untyped there
            over_all, path=str(self._directory)
        )
        return generate_latest(over_all)

    def worker_gone(self, pid: int) -> None:
        """Forget what a dead worker had under way; what it counted stays."""
        if self._directory is not None:
            multiprocess.mark_process_dead(  # type: ignore[no-untyped-call]  # untyped there
                pid, path=str(self._directory)
            )


def fresh_directory(directory: Path) -> None:
    """Make the directory, without the counts of an earlier run."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for counts in directory.glob("*.db"):
        counts.unlink()


def _count_in(directory: Path | None) -> None:
    """The library keeps one kind of value per process; a variable tells it where the files are."""
    if directory is None:
        values.ValueClass = values.MutexValue
        return
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)
    values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]  # untyped there
