"""What a lane makes of dialects and providers that can more: spare, keep, rephrase, fail in their own words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from fakes import FakeProvider, FakeReply
from pipeline.houses import World, body, call, planned
from pipeline.plain import Plain, PlainWriter
from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.domain.conversation import Conversation, Message, Reasoning, Role, State, Text
from tollhouse.domain.errors import NotTranslatable, Problem
from tollhouse.domain.homes import Home
from tollhouse.domain.models import Ask, Leg, Plan
from tollhouse.pipeline.lanes import Lane, lane_of, stream_headers
from tollhouse.ports import Body, Dialect, Headers, Keeper, Rephrasing, Writer


class Failing:
    """As much of a relay as a lane looks at."""

    def problem_event(self, problem: Problem, request_id: str) -> bytes:
        return b"so it ends"


class Sparing(OpenAIChat):
    def left_out(self, ask: Ask, leg: Leg) -> tuple[str, ...]:
        return ("search",)

    def relay(self, ask: Ask) -> Any:
        return Failing()


class Keeping(Plain):
    """Hands out thoughts that it alone can read."""

    def keeping_relay(self, ask: Ask, keeper: Keeper) -> Any:
        return keeper.seal("known as this")

    def marked(self, state: State, keeper: Keeper) -> State:
        return State(state.dialect, {"marked": keeper.mark("thought")})

    def unmarked(self, state: State, unmark: Callable[[str], str | None]) -> State | None:
        return None if unmark(state.raw["marked"]) is None else State("there", {"bare": True})

    def encode(self, conversation: Conversation, leg: Leg) -> tuple[bytes, tuple[str, ...]]:
        return repr(conversation.messages[0].parts).encode(), ()


class Thoughtful(Plain):
    """What comes in bears a thought, and what goes out ends in words of its own if it fails."""

    mark = ""

    def decode(self, body: bytes) -> Conversation:
        thought = Reasoning("so be it", State("there", {"marked": self.mark}))
        return Conversation(
            (Message(Role.ASSISTANT, (thought,)), Message(Role.USER, (Text("hello"),)))
        )

    def encode(self, conversation: Conversation, leg: Leg) -> tuple[bytes, tuple[str, ...]]:
        return repr(conversation.messages[0].parts).encode(), ()

    def writer(self, ask: Ask, reply_id: str, created: int) -> Writer:
        return FailingWriter("head")


class FailingWriter(PlainWriter, Failing):
    """Implements Writer and Failing."""


class Rephrased(OpenAIChat):
    name = "in other words"

    def unsaid(self, body: Body) -> tuple[str, ...]:
        return ("no words",)

    def outgoing(self, body: Body, ask: Ask, leg: Leg) -> bytes:
        return b"in other words"


class Rephrasable(OpenAIChat):
    name = "in its own words"
    decode = None

    @property
    def rephrasings(self) -> Sequence[Rephrasing]:
        return (Rephrased(),)


class Withholding(FakeProvider):
    def withheld(self, headers: Headers) -> tuple[str, ...]:
        return tuple(name.decode() for name, _ in headers)


@pytest.mark.req("P-15")
def test_what_a_dialect_spares_its_own_kind_and_a_provider_withholds_is_unsaid() -> None:
    plain, sparing = lane(OpenAIChat(), FakeProvider()), lane(Sparing(), FakeProvider())
    both = lane(Sparing(), Withholding(), headers=((b"x-beta", b"1"),))

    assert [each.unsaid for each in (plain, sparing, both)] == [
        (),
        ("search",),
        ("search", "x-beta"),
    ]


@pytest.mark.req("R-10")
def test_an_answer_that_has_last_words_of_its_own_leaves_them() -> None:
    native, translated, plain = FakeReply(), FakeReply(), FakeReply()

    lane(Sparing(), FakeProvider(), native).relay()
    lane(Thoughtful("here"), FakeProvider(dialect=Plain("there")), translated).relay()
    lane(Plain("here"), FakeProvider(dialect=Plain("there")), plain).relay()

    assert [each.last_words is None for each in (native, translated, plain)] == [False, False, True]


@pytest.mark.req("R-6", "P-18")
def test_what_a_target_keeps_is_sealed_on_its_way_to_the_caller() -> None:
    world = World()
    relay: Any = lane(Keeping("there"), FakeProvider(dialect=Keeping("there")), world=world).relay()

    assert world.house.seals.open(relay, "acme").id == "known as this"


@pytest.mark.req("R-6", "P-18")
def test_a_thought_goes_home_to_the_dialect_that_can_read_it() -> None:
    world, heard = World(), Thoughtful("here")
    keeping: Any = lane(heard, FakeProvider(dialect=Keeping("there")), world=world)
    heard.mark = keeping._marked()(State("there", {})).raw["marked"]

    home = keeping.outgoing(body())
    elsewhere = lane(heard, FakeProvider(dialect=Thoughtful("there")), world=world).outgoing(body())

    assert b"bare" in bytes(home)
    assert heard.mark.encode() in bytes(elsewhere)


def test_between_two_that_hand_nothing_out_nothing_is_marked() -> None:
    translated: Any = lane(Plain("here"), FakeProvider(dialect=Plain("there")))

    assert translated._marked() is None


@pytest.mark.req("R-6")
def test_what_is_kept_at_a_target_is_not_gone_on_from_in_another_dialect() -> None:
    plan = planned()
    at_home = replace(plan, ask=replace(plan.ask, home=Home("first:m-real", "x", 1)))

    with pytest.raises(NotTranslatable):
        lane(Plain("here"), FakeProvider(dialect=Plain("there")), plan=at_home)


@pytest.mark.req("P-12", "P-15")
def test_a_path_is_said_as_one_that_the_target_has() -> None:
    rephrased = lane(Rephrasable(), FakeProvider(dialect=Rephrased()))

    assert rephrased.outgoing(b"{}") == b"in other words"
    assert rephrased.unsaid == ("no_words",)
    assert isinstance(rephrased.relay(), type(OpenAIChat().relay(planned().ask)))


@pytest.mark.req("P-12")
@pytest.mark.parametrize("heard", [Rephrasable(), Sparing()])
def test_where_a_target_has_none_of_them_it_is_not_asked(heard: Dialect) -> None:
    with pytest.raises(NotTranslatable):
        lane(heard, FakeProvider(dialect=Mute()))


def test_a_stream_bears_its_own_type_or_that_of_its_dialect() -> None:
    usual, own = stream_headers(OpenAIChat()), stream_headers(OpenAIChat(), b"audio/mpeg")

    assert usual[0] == (b"content-type", b"text/event-stream")
    assert own[0] == (b"content-type", b"audio/mpeg")


class Mute(OpenAIChat):
    """Nothing can be put into its words."""

    name = "mute"
    encode = None


def lane(
    heard: Dialect,
    provider: FakeProvider,
    reply: FakeReply | None = None,
    *,
    headers: tuple[tuple[bytes, bytes], ...] = (),
    plan: Plan | None = None,
    world: World | None = None,
) -> Lane:
    came = call(*headers, reply=reply)
    came = replace(came, route=replace(came.route, dialect=heard))
    plan = plan or planned()
    return lane_of(came, plan, plan.legs[0], provider, (world or World()).house.seals)
