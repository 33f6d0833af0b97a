"""Carry a call, or refuse it because there is too much to do: before its body is read.

While it is carried it stands with those under way, where whoever finds that it may not go on can end it.
"""

from __future__ import annotations

from types import TracebackType

from tollhouse.domain.errors import Overloaded
from tollhouse.domain.identity import Principal
from tollhouse.domain.shedding import RETRY_AFTER_S
from tollhouse.pipeline.house import House
from tollhouse.pipeline.record import Journal
from tollhouse.pipeline.within import within


class carried:  # noqa: N801 - read as a participle: `with carried(…)`
    __slots__ = ("_caller", "_house", "record", "stay")

    def __init__(self, caller: Principal, record: Journal, stay: within, house: House) -> None:
        self.record = record
        self.stay = stay
        self._caller = caller
        self._house = house

    def __enter__(self) -> None:
        house, priority = self._house, self._caller.priority
        if house.load.refuses(priority):
            house.watch.shed(priority)
            raise Overloaded(
                f"This gateway has too much to do for calls of {priority} priority.",
                retry_after_s=RETRY_AFTER_S[priority],
            )
        house.load.under_way += 1
        house.under_way.add(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._house.load.under_way -= 1
        self._house.under_way.discard(self)
