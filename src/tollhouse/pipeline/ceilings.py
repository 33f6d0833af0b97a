"""What one call may cost, as its caller wants it, and what one conversation may, as its key has it."""

from __future__ import annotations

import re
from dataclasses import replace

from tollhouse.domain import amounts
from tollhouse.domain.budget import Hold, Share, dollars
from tollhouse.domain.errors import CostOverCeiling, FieldInvalid
from tollhouse.domain.models import Plan
from tollhouse.domain.values import value
from tollhouse.pipeline.call import Call
from tollhouse.ports import Database
from tollhouse.storage import conversations

MAX_COST = b"x-max-cost"
CONVERSATION = b"x-conversation-id"

_named = re.compile(rb"[!-~]{1,128}").fullmatch


def check_cost(said: bytes, plan: Plan) -> None:
    """Raises CostOverCeiling, and FieldInvalid on what is no amount."""
    most = amounts.nanos(said.decode("latin-1").strip(), "x-max-cost")
    if plan.hold > most:
        raise CostOverCeiling(
            f"This call could cost up to {dollars(plan.hold)}, and `x-max-cost` allows {dollars(most)}. "
            f"Ask for a smaller `max_tokens`, send less, or allow more.",
            param="x-max-cost",
        )


@value
class Ceiling:
    """What one conversation of a key may come to."""

    conversation: str
    limit: int


def of(call: Call, limit: int) -> Ceiling | None:
    """None where the caller names no conversation: then there is nothing to add up."""
    said = call.fields.get(CONVERSATION)
    if said is None:
        return None
    if not _named(said):
        raise FieldInvalid(
            "`x-conversation-id` is 1 to 128 characters that can be seen.",
            param="x-conversation-id",
        )
    return Ceiling(said.decode("ascii"), limit)


async def under(ceiling: Ceiling, hold: Hold, store: Database) -> Hold:
    """Held on the account of its conversation too."""
    account = await conversations.account(store, hold.key, ceiling.conversation, ceiling.limit)
    return replace(hold, shares=(*hold.shares, Share(account)))
