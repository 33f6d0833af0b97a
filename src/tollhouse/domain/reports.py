"""What a report is asked for, and what it adds up to."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum

EVER_MS = 2**62


class By(StrEnum):
    """What a report tells apart."""

    TENANT = "tenant"
    PROJECT = "project"
    USER = "user"
    KEY = "key"
    ROUTE = "route"
    MODEL = "model"
    PROVIDER = "provider"
    TARGET = "target"
    OUTCOME = "outcome"
    END_USER = "end_user"
    """Whom the body named, where the key tolerates it. Whoever that is, the key's own user pays."""

    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which calls are meant: those that began from one moment on and before another. An empty field means all."""

    tenant: str = ""
    project: str = ""
    user: str = ""
    key: str = ""
    route: str = ""
    model: str = ""
    provider: str = ""
    from_ms: int = 0
    until_ms: int = EVER_MS


@dataclass(slots=True)
class Sums:
    """What calls add up to. `held` is what is still open."""

    calls: int = 0
    owed: int = 0
    held: int = 0
    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    images: int = 0
    seconds: int = 0
    characters: int = 0

    def add(self, other: Sums) -> None:
        for name in NAMES:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def cells(self) -> tuple[int, ...]:
        return tuple(getattr(self, name) for name in NAMES)


NAMES = tuple(field.name for field in fields(Sums))


@dataclass(frozen=True, slots=True)
class Line:
    """The sums of all calls that share these labels, one for each thing the report tells apart."""

    labels: tuple[str, ...]
    sums: Sums


@dataclass(frozen=True, slots=True)
class Report:
    by: tuple[By, ...]
    lines: list[Line]
    total: Sums
