"""What is measured. Each module prepares one system: what to start, where it listens, its key."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bench.client import Door


@dataclass(frozen=True, slots=True)
class Place:
    """Where a system may write, the port that is kept for it, and the upstream's port."""

    folder: Path
    port: int
    upstream: int

    @property
    def upstream_url(self) -> str:
        return f"http://127.0.0.1:{self.upstream}"


@dataclass(frozen=True, slots=True)
class System:
    """Something that stands between a caller and the upstream. Nothing to start: a direct call."""

    name: str
    version: str
    door: Door
    command: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    start_limit_s: float = 20.0
    leaves_out: tuple[str, ...] = ()
    """Workloads that it does not get through: their figures stay empty."""
