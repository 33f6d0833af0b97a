"""What the inspection of audit records tells: findings, and a summary."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from tollhouse.domain.chain import Head


class Flaw(StrEnum):
    """What was done to the records, as far as they show it."""

    EDITED = "edited"
    DELETED = "deleted"
    REORDERED = "reordered"
    TRUNCATED = "truncated"
    INSERTED = "inserted"
    UNTERMINATED = "unterminated"
    FORGED = "forged"
    TORN = "torn"


@dataclass(frozen=True, slots=True)
class Finding:
    """Where something is wrong, and a sentence that says what."""

    file: str
    line: int | None
    seq: int | None
    kind: Flaw
    says: str

    @property
    def is_fault(self) -> bool:
        """A torn line that the chain itself accounts for is a crash, not a fault."""
        return self.kind is not Flaw.TORN


@dataclass(slots=True)
class Summary:
    """What was read, over all writers."""

    records: int = 0
    writers: int = 0
    checkpoints: int = 0
    unsigned: int = 0
    """Records that no good checkpoint follows yet."""

    unanchored: int = 0
    """Records that no anchored head covers yet."""

    first_at: str | None = None
    last_at: str | None = None
    heads: dict[str, Head] = field(default_factory=dict)
