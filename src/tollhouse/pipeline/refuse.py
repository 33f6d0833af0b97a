"""A request for which there is no route: written down like every other, and refused."""

from __future__ import annotations

from typing import NoReturn

from tollhouse.domain.errors import Problem
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House
from tollhouse.pipeline.record import recorded


async def refuse(call: Call, house: House, problem: Problem) -> NoReturn:
    async with recorded(call, house):
        raise problem
    raise problem
