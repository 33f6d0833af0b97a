"""What a look at the house found, and what it did not see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tollhouse.control.doctor.finding import Check, Finding, Severity

Status = Literal["fine", "unsafe", "unseen"]


@dataclass(frozen=True, slots=True)
class Report:
    findings: tuple[Finding, ...]
    unlisted: int
    """Findings beyond the first of a check that has many."""

    unseen: tuple[Check, ...]
    """Checks that could not look, because of what `hindered` them."""

    hindered: str | None
    looked: int

    @property
    def status(self) -> Status:
        if self.having(Severity.UNSAFE):
            return "unsafe"
        return "unseen" if self.unseen else "fine"

    def having(self, severity: Severity) -> list[Finding]:
        return [finding for finding in self.findings if finding.check.severity is severity]
