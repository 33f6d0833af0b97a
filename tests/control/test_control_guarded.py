"""A store whose next write brings something along: once, and whatever else is asked of it as it is."""

from __future__ import annotations

import pytest

from tollhouse.control.guarded import Guarded
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Row, Statement, Value

BESIDE: Statement = ("SELECT 'beside'", ())
ACT: Statement = ("SELECT 'act'", ())


class Noting:
    """Tells what it was asked. `refusing` writes conflict."""

    def __init__(self, refusing: int = 0) -> None:
        self.asked: list[object] = []
        self.refusing = refusing

    async def read(self, sql: str, *values: Value) -> list[Row]:
        return [(sql, *values)]

    async def write(self, *statements: Statement) -> list[int]:
        self.asked.append(statements)
        if self.refusing:
            self.refusing -= 1
            raise Conflict("taken")
        return list(range(len(statements)))

    async def changed(self) -> None:
        self.asked.append("changed")

    async def migrate(self, *, apply: bool = True) -> list[str]:
        return ["step"] if apply else []

    async def close(self) -> None:
        self.asked.append("close")


async def test_what_is_brought_along_goes_with_the_first_write_alone() -> None:
    store = Noting()
    guarded = Guarded(store, [BESIDE])  # type: ignore[arg-type]

    counts = [await guarded.write(ACT), await guarded.write(ACT, ACT)]

    assert store.asked == [(BESIDE, ACT), (ACT, ACT)]
    assert counts == [[1], [0, 1]]
    assert not guarded.is_contested


@pytest.mark.parametrize(("beside", "is_contested"), [([BESIDE], True), ([], False)])
async def test_only_a_write_that_brought_something_along_can_be_contested(
    beside: list[Statement], *, is_contested: bool
) -> None:
    guarded = Guarded(Noting(refusing=2), beside)  # type: ignore[arg-type]

    with pytest.raises(Conflict):
        await guarded.write(ACT)

    assert guarded.is_contested is is_contested


async def test_everything_else_is_asked_of_the_store_itself() -> None:
    store = Noting()
    guarded = Guarded(store, [BESIDE])  # type: ignore[arg-type]

    await guarded.changed()
    await guarded.close()

    assert store.asked == ["changed", "close"]
    assert await guarded.read("SELECT $1", 7) == [("SELECT $1", 7)]
    assert (await guarded.migrate(), await guarded.migrate(apply=False)) == (["step"], [])
