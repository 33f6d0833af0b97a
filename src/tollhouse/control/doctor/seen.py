"""Everything that a check may look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tollhouse.config import Settings
from tollhouse.control.doctor.books import Books
from tollhouse.control.doctor.machine import Machine


@dataclass(frozen=True, slots=True)
class Seen:
    settings: Settings
    file: Path | None
    """Where the settings were read from."""

    now_ms: int
    machine: Machine
    schema: str | None
    """What is wrong with the tables of the store: `behind`, `ahead`, or nothing."""

    store: Books | None
    """What the store says, if it could be read."""

    @property
    def books(self) -> Books:
        """For checks that are made `on_store`."""
        if self.store is None:
            raise LookupError("the store was not read")
        return self.store

    @property
    def processes(self) -> int:
        """Gateways that share the store, as far as it is known."""
        living = len(self.store.gateways) if self.store else 0
        return max(self.settings.server.workers, living)
