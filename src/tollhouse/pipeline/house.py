"""What stands ready while requests pass: made once, by the wiring."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tollhouse.domain.audit import Record
from tollhouse.domain.breaker import State
from tollhouse.domain.budget import Outcome
from tollhouse.domain.errors import Problem
from tollhouse.domain.identity import Priority
from tollhouse.domain.receipts import Receipt
from tollhouse.domain.shedding import Load
from tollhouse.domain.snapshot import Snapshot
from tollhouse.domain.suspicion import Sign
from tollhouse.domain.throttling import Throttle
from tollhouse.domain.waits import Waits
from tollhouse.pipeline.standing import Standings
from tollhouse.ports import (
    AuditSink,
    Authenticator,
    Certifier,
    Database,
    Dialect,
    FileKeeper,
    Ledger,
    Limiter,
    Prover,
    Provider,
    Sealing,
    Seals,
)

if TYPE_CHECKING:
    from tollhouse.pipeline.carry import carried


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
class Shelves:
    """What is kept at providers for projects: by whom, how much of it, and where that is written down."""

    store: Database
    keepers: Mapping[str, FileKeeper]
    """By the provider's name, in the order of the settings."""

    endpoints: Mapping[str, Dialect] = field(default_factory=dict)
    """What the lines of a batch may be written in, by their `url`."""

    most_files: int = 1000
    """For each project."""

    most_bytes: int = 512 * 1024 * 1024
    """In one file."""

    most_lines: int = 10_000
    """In one batch."""

    most_line_bytes: int = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Repeats:
    """What is kept of calls that bear an Idempotency-Key: where, how long, how much, and what it may take."""

    store: Database
    sealing: Sealing
    keep_ms: int = 86_400_000
    most_bytes: int = 1024 * 1024
    patience_s: float = 2.0


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
    shelves: Shelves
    repeats: Repeats
    load: Load
    audit: AuditSink
    insists_on_audit: bool
    """Whether requests are refused while audit records cannot be written."""

    watch: Watch
    clock_ns: Callable[[], int]
    new_id: Callable[[], str]
    receipts: Callable[[Receipt], str] | None = None
    """Signs them, if any are given."""

    waits: Waits = field(default_factory=Waits)
    prover: Prover | None = None
    """Of those who have to prove a key that they hold."""

    certifier: Certifier | None = None
    """None where no certificates are asked for."""

    under_way: set[carried] = field(default_factory=set)
    """Calls of those who were let in, to be looked at again while they last."""

    @property
    def snapshot(self) -> Snapshot:
        return self.snapshots.current

    def now_s(self) -> float:
        return self.clock_ns() / 1e9

    def now_us(self) -> int:
        return self.clock_ns() // 1_000

    def now_ms(self) -> int:
        return self.clock_ns() // 1_000_000
