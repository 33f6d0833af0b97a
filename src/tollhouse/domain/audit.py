"""What is written down about a request: who, when, what for, at what cost, with what end.

A record has no field for content, so none can be written by mistake.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, Literal

from tollhouse.domain.budget import Settlement
from tollhouse.domain.identity import Principal
from tollhouse.domain.values import value

ANONYMOUS = "anonymous"
NANOS_PER_S = 1_000_000_000

Ending = Literal["ok", "replayed", "refused", "failed", "cut"]


@value
class ToolUse:
    """A tool that a call ran: its name and how long it took, never its arguments."""

    name: str
    latency_ms: int


@value
class Record:
    """One request, refused ones too. `None` says that it never came so far."""

    call: str
    request_id: str
    at_ns: int
    """Nanoseconds since the epoch."""

    route: str
    method: str
    status: int
    outcome: Ending
    peer: str
    latency_ms: int
    code: str | None = None
    """Of the error registry."""

    caller: Principal | None = None
    credential: str | None = None
    """The fingerprint of what was presented, good or not."""

    model: str | None = None
    settled: Settlement | None = None
    held_nanos: int = 0
    first_byte_ms: int | None = None
    attempts: int = 0
    tools: tuple[ToolUse, ...] = ()
    unsaid: tuple[str, ...] = ()
    """Names of what the target's dialect could not say: members and kinds, never what was in them."""

    def fields(self) -> dict[str, Any]:
        """Plain values in the order in which a line shows them."""
        caller, settled = self.caller, self.settled
        usage = settled and settled.usage
        return {
            "kind": "call",
            "at": timestamp(self.at_ns),
            "call": self.call,
            "request_id": self.request_id,
            "route": self.route,
            "method": self.method,
            "status": self.status,
            "code": self.code,
            "outcome": self.outcome,
            "tenant": caller and caller.tenant,
            "project": caller and caller.project,
            "user": caller and caller.user,
            "key": caller.key if caller else ANONYMOUS,
            "credential": self.credential,
            "proof": caller and caller.proof.by,
            "proved_until": caller and caller.proof.until,
            "peer": self.peer,
            "model": self.model,
            "target": settled and settled.target,
            "input": usage and usage.input,
            "output": usage and usage.output,
            "cache_read": usage and usage.cache_read,
            "cache_write": usage and usage.cache_write,
            "images": usage and usage.images,
            "seconds": usage and usage.seconds,
            "characters": usage and usage.characters,
            "owed_nanos": settled.owed if settled else 0,
            "held_nanos": self.held_nanos,
            "latency_ms": self.latency_ms,
            "first_byte_ms": self.first_byte_ms,
            "attempts": self.attempts,
            "tools": list(map(_tool, self.tools)),
            "unsaid": list(self.unsaid),
        }


def _tool(use: ToolUse) -> dict[str, Any]:
    return {"name": use.name, "latency_ms": use.latency_ms}


def fingerprint(credential: str) -> str:
    """Enough of a credential's hash to tell two apart, too little to use."""
    return sha256(credential.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def timestamp(at_ns: int) -> str:
    """RFC 3339 in UTC with nanoseconds."""
    seconds, nanos = divmod(at_ns, NANOS_PER_S)
    return f"{_to_the_second(seconds)}.{nanos:09d}Z"


@lru_cache(maxsize=4)
def _to_the_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


def shortened(fields: Mapping[str, Any], longest: int) -> dict[str, Any]:
    """The same fields, every text in them cut to `longest` characters, an ellipsis last."""
    return {name: _cut(value, longest) for name, value in fields.items()}


def _cut(value: Any, longest: int) -> Any:
    if isinstance(value, str) and len(value) > longest:
        return value[: longest - 1] + "…"
    if isinstance(value, Mapping):
        return shortened(value, longest)
    if isinstance(value, list | tuple):
        return [_cut(item, longest) for item in value]
    return value
