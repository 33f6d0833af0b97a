"""What a call goes on from is found before its plan is made: it decides who may answer.

An answer that is kept is at one target. A thought that was encrypted is readable to one provider; it
goes there, and what cannot go there stays behind and is named.
"""

from __future__ import annotations

from dataclasses import replace

from tollhouse.domain.conversation import Conversation, Message, Part, Reasoning
from tollhouse.domain.homes import Home, Thought
from tollhouse.domain.identity import Principal
from tollhouse.domain.models import Ask, Leg
from tollhouse.pipeline.house import House
from tollhouse.ports import Keeping, Seals


def homed(ask: Ask, caller: Principal, house: House) -> Ask:
    """Raises StateUnknown on what was not sealed or marked here, or for another tenant."""
    if ask.previous is None and not ask.encrypted:
        return ask
    seals, tenant = house.seals, caller.tenant
    return replace(
        ask,
        home=seals.open(ask.previous, tenant) if ask.previous is not None else None,
        thoughts={each: seals.unmark(each, tenant) for each in ask.encrypted},
    )


class Outbound:
    """Implements Keeper: what one target made for one tenant, on its way out."""

    __slots__ = ("_leg", "_seals", "_tenant")

    def __init__(self, leg: Leg, tenant: str, seals: Seals) -> None:
        self._leg = leg
        self._tenant = tenant
        self._seals = seals

    def seal(self, known_as: str) -> str:
        """Whoever goes on from this answer has all of it in the input: at most what was held for."""
        leg = self._leg
        home = Home(leg.target.name, known_as, leg.input_tokens + leg.output_tokens)
        return self._seals.seal(home, self._tenant)

    def mark(self, encrypted: str) -> str:
        return self._seals.mark(Thought(self._leg.target.provider, encrypted), self._tenant)

    def unmark(self, marked: str) -> str | None:
        """As the target knows it; None if another provider made it. Raises StateUnknown."""
        thought = self._seals.unmark(marked, self._tenant)
        return thought.text if thought.provider == self._leg.target.provider else None


def taken_home(conversation: Conversation, spoken: Keeping, target: Outbound) -> Conversation:
    """With what this target's provider encrypted, as it did; a thought of others is a thought without."""

    if not any(map(_has_state, conversation.messages)):
        return conversation

    def part_of(part: Part) -> Part:
        if not isinstance(part, Reasoning) or part.state is None:
            return part
        return replace(part, state=spoken.unmarked(part.state, target.unmark))

    messages = tuple(
        [
            replace(each, parts=tuple(map(part_of, each.parts))) if _has_state(each) else each
            for each in conversation.messages
        ]
    )
    return replace(conversation, messages=messages)


def _has_state(message: Message) -> bool:
    return any(isinstance(part, Reasoning) and part.state is not None for part in message.parts)
