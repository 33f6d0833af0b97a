"""Users who are made when a token of theirs comes first, where a rule of its issuer says so.

It is an act like any other: of the issuer, as an administrator of that tenant. Whoever comes for the same user
meanwhile waits for the same act. When an issuer has made as many as it may in an hour, nobody is asked for a while.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from tollhouse.control import acting
from tollhouse.control.acting import Desk
from tollhouse.domain import operations
from tollhouse.domain.claims import Claimed
from tollhouse.domain.errors import NewUsersLimited
from tollhouse.domain.operations import Role
from tollhouse.domain.roles import Actor, Grant, Place
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Books
from tollhouse.storage import first_sight

WAIT_MS = 60_000
MS_PER_S = 1000
LONGEST_WAIT_S = 60

log = logging.getLogger("tollhouse")


class FirstSight:
    def __init__(
        self, desk: Desk, refresh: Callable[[], Awaitable[None]], most: Mapping[str, int]
    ) -> None:
        """`most` each issuer may make in an hour; `refresh` lets who was made be known here."""
        self._desk = desk
        self._refresh = refresh
        self._most = most
        self._full_until_ms: dict[str, int] = {}
        self._making: dict[str, asyncio.Task[None]] = {}

    def making(self, claimed: Claimed) -> Awaitable[None]:
        """To be awaited; then whoever it is, is known, or it raises NewUsersLimited, Failure."""
        under_way = self._making.get(claimed.user)
        if under_way is None:
            under_way = asyncio.create_task(self._made(claimed))
            self._making[claimed.user] = under_way
            under_way.add_done_callback(lambda _: self._making.pop(claimed.user, None))
        return asyncio.shield(under_way)

    async def _made(self, claimed: Claimed) -> None:
        issuer, now_ms = claimed.issuer, self._desk.now_ms()
        wait_ms = self._full_until_ms.get(issuer, 0) - now_ms
        if wait_ms > 0:
            raise _limited(issuer, wait_ms)
        tenant, _, name = claimed.user.partition("/")
        grant = Grant(Role.ADMIN, Place(tenant))
        actor = Actor(f"issuer:{issuer}", "token", (grant,))

        async def work(store: Books) -> str:
            at = (claimed.user, tenant, issuer, self._most[issuer], now_ms)
            made, _ = await store.write(*first_sight.making(*at))
            if not made:
                raise Conflict(f"the user {claimed.user!r} is not made")
            return claimed.user

        operation = operations.found("users.create")
        try:
            await acting.act(self._desk, actor, operation, {"tenant": tenant, "name": name}, work)
        except Conflict:
            await self._why_not(claimed, now_ms)
        await self._refresh()

    async def _why_not(self, claimed: Claimed, now_ms: int) -> None:
        """Another process was quicker, or it was taken away: the snapshot will say so. Else there were too many."""
        known = "SELECT 1 FROM users WHERE id = $1 UNION SELECT 1 FROM users_gone WHERE id = $1"
        if await self._desk.store.read(known, claimed.user):
            return
        self._full_until_ms[claimed.issuer] = now_ms + WAIT_MS
        log.warning("the issuer %s has made as many users as it may in an hour", claimed.issuer)
        raise _limited(claimed.issuer, WAIT_MS)


def _limited(issuer: str, wait_ms: int) -> NewUsersLimited:
    return NewUsersLimited(
        retry_after_s=min(-(-wait_ms // MS_PER_S), LONGEST_WAIT_S), private=issuer
    )
