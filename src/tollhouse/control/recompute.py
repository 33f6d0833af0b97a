"""Old totals, made anew: what each settled call would owe by its own usage and the price row that it names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from tollhouse.domain.budget import Source
from tollhouse.domain.pricing import Price
from tollhouse.ports import Database
from tollhouse.storage import calls, corrections, prices
from tollhouse.storage.calls import Call, Filter

PAGE = 1000
BY_RATES = frozenset((Source.PROVIDER, Source.COUNTED, Source.OUTSIDE))


@dataclass(frozen=True, slots=True)
class Difference:
    """A call whose amount is not what its usage comes to. None where its price row is not there."""

    call: str
    price: int | None
    owed: int
    recomputed: int | None


@dataclass(slots=True)
class Recomputed:
    calls: int = 0
    owed: int = 0
    recomputed: int = 0
    apart: int = 0
    """Calls whose amount was not made from rates: resolved by hand, told from outside, or batches that a call
    or a long line is billed apart in. Their amount is taken as it is."""

    differences: list[Difference] = field(default_factory=list)


async def recompute(database: Database, since_ms: int = 0) -> Recomputed:
    """Nothing is changed. Of calls that began since then."""
    rows = {row.id: row.price(row.id) for row in await prices.rows(database)}
    batches = {call for (call,) in await database.read("SELECT call FROM batches")}
    corrected, found = await corrections.corrected(database), Recomputed()
    async for call in _settled(database, since_ms):
        owed = call.owed or 0
        is_apart, anew = _anew(
            call, rows, is_batch=call.id in batches, is_corrected=call.id in corrected
        )
        found.calls += 1
        found.owed += owed
        found.apart += is_apart
        found.recomputed += anew or 0
        if anew != owed:
            found.differences.append(Difference(call.id, call.price, owed, anew))
    return found


async def _settled(database: Database, since_ms: int) -> AsyncIterator[Call]:
    wanted, before = Filter(state="settled", since_ms=since_ms), ""
    while page := await calls.page(database, wanted, PAGE, before):
        for call in page:
            yield call
        before = page[-1].id


def _anew(
    call: Call, rows: Mapping[int, Price], *, is_batch: bool, is_corrected: bool
) -> tuple[bool, int | None]:
    """Whether it was made from something else than rates, and what it comes to."""
    if call.source == Source.NOTHING:
        return False, 0
    if call.source == Source.HOLD:
        return False, call.held
    if call.source == Source.OUTSIDE and call.price is None:
        return True, call.owed  # as it was told
    if call.source not in BY_RATES:
        return True, call.owed
    if call.price is None:
        return False, 0
    price = rows.get(call.price)
    if price is None:
        return False, None
    if is_batch and (price.per_call or price.tiers):
        return True, call.owed
    cost = price.cost(call.usage)
    is_bound = call.source != Source.OUTSIDE and not is_corrected  # nothing was held for that price
    return False, min(cost, call.held) if is_bound else cost
