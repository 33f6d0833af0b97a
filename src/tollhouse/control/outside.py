"""Usage that happened outside is counted: once for each event, all of a batch or none, and nothing is asked first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256

from tollhouse.control.outside_known import Known, Register, register
from tollhouse.domain import outside
from tollhouse.domain.errors import FieldInvalid, Refusal
from tollhouse.domain.outside import Event
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Database
from tollhouse.storage import outside as rows
from tollhouse.storage.outside import Counted, Import

MOST_EVENTS = 500


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one source about one tenant. `places` says where each one stood, for whoever wrote it."""

    tenant: str
    source: str
    events: Sequence[Event]
    places: Sequence[str]


@dataclass(frozen=True, slots=True)
class Found:
    """What a batch comes to: those that are new, and how many were counted before."""

    counted: Sequence[Counted]
    again: int

    @property
    def owed(self) -> int:
        return sum(row.owed for row in self.counted)

    @property
    def by_owner(self) -> dict[str, int]:
        return rows.spending(self.counted)


@dataclass(frozen=True, slots=True)
class Imported:
    id: str
    found: Found


async def judge(
    database: Database,
    batch: Batch,
    known: Known,
    now_ms: int,
    seen: dict[str, str] | None = None,
) -> Found:
    """What would be counted; nothing is changed. Raises FieldInvalid, which names the first that does not fit.

    `seen` goes from one batch of a file to the next, so that a repetition is known before any is written down.
    """
    outside.check_source(batch.source)
    if not 0 < len(batch.events) <= MOST_EVENTS:
        raise FieldInvalid(f"A batch has 1 to {MOST_EVENTS} events.", param="events")
    found = await register(database, batch.tenant, batch.source, known)
    said = seen if seen is not None else {}
    ids = [event.id for event in batch.events if event.id not in said]
    said.update(await rows.known(database, batch.tenant, batch.source, ids))
    counted: list[Counted] = []
    for event, place in zip(batch.events, batch.places, strict=True):
        with named(place):
            outside.check(event, now_ms)
            content = outside.content(event)
            if event.id not in said:
                said[event.id] = content
                counted.append(_counted(found, batch, event, content))
            elif said[event.id] != content:
                raise FieldInvalid(
                    f"{batch.source} told of {event.id!r} before, and of something else.",
                    param="id",
                )
    return Found(counted, len(batch.events) - len(counted))


async def count(
    database: Database, batch: Batch, known: Known, new_id: Callable[[], str], by: str, now_ms: int
) -> Imported:
    """What was told before is not counted again. Raises FieldInvalid, Conflict."""
    found = await judge(database, batch, known, now_ms)
    made = Import(new_id(), batch.tenant, batch.source, by, now_ms)
    try:
        await rows.add(database, made, found.counted)
    except Conflict as error:
        raise Conflict(
            "the same was told, or deleted, at this moment: send it again, and it is counted once"
        ) from error
    return Imported(made.id, found)


@contextmanager
def named(place: str) -> Iterator[None]:
    """What does not fit is told with the place where it stood."""
    try:
        yield
    except Refusal as error:
        param = f"{place}.{error.param}" if error.param else place
        raise FieldInvalid(f"{place}: {error.detail}", param=param) from None


def _counted(known: Register, batch: Batch, event: Event, content: str) -> Counted:
    whose = known.whose(event)
    owed, price = known.owed(event)
    name = f"{batch.tenant}\0{batch.source}\0{event.id}"
    return Counted(
        call=f"{event.at_ms:012x}{sha256(name.encode()).hexdigest()[:20]}",
        event=event,
        said=content,
        whose=whose,
        further=() if whose.is_exempt else known.further(whose, event.target),
        owed=owed,
        price=price,
    )
