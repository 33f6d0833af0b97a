"""What was used and what it cost; and the calls whose end nobody saw, settled by hand."""

from __future__ import annotations

from enum import Enum

from tollhouse.domain.budget import Outcome, Settlement, Source
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.pricing import Usage
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Database, Ledger
from tollhouse.storage import calls
from tollhouse.storage.calls import Call, Filter

LARGEST_PAGE = 1000


class Whole(Enum):
    """The two answers that need no amount."""

    RELEASE = "release"
    CHARGE = "charge"


async def listed(
    database: Database, wanted: Filter, limit: int, before: str = "", skip: int = 0
) -> list[Call]:
    """The newest first; the next page goes on with the last id as `before`."""
    if not 0 < limit <= LARGEST_PAGE:
        raise FieldInvalid(f"A page has 1 to {LARGEST_PAGE} calls.", param="limit")
    return await calls.page(database, wanted, limit, before, skip)


async def count(database: Database, wanted: Filter) -> int:
    return await calls.count(database, wanted)


async def open_calls(database: Database) -> list[Call]:
    return await calls.open_calls(database)


async def resolve(
    database: Database, ledger: Ledger, call_id: str, owed: int | Whole, now_ms: int
) -> int:
    """Settle a call whose end is unknown; what is owed for it, in nano-dollars.

    A call that is still under way is left to the process that holds it.
    """
    call = await calls.call(database, call_id)
    if call is None:
        raise Conflict(f"there is no call {call_id!r}")
    if call.state != "unknown":
        raise Conflict(f"call {call_id} is {call.state}: only unknown calls are resolved by hand")
    amount = _amount(call, owed)
    if not await ledger.settle(closing(call, amount, Source.OPERATOR, now_ms)):
        raise Conflict(f"call {call_id} was settled in the meantime")
    return amount


def closing(call: Call, owed: int, source: Source, now_ms: int) -> Settlement:
    """The end of an unknown call. Its tokens were never seen, so none are made up."""
    return Settlement(
        call=call.id,
        outcome=Outcome.CUT_BY_UPSTREAM if owed else Outcome.NOT_SENT,
        owed=owed,
        usage=Usage(),
        source=source,
        target=call.target,
        price=call.price,
        settled_at_ms=now_ms,
        anomaly=call.anomaly or "unknown",
    )


def _amount(call: Call, owed: int | Whole) -> int:
    if owed is Whole.RELEASE:
        return 0
    if owed is Whole.CHARGE:
        return call.held
    if not 0 <= owed <= call.held:
        raise FieldInvalid("What is owed lies between nothing and what was held.", param="owed")
    return owed
