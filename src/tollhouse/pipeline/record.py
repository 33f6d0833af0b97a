"""Whatever happens to a request, one audit record says so."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import TracebackType

from tollhouse.domain.audit import Ending, Record, fingerprint
from tollhouse.domain.budget import Outcome, Settlement
from tollhouse.domain.errors import AuditUnavailable, Internal, Problem, Refusal
from tollhouse.domain.identity import Principal
from tollhouse.domain.metering import Meter
from tollhouse.domain.models import Ask, Plan
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House

CLIENT_CLOSED_REQUEST = 499
FAILED = frozenset((Outcome.NOT_SENT, Outcome.REFUSED, Outcome.UNKNOWN))


@dataclass(slots=True)
class Journal:
    """What became known of a call, in the order in which it did."""

    call: Call
    presented: str | None = None
    caller: Principal | None = None
    ask: Ask | None = None
    plan: Plan | None = None
    meter: Meter | None = None
    problem: Problem | None = None
    was_cut: bool = False
    ending: Ending = "ok"
    """Where nothing went wrong."""


class recorded:  # noqa: N801 - read as a participle: `with recorded(…)`
    """The outermost block: what happens inside ends as one record, and every error as a Problem."""

    __slots__ = ("_house", "_journal")

    def __init__(self, call: Call, house: House) -> None:
        self._house = house
        self._journal = Journal(call)

    def __enter__(self) -> Journal:
        house = self._house
        house.watch.began()
        if house.insists_on_audit and not house.audit.is_healthy:
            problem = self._journal.problem = AuditUnavailable(retry_after_s=5)
            self._write()
            raise problem
        return self._journal

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        journal = self._journal
        if error is None:
            self._write()
            return
        if isinstance(error, Problem):
            journal.problem = error
        elif isinstance(error, asyncio.CancelledError):
            journal.was_cut = True
        elif isinstance(error, Exception):
            self._house.watch.crashed(journal.call.request_id, error)
            journal.problem = Internal()
            self._write()
            raise journal.problem from error
        self._write()

    def _write(self) -> None:
        house, journal = self._house, self._journal
        record = _record(journal, house.clock_ns())
        house.audit.write(record.fields())
        house.watch.ended(record, journal.problem)


def _record(journal: Journal, now_ns: int) -> Record:
    call, problem = journal.call, journal.problem
    meter, plan, presented = journal.meter, journal.plan, journal.presented
    settled = meter.settled if meter else None
    first_byte_ns = call.reply.first_byte_ns
    went_well = problem is None and not journal.was_cut
    return Record(
        call=call.id,
        request_id=call.request_id,
        at_ns=now_ns,
        route=call.route.name,
        method=call.route.method,
        status=200 if went_well else _status(journal),
        outcome=journal.ending if went_well else _ending(journal),
        peer=call.peer,
        latency_ms=(now_ns - call.began_ns) // 1_000_000,
        code=problem.code if problem else None,
        caller=journal.caller,
        credential=fingerprint(presented) if presented else None,
        model=plan.model.name if plan else None,
        settled=settled,
        held_nanos=plan.hold if plan and settled else 0,
        first_byte_ms=(first_byte_ns - call.began_ns) // 1_000_000 if first_byte_ns else None,
        attempts=_attempts(settled),
        unsaid=meter.unsaid if meter else (),
    )


def _status(journal: Journal) -> int:
    if journal.problem is not None and not journal.call.reply.is_started:
        return journal.problem.status
    if journal.was_cut and not journal.call.reply.is_started:
        return CLIENT_CLOSED_REQUEST
    return 200


def _ending(journal: Journal) -> Ending:
    if journal.was_cut and not _is_whole(journal):
        return "cut"
    if journal.problem is None:
        return journal.ending
    return "refused" if isinstance(journal.problem, Refusal) else "failed"


def _is_whole(journal: Journal) -> bool:
    """Who leaves with the whole answer has cut nothing."""
    is_complete = journal.meter is not None and journal.meter.outcome is Outcome.COMPLETED
    return is_complete and journal.call.reply.is_started


def _attempts(settled: Settlement | None) -> int:
    """Those that failed, and the one whose answer came."""
    if settled is None or settled.target is None:
        return 0
    return len(settled.attempts) + (settled.outcome not in FAILED)
