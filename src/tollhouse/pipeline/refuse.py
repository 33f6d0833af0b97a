"""What has no route: written down like every other request, and refused. Nothing is forwarded."""

from __future__ import annotations

from tollhouse.domain.errors import MethodNotAllowed, Overloaded, RouteUnknown
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House
from tollhouse.pipeline.record import recorded


async def refuse_path(call: Call, house: House) -> None:
    with recorded(call, house):
        raise RouteUnknown


async def refuse_method(call: Call, house: House) -> None:
    with recorded(call, house):
        raise MethodNotAllowed


async def refuse_for_load(call: Call, house: House) -> None:
    with recorded(call, house):
        raise Overloaded(retry_after_s=1)
