"""What is taken back is out in four processes on one PostgreSQL while it calls without pause: told within a second,
and found out within the declared bound where nobody is told.

A process is late by as much as the machine is, and what the machine takes is measured beside it: of a caller who
stays, in the same processes at the same time, the longest call. To hear of a change is some statements one after
another, as a call is; so three of the longest are its room.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from journeys.gateway import MODEL, Gateway, ask, furnish, now_ms, prepared, until
from journeys.provider import Provider, provider
from servers import PostgresServer
from tollhouse.control import keys, own_tokens, revoking, tenancy
from tollhouse.control.own_tokens import Wish
from tollhouse.domain.claims import OURS
from tollhouse.domain.tokens import read
from tollhouse.storage.postgres_changes import POLL_S
from tollhouse.storage.tenancy import Kind
from tollhouse.wiring import Store, issuers

PROCESSES = 4
TOLD_WITHIN_S = 1.0
CALLS_OF_ROOM = 3
REFUSED_ENOUGH = 5
PATIENCE_S = 60.0
STAYS = "who stays"
SETTINGS = """
[tokens]
secrets = { 1 = "env:SIGNING" }
"""
WITHOUT_A_WORD = """
CREATE OR REPLACE FUNCTION raise_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN UPDATE control SET value = value + 1 WHERE name = 'revision'; RETURN NULL; END $$
"""

pytestmark = pytest.mark.req("S-27", "H-140", "OP-10", "P-37", "B-7")


@dataclass
class Seen:
    """Calls with one credential to one process, in their order."""

    began: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def forget(self) -> None:
        """What came before all of them were known."""
        for listed in (self.began, self.took, self.statuses):
            listed.clear()

    def last_accepted(self) -> float:
        """When it began; before all of them where none was."""
        accepted = [
            at for at, status in zip(self.began, self.statuses, strict=True) if status == 200
        ]
        return max(accepted, default=0.0)

    def is_refused_for_good(self) -> bool:
        return set(self.statuses[-REFUSED_ENOUGH:]) == {401}

    def is_in_order(self) -> bool:
        """Accepted until it is refused, and never again."""
        first = self.statuses.index(401)
        return set(self.statuses[first:]) == {401} and set(self.statuses[:first]) <= {200}


Book = dict[tuple[int, str], Seen]


@pytest.mark.parametrize("is_signalled", [True, False], ids=["told", "not told"])
async def test_what_was_taken_back_is_out_everywhere(
    doors: list[Gateway], database: tuple[PostgresServer, str], is_signalled: bool
) -> None:
    credentials, changes = await _made(doors[0])
    if not is_signalled:
        server, name = database
        server.run(WITHOUT_A_WORD, name)
    book: Book = {(door, who): Seen() for door in range(PROCESSES) for who in credentials}
    is_over = asyncio.Event()

    async with asyncio.TaskGroup() as callers:
        for number, door in enumerate(doors):
            callers.create_task(_calls(door, number, credentials, book, is_over))
        await until(lambda: _are_all(book, 200), "all are let in everywhere", PATIENCE_S)
        for seen in book.values():
            seen.forget()
        changed_at = await doors[0].on_store(partial(_all_changed, changes))
        await until(partial(_are_out, book, changes), "all are out everywhere", PATIENCE_S)
        is_over.set()

    bound_s = TOLD_WITHIN_S if is_signalled else POLL_S
    for (number, who), seen in book.items():
        if who == STAYS:
            assert set(seen.statuses) == {200}
            continue
        room_s = CALLS_OF_ROOM * _longest(book[number, STAYS], changed_at)
        assert seen.is_in_order(), (number, who)
        assert seen.last_accepted() - changed_at <= bound_s + room_s, (number, who, room_s)
    await doors[0].nothing_is_held()


async def _calls(
    door: Gateway, number: int, credentials: dict[str, str], book: Book, is_over: asyncio.Event
) -> None:
    """Each in turn, without a pause, on one connection."""
    timeout = aiohttp.ClientTimeout(PATIENCE_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        while not is_over.is_set():
            for who, credential in credentials.items():
                seen, began = book[number, who], time.monotonic()
                async with session.post(
                    f"{door.base_url}/chat/completions",
                    json=ask(),
                    headers={"authorization": f"Bearer {credential}"},
                ) as reply:
                    await reply.read()
                seen.began.append(began)
                seen.took.append(time.monotonic() - began)
                seen.statuses.append(reply.status)


Change = Callable[[Store], Awaitable[object]]


async def _made(door: Gateway) -> tuple[dict[str, str], dict[str, Change]]:
    """What callers show, by whom; and what is done about each but the one who stays."""
    signing = issuers.own_keys_of(door.settings)
    assert signing is not None

    async def token(store: Store, name: str) -> str:
        user = await tenancy.create_user(store, "acme", name, now_ms())
        wish = Wish(user, "default", (MODEL,), 600)
        return await own_tokens.issue(store, signing.token, wish, 3600, now_ms())

    one, two, stays = [
        await door.on_store(partial(token, name=f"{name}{now_ms()}"))
        for name in ("anna", "bert", "carl")
    ]
    key = await door.new_key(models=(MODEL,))
    one_id, user = read(one).claims["jti"], read(two).claims["sub"]
    changes: dict[str, Change] = {
        "a token": lambda store: revoking.revoke(store, OURS, 3600, one_id, "", now_ms()),
        "a user": lambda store: tenancy.set_disabled(store, Kind.USER, user, is_disabled=True),
        "a key": lambda store: keys.revoke(store, key.id),
    }
    return {"a token": one, "a user": two, "a key": key.key, STAYS: stays}, changes


async def _all_changed(changes: dict[str, Change], store: Store) -> float:
    """The moment at which the last of them was committed."""
    for change in changes.values():
        await change(store)
    return time.monotonic()


def _longest(stays: Seen, since: float) -> float:
    return max(took for at, took in zip(stays.began, stays.took, strict=True) if at + took >= since)


async def _are_all(book: Book, status: int) -> bool:
    return all(seen.statuses[-3:] == [status] * 3 for seen in book.values())


async def _are_out(book: Book, changes: dict[str, Change]) -> bool:
    return all(seen.is_refused_for_good() for (_, who), seen in book.items() if who in changes)


@pytest.fixture(scope="module")
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        yield it


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[tuple[PostgresServer, str]]:
    with postgres.database() as url:
        yield postgres, url.partition("@/")[2].partition("?")[0]


@pytest.fixture(scope="module")
async def doors(
    tmp_path_factory: pytest.TempPathFactory, database: tuple[PostgresServer, str], up: Provider
) -> AsyncIterator[list[Gateway]]:
    server, name = database
    made = [
        _prepared(tmp_path_factory.mktemp("door"), up, server.url(name)) for _ in range(PROCESSES)
    ]
    await furnish(made[0], 10**12)
    try:
        await asyncio.gather(*(door.start() for door in made))
        yield made
    finally:
        for door in made:
            while door.processes:
                door.kill()


def _prepared(directory: Path, up: Provider, url: str) -> Gateway:
    door = prepared(directory, up.url, database=url, settings=SETTINGS)
    door.environ["SIGNING"] = "canary-of-the-signing-secret-0123"
    return door
