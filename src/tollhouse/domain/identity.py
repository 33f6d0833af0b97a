"""Who comes, whose they are, and who pays."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tollhouse.domain.credentials import Digest
from tollhouse.domain.limiting import Limits


class Priority(StrEnum):
    """Who is refused first when there is too much to do."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. The four accounts pay together or not at all."""

    key: str
    tenant: str
    project: str
    user: str
    accounts: tuple[int, int, int, int]
    models: tuple[str, ...]
    priority: Priority = Priority.NORMAL
    limits: Limits | None = None
    """None where nothing is limited."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A virtual key as the snapshot holds it. Times are seconds since the epoch."""

    principal: Principal
    digest: Digest
    previous: Digest | None = None
    previous_until: float | None = None
    expires_at: float | None = None
    is_disabled: bool = False
