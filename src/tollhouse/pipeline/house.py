"""What stands ready while requests pass: made once, by the wiring."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from tollhouse.domain.audit import Record
from tollhouse.domain.breaker import State
from tollhouse.domain.budget import Outcome
from tollhouse.domain.errors import Problem
from tollhouse.domain.identity import Priority
from tollhouse.domain.shedding import Load
from tollhouse.domain.snapshot import Snapshot
from tollhouse.domain.suspicion import Sign
from tollhouse.domain.throttling import Throttle
from tollhouse.pipeline.standing import Standings
from tollhouse.ports import AuditSink, Authenticator, Ledger, Limiter, Provider, Seals


class Snapshots(Protocol):
    @property
    def current(self) -> Snapshot: ...


class Watch(Protocol):
    """Metrics and logs: told what happens, never asked."""

    def began(self) -> None: ...
    def attempted(self, provider: str, outcome: Outcome) -> None: ...
    def shed(self, priority: Priority) -> None: ...
    def turned(self, target: str, state: State, reason: str) -> None: ...
    def ended(self, record: Record, problem: Problem | None) -> None: ...
    def suspected(self, sign: Sign) -> None: ...
    def crashed(self, request_id: str, error: Exception) -> None: ...


@dataclass(frozen=True, slots=True)
class House:
    owner: str
    """This process, as the ledger knows it."""

    snapshots: Snapshots
    authenticators: Mapping[str, Authenticator]
    """By the shape of the credential: its prefix."""

    throttle: Throttle
    ledger: Ledger
    limiter: Limiter
    seals: Seals
    providers: Mapping[str, Provider]
    standings: Standings
    load: Load
    audit: AuditSink
    insists_on_audit: bool
    """Whether requests are refused while audit records cannot be written."""

    watch: Watch
    clock_ns: Callable[[], int]
    new_id: Callable[[], str]

    @property
    def snapshot(self) -> Snapshot:
        return self.snapshots.current

    def now_s(self) -> float:
        return self.clock_ns() / 1e9

    def now_ms(self) -> int:
        return self.clock_ns() // 1_000_000
