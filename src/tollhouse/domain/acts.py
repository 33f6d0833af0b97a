"""What is written down about an act: who changed what, under which role, from what to what, with what end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tollhouse.domain.audit import Ending, timestamp
from tollhouse.domain.operations import Operation, Role
from tollhouse.domain.roles import Actor

MOST_CHANGED = 12
LONGEST_CHANGED = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One act, refused ones too. `None` says that it never came so far."""

    id: str
    request_id: str
    at_ms: int
    actor: Actor
    operation: Operation
    subject: str
    outcome: Ending
    role: Role | None = None
    code: str | None = None
    status: int | None = None
    before: str | None = None
    """SHA-256 of the state before."""

    after: str | None = None
    changed: Mapping[str, Any]
    latency_ms: int = 0

    def fields(self) -> dict[str, Any]:
        """Plain values in the order in which a line shows them."""
        return {
            "kind": "act",
            "at": timestamp(self.at_ms * 1_000_000),
            "act": self.id,
            "request_id": self.request_id,
            "operation": self.operation.name,
            "subject": self.subject,
            "actor": self.actor.name,
            "role": self.role,
            "source": self.actor.source,
            "token": self.actor.token or None,
            "peer": self.actor.peer or None,
            "outcome": self.outcome,
            "code": self.code,
            "status": self.status,
            "before": self.before,
            "after": self.after,
            "changed": dict(self.changed),
            "latency_ms": self.latency_ms,
        }


def changed(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> dict[str, list[Any]]:
    """What differs: each member's value before and after, cut to what a line holds."""
    was, is_now = before or {}, after or {}
    names = [name for name in {**was, **is_now} if was.get(name) != is_now.get(name)]
    return {
        name: [_short(was.get(name)), _short(is_now.get(name))] for name in names[:MOST_CHANGED]
    }


def _short(value: Any) -> Any:
    text = json.dumps(value, default=str)
    return value if len(text) <= LONGEST_CHANGED else text[:LONGEST_CHANGED] + "…"
