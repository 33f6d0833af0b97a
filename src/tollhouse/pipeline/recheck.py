"""Calls under way are looked at again: who may not come in any more does not stay either.

One look goes over all calls of the process, so that a call by itself pays nothing for it. It asks what was asked
when the call came: the credential, whom it stands for, what binds it, and whether its model is still granted.
"""

from __future__ import annotations

import asyncio

from tollhouse.domain.budget import Outcome
from tollhouse.domain.errors import IssuerUnavailable, Problem, StoreUnavailable
from tollhouse.domain.models import allowed
from tollhouse.pipeline.house import House
from tollhouse.pipeline.identify import identify_again
from tollhouse.pipeline.record import Journal

UNSURE = (IssuerUnavailable, StoreUnavailable)
"""Nobody can tell at the moment. Whoever comes anew is refused; who was let in goes on until somebody can."""

AT_ONCE = 50
"""So many are looked at before others have their turn."""


async def keep_looking(house: House, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        await look_again(house)


async def look_again(house: House) -> None:
    """End those that would be refused if they came now."""
    for number, each in enumerate(tuple(house.under_way), start=1):
        if each in house.under_way and (problem := _refusal(each.record, house)) is not None:
            each.stay.end(problem)
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)


def _refusal(record: Journal, house: House) -> Problem | None:
    if record.meter is not None and record.meter.outcome is Outcome.COMPLETED:
        return None  # all of it was seen: what is left is to see it out
    try:
        caller = identify_again(record, house)
        if caller is not None and record.plan is not None:
            allowed(house.snapshot, caller, record.plan.ask)
    except UNSURE:
        return None
    except Problem as problem:
        return problem
    except Exception as error:  # of one call, and the others are looked at all the same
        house.watch.crashed(record.call.request_id, error)
    return None
