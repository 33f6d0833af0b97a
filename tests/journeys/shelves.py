"""Who asks a gateway before a provider that keeps files, and what is kept there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import openai
from openai import AsyncOpenAI

from journeys.gateway import MODEL, Gateway, now_ms
from journeys.shelf import Shelf
from tollhouse.control import budgets, keys, peppers, tenancy
from tollhouse.domain.files import File
from tollhouse.storage import files
from tollhouse.wiring import Store

STRANGERS = {"another tenant": "umbrella/default", "another project": "acme/second"}


@asynccontextmanager
async def asking(door: Gateway, key: str) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=door.base_url, api_key=key, max_retries=0) as it:
        yield it


async def is_known(caller: AsyncOpenAI) -> bool:
    try:
        await caller.models.list()
    except openai.AuthenticationError:
        return False
    return True


async def key_of(door: Gateway, project: str) -> str:
    tenant, _, name = project.partition("/")

    async def work(store: Store) -> str:
        if tenant != "acme":
            await tenancy.create_tenant(store, tenant, now_ms())
            grant = budgets.Grant(is_granted=True, limit=10**12)
            await budgets.grant(store, f"tenant:{tenant}", grant)
        if name != "default":
            await tenancy.create_project(store, tenant, name, now_ms())
        secrets = await peppers.opened(door.settings, store)
        wish = keys.Wish(tenant, "test", project=name, models=(MODEL,))
        return (await keys.issue(store, secrets, wish, now_ms())).key

    return await door.on_store(work)


async def kept(door: Gateway, shelf: Shelf, content: bytes = b"hello") -> str:
    """A file of the project of the gateway's own key."""
    known_as = shelf.keep(content, "user_data", "notes.txt")
    file_id = f"file-{len(shelf.files):032x}"
    file = File(
        file_id, "acme/default", "up", known_as, "user_data", "notes.txt", len(content), now_ms()
    )
    await door.on_store(lambda store: files.add(store, file))
    return file_id
