"""A store whose next write brings something along: done together, or not at all."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Awaitable, Sequence

from tollhouse.domain.budget import Hold, Settlement
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Books, Row, Statement, Value


class Guarded:
    """Implements Books over another. What it brings along goes with the first write, which is the act."""

    def __init__(self, store: Books, beside: Sequence[Statement]) -> None:
        self._store = store
        self._beside = tuple(beside)
        self.is_contested = False
        """Whether the first write was refused: by what it brought along, or of itself."""

    async def read(self, sql: str, *values: Value) -> list[Row]:
        return await self._store.read(sql, *values)

    async def write(self, *statements: Statement) -> list[int]:
        beside, self._beside = self._beside, ()
        try:
            counts = await self._store.write(*beside, *statements)
        except Conflict:
            self.is_contested = bool(beside)
            raise
        return counts[len(beside) :]

    async def changed(self) -> None:
        await self._store.changed()

    async def migrate(self, *, apply: bool = True) -> list[str]:
        return await self._store.migrate(apply=apply)

    async def close(self) -> None:
        await self._store.close()

    def hold(self, hold: Hold, beside: Sequence[Statement] = ()) -> Awaitable[None]:
        return self._store.hold(hold, beside)

    def settle(self, settlement: Settlement) -> Future[bool]:
        return self._store.settle(settlement)
