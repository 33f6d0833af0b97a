"""`/usage/external-events`: usage that never passed here, as otari's collectors tell it. All of a batch, or none."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tollhouse.admin.asking import Answer, Asking
from tollhouse.admin.otari.desk import moment_ms, refuse, tenant, user_of
from tollhouse.admin.outside import MOST_BYTES, count, place
from tollhouse.admin.resource import Resource
from tollhouse.control.outside import named
from tollhouse.domain.budget import Outcome
from tollhouse.domain.outside import Event
from tollhouse.domain.pricing import Kinds, Usage

RESERVED = "gateway"
STATUSES = {"success": Outcome.COMPLETED, "error": Outcome.CUT_BY_UPSTREAM}


class ExternalEvent(msgspec.Struct, forbid_unknown_fields=True):
    source_event_id: str
    timestamp: str
    provider: str
    model: str
    status: str = "success"
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    cache_tokens_in_prompt: bool = False
    duration_ms: int | None = None
    session_label: str | None = None
    user_id: str | None = None


class ExternalEvents(msgspec.Struct, forbid_unknown_fields=True):
    source: str
    events: list[ExternalEvent]
    user_id: str | None = None


def rows() -> Iterator[Resource]:
    yield Resource(
        name="otari_usage_external",
        method="POST",
        path="/usage/external-events",
        serve=_import,
        summary="Usage that happened outside is counted, and spent from its user's budget.",
        operations=("usage.import",),
        body=ExternalEvents,
        most_bytes=MOST_BYTES,
    )


async def _import(asking: Asking) -> Answer:
    wish = asking.read(ExternalEvents)
    if wish.source.lower() == RESERVED:
        raise refuse("source", f"{RESERVED!r} is what passed here: name another.")
    events = []
    for number, told in enumerate(wish.events):
        with named(place(number)):
            events.append(_event(asking, told, told.user_id or wish.user_id or ""))
    found = (await count(asking, tenant(asking), wish.source, events)).found
    sums = {"accepted": len(found.counted), "duplicate": found.again}
    return Answer({**sums, "rejected": 0, "errors": []})


def _event(asking: Asking, told: ExternalEvent, user: str) -> Event:
    for name in ("duration_ms", "session_label"):
        if getattr(told, name) is not None:
            raise refuse(name, "is not kept here: leave it out.")
    if told.status not in STATUSES:
        raise refuse("status", f"is one of {', '.join(STATUSES)}.")
    if not user:
        raise refuse("user_id", "says whose it was: here, or beside `source` for all of them.")
    return Event(
        id=told.source_event_id,
        at_ms=moment_ms(told.timestamp, "timestamp"),
        target=f"{told.provider}:{told.model}",
        usage=_usage(told),
        user=user_of(asking, user),
        outcome=STATUSES[told.status],
    )


def _usage(told: ExternalEvent) -> Usage:
    """What was read from a cache or written to one may be told as a part of the input, or beside it."""
    read, written = told.cache_read_tokens, told.cache_write_tokens
    fresh = told.input_tokens - (read + written if told.cache_tokens_in_prompt else 0)
    if fresh < 0 <= told.input_tokens:
        raise refuse("input_tokens", "is less than the cached tokens that it is said to have.")
    long = told.cache_write_1h_tokens
    kinds = Kinds(long_write=long) if long else None
    return Usage(fresh, told.output_tokens, read, written, kinds=kinds)
