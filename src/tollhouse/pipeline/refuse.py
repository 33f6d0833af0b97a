"""What the door would not let through: written down like every other request. Nothing is forwarded."""

from __future__ import annotations

from tollhouse.domain.errors import Internal
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House
from tollhouse.pipeline.record import recorded


async def refuse(call: Call, house: House) -> None:
    with recorded(call, house):
        raise call.refusal or Internal
