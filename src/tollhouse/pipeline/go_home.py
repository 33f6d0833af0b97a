"""What a call goes on from is found before its plan is made: it decides who may answer."""

from __future__ import annotations

from dataclasses import replace

from tollhouse.domain.identity import Principal
from tollhouse.domain.models import Ask
from tollhouse.pipeline.house import House


def homed(ask: Ask, caller: Principal, house: House) -> Ask:
    """Raises StateUnknown on an id that was not sealed here, or for another tenant."""
    if ask.previous is None:
        return ask
    return replace(ask, home=house.seals.open(ask.previous, caller.tenant))
