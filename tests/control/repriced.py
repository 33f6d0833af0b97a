"""Calls as they were settled, and the prices by which they are priced anew."""

from __future__ import annotations

from itertools import count

from stores import NOW, Store
from tollhouse.control import (
    budgets,
    prices,
    repricing,
)
from tollhouse.control.keys import Issued
from tollhouse.control.prices import Rates, Whose
from tollhouse.control.repricing import Repriced, Wish
from tollhouse.domain.budget import Hold, Outcome, Settlement, Share, Source
from tollhouse.domain.pricing import Usage
from tollhouse.ports import Database
from tollhouse.storage.corrections import Wanted
from tollhouse.storage.prices import PriceRow

TARGET = "up:m"
FLAT = Usage(1000)
LATER = NOW + 1000
NUMBERS = count()


def wish(price: int = 0, kind: str = "") -> Wish:
    return Wish(Wanted(TARGET), price, kind)


async def reprice(store: Database, price: int = 0, kind: str = "") -> Repriced:
    new_id = f"r{next(NUMBERS):06d}"
    return await repricing.done(store, wish(price, kind), lambda: new_id, "host:anna", LATER)


async def priced(
    store: Store,
    dollars: str,
    at_ms: int = NOW - 1,
    target: str = TARGET,
    whose: Whose = prices.EVERYBODYS,
) -> PriceRow:
    """Dollars a million tokens going in; as many for those that come out, too."""
    made = await prices.set_price(store, target, Rates(dollars, dollars), at_ms, NOW, whose)
    rows = await prices.history(store, target)
    return next(row for row in rows if (row.effective_at_ms, row.tenant) == (at_ms, made.tenant))


async def settled(
    store: Store,
    key: Issued,
    call: str,
    owed: int,
    *,
    price: PriceRow | None = None,
    held: int = 10_000_000,
    at_ms: int = NOW,
    source: Source = Source.PROVIDER,
    anomaly: str | None = None,
    target: str = TARGET,
    shares: tuple[Share, ...] = (),
    sign: int = 1,
) -> None:
    """A call with a thousand tokens in."""
    ids = {account.owner: account.id for account in await budgets.listed(store)}
    owners = ("tenant:acme", "project:acme/default", f"user:acme/key-{key.id}", f"key:{key.id}")
    tenant, project, user, own = (sign * ids[each] for each in owners)
    held = held if price else 0
    await store.hold(
        Hold(
            *(call, f"req-{call}", "owner", (tenant, project, user, own), key.id, "acme"),
            *("acme/default", f"acme/key-{key.id}", "chat", "small", held, at_ms, shares),
        )
    )
    used = FLAT if source in (Source.PROVIDER, Source.COUNTED) else Usage()
    ended = (Outcome.COMPLETED, owed, used, source, target, price and price.id, at_ms + 1)
    await store.settle(Settlement(call, *ended, anomaly=anomaly))
