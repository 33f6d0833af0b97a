"""Carry a call, or refuse it because there is too much to do: before its body is read."""

from __future__ import annotations

from types import TracebackType

from tollhouse.domain.errors import Overloaded
from tollhouse.domain.identity import Principal
from tollhouse.domain.shedding import RETRY_AFTER_S
from tollhouse.pipeline.house import House


class carried:  # noqa: N801 - read as a participle: `with carried(…)`
    __slots__ = ("_caller", "_house")

    def __init__(self, caller: Principal, house: House) -> None:
        self._caller = caller
        self._house = house

    def __enter__(self) -> None:
        load, priority = self._house.load, self._caller.priority
        if load.refuses(priority):
            self._house.watch.shed(priority)
            raise Overloaded(
                f"This gateway has too much to do for calls of {priority} priority.",
                retry_after_s=RETRY_AFTER_S[priority],
            )
        load.under_way += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._house.load.under_way -= 1
