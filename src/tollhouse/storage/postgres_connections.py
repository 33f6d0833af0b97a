"""The way to PostgreSQL: connections that are kept, deadlines, and what its errors mean here.

The only module that knows the driver.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any

import asyncpg

from tollhouse.domain.errors import StoreUnavailable
from tollhouse.domain.storing import Conflict

CONNECT_S = 5.0
STATEMENT_S = 10.0

INTEGRITY = "23"
OUR_MISTAKES = ("22", "42")  # data that does not fit its column; SQL that is wrong

BY_KEY = {"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off"}
"""For who only asks for rows by their keys. A plan is kept for as long as its connection, or until the table is
analyzed: one that was made while the table was empty would read it from end to end when it is full."""

BROKEN = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


class Connections:
    """At most `size` at a time. One that saw an error is not used again: its state is uncertain."""

    def __init__(
        self,
        dsn: str,
        password: str | None,
        size: int,
        *,
        deadline_s: float,
        planning: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._dsn = dsn
        self._password = password
        self._deadline_s = deadline_s
        self._planning = planning
        self._places = asyncio.Semaphore(size)
        self._idle: list[Any] = []
        self._is_closed = False

    @asynccontextmanager
    async def one(self, *, deadline_s: float | None = None) -> AsyncIterator[Any]:
        """A connection for the block, all of which has one deadline; raises StoreUnavailable, Conflict."""
        async with translated(), asyncio.timeout(deadline_s or self._deadline_s), self._places:
            connection = await self._take()
            try:
                yield connection
            except BaseException:
                connection.terminate()
                raise
            self._give_back(connection)

    @asynccontextmanager
    async def transaction(self, *, deadline_s: float | None = None) -> AsyncIterator[Any]:
        """All that the block does, or nothing: a connection that is dropped takes its work with it."""
        async with self.one(deadline_s=deadline_s) as connection:
            await connection.execute("BEGIN")
            yield connection
            await connection.execute("COMMIT")

    def close(self) -> None:
        self._is_closed = True
        while self._idle:
            self._idle.pop().terminate()

    async def _take(self) -> Any:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
            connection.terminate()
        return await connect(self._dsn, self._password, self._deadline_s, self._planning)

    def _give_back(self, connection: Any) -> None:
        if self._is_closed or connection.is_closed():
            connection.terminate()
        else:
            self._idle.append(connection)


async def connect(
    dsn: str,
    password: str | None,
    deadline_s: float,
    planning: Mapping[str, str] = MappingProxyType({}),
) -> Any:
    """A new connection, set up so that the server's own defaults decide nothing about money."""
    deadline_ms = str(int(deadline_s * 1000))
    connection = await asyncpg.connect(
        dsn,
        password=password,
        timeout=CONNECT_S,
        server_settings={
            "application_name": "tollhouse",
            "synchronous_commit": "on",
            "default_transaction_isolation": "read committed",
            "statement_timeout": deadline_ms,  # nobody waits for it any longer
            "idle_in_transaction_session_timeout": deadline_ms,
            "jit": "off",
            **planning,
        },
    )
    # sums of whole numbers are `numeric` there, and whole numbers here
    await connection.set_type_codec(
        "numeric", schema="pg_catalog", encoder=str, decoder=int, format="text"
    )
    return connection


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """The one place where the driver's errors become ours."""
    try:
        yield
    except TimeoutError as error:
        raise unavailable("no answer in time") from error
    except BROKEN as error:
        state = getattr(error, "sqlstate", None) or ""
        if state.startswith(INTEGRITY):
            raise Conflict(str(error)) from error
        if state.startswith(OUR_MISTAKES):
            raise
        raise unavailable(f"{type(error).__name__}: {error}") from error


def unavailable(what: str) -> StoreUnavailable:
    return StoreUnavailable(private=f"PostgreSQL: {what}", retry_after_s=2)
