"""What a call goes on from leads to where it was made, for its own tenant, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pipeline.houses import CALLER, World, planned
from tollhouse.domain.conversation import Conversation, Message, Reasoning, Role, State, Text
from tollhouse.domain.errors import StateUnknown
from tollhouse.domain.homes import Home, Thought
from tollhouse.pipeline.go_home import Outbound, homed, taken_home

ASK, LEG = planned().ask, planned().legs[0]
OTHER = replace(CALLER, tenant="beta")

pytestmark = pytest.mark.req("B-13", "S-46")


def test_where_a_call_goes_on_from_is_found_again() -> None:
    house = World().house
    out = Outbound(LEG, "acme", house.seals)
    sealed, marked = out.seal("resp_1"), out.mark("secret")

    found = homed(replace(ASK, previous=sealed, encrypted=(marked,)), CALLER, house)
    home_alone = homed(replace(ASK, previous=sealed), CALLER, house)
    thoughts_alone = homed(replace(ASK, encrypted=(marked,)), CALLER, house)

    home = Home("first:m-real", "resp_1", LEG.input_tokens + LEG.output_tokens)
    assert (found.home, home_alone.home, thoughts_alone.home) == (home, home, None)
    thought = {marked: Thought("first", "secret")}
    assert found.thoughts == thoughts_alone.thoughts == thought
    assert not home_alone.thoughts


def test_what_goes_on_from_nothing_is_what_it_was() -> None:
    assert homed(ASK, CALLER, World().house) is ASK


@pytest.mark.parametrize("what", ["previous", "encrypted"])
def test_nobody_goes_on_from_what_is_another_tenants_or_nobodys(what: str) -> None:
    house = World().house
    out = Outbound(LEG, "acme", house.seals)
    good = out.seal("resp_1") if what == "previous" else out.mark("secret")

    for caller, text in ((OTHER, good), (CALLER, good + "x"), (CALLER, "made up")):
        asked = replace(ASK, **{what: text if what == "previous" else (text,)})
        with pytest.raises(StateUnknown):
            homed(asked, caller, house)


def test_a_thought_goes_back_to_who_made_it_alone() -> None:
    seals = World().house.seals
    marked = Outbound(LEG, "acme", seals).mark("secret")
    elsewhere = replace(LEG, target=replace(LEG.target, provider="second"))

    assert Outbound(LEG, "acme", seals).unmark(marked) == "secret"
    assert Outbound(elsewhere, "acme", seals).unmark(marked) is None
    with pytest.raises(StateUnknown):
        Outbound(LEG, "beta", seals).unmark(marked)


class Spoken:
    """Implements Keeping, as far as it is asked here."""

    def unmarked(self, state: State, unmark: Callable[[str], str | None]) -> State | None:
        text = unmark(state.raw["text"])
        return None if text is None else State("d", {"text": text})


def test_of_a_conversation_thoughts_alone_are_looked_at() -> None:
    out = Outbound(LEG, "acme", World().house.seals)
    marked = State("d", {"text": out.mark("secret")})
    words, thought = Text("hello"), Reasoning("hm")
    asked = Message(Role.USER, (words,))
    said = Message(Role.ASSISTANT, (thought, Reasoning("", marked), words))
    conversation = Conversation((asked, said))

    home = taken_home(conversation, Spoken(), out)  # type: ignore[arg-type]

    assert home.messages[0] is asked
    assert home.messages[1].parts == (thought, Reasoning("", State("d", {"text": "secret"})), words)


def test_a_conversation_without_thoughts_is_what_it_was() -> None:
    said = Message(Role.ASSISTANT, (Reasoning("hm"), Text("hello")))
    conversation = Conversation((said,))

    out = Outbound(LEG, "acme", World().house.seals)

    assert taken_home(conversation, Spoken(), out) is conversation  # type: ignore[arg-type]
