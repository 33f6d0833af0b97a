"""Whatever happens to a request, one audit record says so."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tollhouse.domain.audit import ANONYMOUS, Ending, Record, fingerprint
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


@contextmanager
def recorded(call: Call, house: House) -> Iterator[Journal]:
    """The outermost block: what happens inside ends as one record, and every error as a Problem."""
    journal = Journal(call)
    house.watch.began()
    try:
        _insist_on_audit(house)
        yield journal
    except Problem as problem:
        journal.problem = problem
        raise
    except asyncio.CancelledError:
        journal.was_cut = True
        raise
    except Exception as error:
        house.watch.crashed(call.request_id, error)
        journal.problem = Internal()
        raise journal.problem from error
    finally:
        record = _record(journal, house.clock_ns())
        house.audit.write(record.fields())
        house.watch.ended(record, journal.problem)


def _insist_on_audit(house: House) -> None:
    if house.insists_on_audit and not house.audit.is_healthy:
        raise AuditUnavailable(retry_after_s=5)


def _record(journal: Journal, now_ns: int) -> Record:
    call, caller, problem = journal.call, journal.caller, journal.problem
    settled = journal.meter.settled if journal.meter else None
    first_byte_ns = call.reply.first_byte_ns
    return Record(
        call=call.id,
        request_id=call.request_id,
        at_ns=now_ns,
        route=call.route.name,
        method=call.route.method,
        status=_status(journal),
        outcome=_ending(journal),
        peer=call.peer,
        latency_ms=(now_ns - call.began_ns) // 1_000_000,
        code=problem.code if problem else None,
        tenant=caller.tenant if caller else None,
        project=caller.project if caller else None,
        user=caller.user if caller else None,
        key=caller.key if caller else ANONYMOUS,
        credential=fingerprint(journal.presented) if journal.presented else None,
        model=journal.plan.model.name if journal.plan else None,
        target=settled.target if settled else None,
        usage=settled.usage if settled else None,
        owed_nanos=settled.owed if settled else 0,
        held_nanos=_held(journal, settled),
        first_byte_ms=(first_byte_ns - call.began_ns) // 1_000_000 if first_byte_ns else None,
        attempts=_attempts(settled),
        unsaid=journal.meter.unsaid if journal.meter else (),
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
        return "ok"
    return "refused" if isinstance(journal.problem, Refusal) else "failed"


def _is_whole(journal: Journal) -> bool:
    """Who leaves with the whole answer has cut nothing."""
    is_complete = journal.meter is not None and journal.meter.outcome is Outcome.COMPLETED
    return is_complete and journal.call.reply.is_started


def _held(journal: Journal, settled: Settlement | None) -> int:
    return journal.plan.hold if journal.plan is not None and settled is not None else 0


def _attempts(settled: Settlement | None) -> int:
    """Those that failed, and the one whose answer came."""
    if settled is None or settled.target is None:
        return 0
    return len(settled.attempts) + (settled.outcome not in FAILED)
