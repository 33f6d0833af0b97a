"""Somebody of another tenant, who may call the same model."""

from __future__ import annotations

import aiohttp

from journeys.gateway import MODEL, Gateway, now_ms, until
from tollhouse.control import budgets, keys, peppers, tenancy
from tollhouse.wiring import Store


async def key_of_another_tenant(door: Gateway) -> str:
    """Once the gateway knows it."""

    async def work(store: Store) -> str:
        await tenancy.create_tenant(store, "umbrella", now_ms())
        grant = budgets.Grant(is_granted=True, limit=10**12)
        await budgets.grant(store, "tenant:umbrella", grant)
        secrets = await peppers.opened(door.settings, store)
        wish = keys.Wish("umbrella", "test", models=(MODEL,))
        return (await keys.issue(store, secrets, wish, now_ms())).key

    key = await door.on_store(work)
    async with aiohttp.ClientSession(headers={"authorization": f"Bearer {key}"}) as http:

        async def is_known() -> bool:
            async with http.get(f"{door.base_url}/models") as reply:
                return reply.status == 200

        await until(is_known, "the key is known")
    return key
