"""A store with a tenant, keys and open holds, for tests."""

from __future__ import annotations

from tollhouse.control import budgets, keys, reports, tenancy
from tollhouse.control.budgets import Grant
from tollhouse.control.keys import Issued, Wish
from tollhouse.control.peppers import Peppers
from tollhouse.control.recompute import recompute
from tollhouse.domain.budget import Hold, Outcome, Settlement, Source
from tollhouse.domain.pricing import Usage
from tollhouse.domain.reports import By, Scope
from tollhouse.storage.postgres import PostgresDatabase
from tollhouse.storage.sqlite import SqliteDatabase

Store = SqliteDatabase | PostgresDatabase

NOW = 1_800_000_000_000
DAY_MS = 86_400_000
PEPPERS = Peppers(1, {1: b"p" * 32})


async def acme_key(store: Store, name: str = "website", models: tuple[str, ...] = ()) -> Issued:
    """A key of the tenant `acme`, which is made if it is not there; a dollar to spend."""
    if not await tenancy.members(store, tenancy.Kind.TENANT, "acme"):
        await tenancy.create_tenant(store, "acme", NOW)
        await budgets.grant(store, "tenant:acme", Grant(is_granted=True, limit=1_000_000_000))
    return await keys.issue(store, PEPPERS, Wish("acme", name, models=models), NOW)


async def hold(
    store: Store, key: Issued, call: str, amount: int, owner: str = "owner", at_ms: int = NOW
) -> None:
    owners = ("tenant:acme", "project:acme/default", f"user:acme/key-{key.id}", f"key:{key.id}")
    ids = {account.owner: account.id for account in await budgets.listed(store)}
    tenant, project, user, own = (ids[each] for each in owners)
    await store.hold(
        Hold(
            call=call,
            request_id=f"req-{call}",
            owner=owner,
            accounts=(tenant, project, user, own),
            key=key.id,
            tenant="acme",
            project="acme/default",
            user=f"acme/key-{key.id}",
            route="/v1/chat/completions",
            model="small",
            amount=amount,
            created_at_ms=at_ms,
        )
    )


async def settle(store: Store, call: str, owed: int, outcome: Outcome = Outcome.COMPLETED) -> None:
    usage = Usage(input=10, output=5)
    await store.settle(
        Settlement(call, outcome, owed, usage, Source.PROVIDER, "echo:echo", None, NOW + 1000)
    )


async def spent(store: Store) -> dict[str, int]:
    """By whom anything is."""
    return {each.owner: each.spent for each in await budgets.listed(store) if each.spent}


async def assert_sound(store: Store) -> None:
    """Balances, totals and reports agree."""
    assert await budgets.verify(store) == []
    assert (await recompute(store)).differences == []
    total = (await reports.report(store, [By.TENANT], Scope())).total
    assert total == (await reports.report(store, [By.DAY, By.USER], Scope())).total
