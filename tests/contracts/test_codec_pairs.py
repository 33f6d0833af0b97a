"""What every pair of dialects promises, one asking and the other answering."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from scripts.fidelity.crossing import read, translated, written
from scripts.fidelity.dialects import PAIRS, Spoken, ask
from scripts.fidelity.facts import facts, heard, is_named, lost
from scripts.fidelity.features import ANSWERED, ASKED, LOOK
from scripts.fidelity.page import LOST, reaches

from contracts import talking
from contracts.talking import Dice, as_far_as
from contracts.test_codecs import unheard
from tollhouse.domain.conversation import (
    Conversation,
    Message,
    Role,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from tollhouse.domain.deltas import Argued, Began, Called, Counted, Delta, Said, Stop, Stopped
from tollhouse.domain.errors import UpstreamFailed
from tollhouse.domain.pricing import Usage
from tollhouse.pipeline.translation import Translation

TURNS = 30

each_pair = pytest.mark.parametrize(
    ("caller", "target"),
    [pytest.param(*pair, id="-".join(each.name for each in pair)) for pair in PAIRS],
)
each_way = pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])


@pytest.mark.req("P-15")
@each_pair
@given(dice=talking.dice)
@settings(max_examples=50, deadline=None)
def test_what_a_caller_says_reaches_the_target_but_for_what_is_named(
    caller: Spoken, target: Spoken, dice: Dice
) -> None:
    conversation = dice.conversation(caller.own_state)
    said, _ = caller.client.encode(conversation, caller.leg)

    arrived = caller.server.decode(said)
    told, unsaid = target.client.encode(arrived, target.leg)

    missing = lost(facts(arrived), facts(target.server.decode(told)))
    assert {path for path in missing if not is_named(path, unsaid)} == set()


@pytest.mark.req("P-15")
@each_pair
@pytest.mark.parametrize("asked", ASKED)
def test_nothing_is_lost_in_silence(caller: Spoken, target: Spoken, asked: str) -> None:
    assert reaches(caller, target, asked) != LOST


@pytest.mark.req("P-15")
@each_pair
@each_way
@given(dice=talking.dice)
@settings(max_examples=50, deadline=None)
def test_what_a_target_answers_reaches_the_caller_as_far_as_its_dialect_goes(
    caller: Spoken, target: Spoken, is_stream: bool, dice: Dice
) -> None:
    answer = written(target, dice.answer(None), is_stream=is_stream)
    there = heard(read(target, answer, is_stream=is_stream))

    passed = translated(caller, target, answer, is_stream=is_stream)

    here = heard(read(caller, passed, is_stream=is_stream))
    assert lost(there, here) <= unheard(caller, is_stream=is_stream)
    assert lost(here, there) & {"said", "thought", "calls", "usage"} == set()


@pytest.mark.req("P-15")
@each_pair
@pytest.mark.parametrize("answered", ["words", "thoughts", "parallel calls"])
def test_a_translated_stream_is_the_same_wherever_the_targets_was_cut(
    caller: Spoken, target: Spoken, answered: str
) -> None:
    answer = written(target, ANSWERED[answered], is_stream=True)
    whole = heard(read(caller, translated(caller, target, answer, is_stream=True), is_stream=True))

    for at in range(1, len(answer), 3):
        relay = _relay(caller, target)
        said = relay.feed(answer[:at]) + relay.feed(answer[at:]) + relay.finish()
        assert heard(read(caller, said, is_stream=True)) == whole, at


@pytest.mark.req("P-15", "R-15")
@each_pair
@each_way
def test_a_loop_of_tools_goes_on_for_thirty_turns(
    caller: Spoken, target: Spoken, is_stream: bool
) -> None:
    """The client keeps the conversation, the gateway nothing: each turn is said anew from the first word."""
    messages: list[Message] = [Message(Role.USER, (Text("count"),))]
    for turn in range(TURNS):
        said, _ = caller.client.encode(_talk(messages, is_stream=is_stream), caller.leg)
        told, _ = target.client.encode(caller.server.decode(said), target.leg)
        assert _story(target.server.decode(told).messages) == _story(messages)
        answer = written(target, _turn(turn), is_stream=is_stream)
        passed = translated(caller, target, answer, is_stream=is_stream)
        messages += _lived_through(read(caller, passed, is_stream=is_stream), turn)

    assert len(_story(messages)) == 1 + TURNS * 5
    ids = [part.id for it in messages for part in it.parts if isinstance(part, ToolCall)]
    assert len(set(ids)) == TURNS * 2


@pytest.mark.req("R-10", "P-12")
@each_pair
def test_an_error_of_the_target_in_the_midst_of_a_stream_is_one_of_the_callers(
    caller: Spoken, target: Spoken
) -> None:
    relay = _relay(caller, target)
    answer = written(target, [Began("x", 1), Said("hi"), Said("!")], is_stream=True)
    error = target.server.problem_event(UpstreamFailed(), "request-1")

    said = relay.feed(as_far_as(target, answer, "hi!") + error)

    assert isinstance(relay.failure, UpstreamFailed)
    reader = caller.client.reader(is_stream=True)
    pieces = reader.feed(said + caller.server.problem_event(relay.failure, "request-1"))
    assert heard(pieces)["said"][0][1].startswith("hi")
    assert isinstance(reader.failure, UpstreamFailed)


def _talk(messages: Sequence[Message], *, is_stream: bool) -> Conversation:
    keep = Tool("keep", "Keeps.", {"type": "object", "properties": {}})
    return Conversation(tuple(messages), tools=(LOOK, keep), is_stream=is_stream)


def _turn(number: int) -> list[Delta]:
    """Two calls at once, whose arguments take turns; a target that gives no ids gets some."""
    return [
        *(Began(f"upstream-{number}", 1), Said(f"turn {number}")),
        *(Called(0, f"call_{number}_a", "look"), Argued(0, '{"at":')),
        *(Called(1, f"call_{number}_b", "keep"), Argued(1, f'{{"n":{number}')),
        *(Argued(0, f'"{number}"}}'), Argued(1, "}")),
        *(Stopped(Stop.TOOLS), Counted(Usage(9, 5))),
    ]


def _lived_through(deltas: Sequence[Delta], turn: int) -> list[Message]:
    """What a client makes of an answer: it keeps it, and runs the tools."""
    said = "".join(delta.text for delta in deltas if isinstance(delta, Said))
    named = {delta.index: delta for delta in deltas if isinstance(delta, Called)}
    calls = [
        ToolCall(
            called.id or f"made_{turn}_{index}",
            called.name,
            "".join(
                each.fragment for each in deltas if isinstance(each, Argued) and each.index == index
            ),
        )
        for index, called in named.items()
    ]
    results = tuple(ToolResult(call.id, (Text(f"{call.name} {turn}"),)) for call in calls)
    return [Message(Role.ASSISTANT, (Text(said), *calls)), Message(Role.TOOL, results)]


def _story(messages: Sequence[Message]) -> list[tuple[str, ...]]:
    """Who said and called what, in order."""
    story: list[tuple[str, ...]] = []
    for message in messages:
        for part in message.parts:
            match part:
                case Text(text):
                    story.append((message.role.value, text))
                case ToolCall():
                    story.append(("call", part.id, part.name))
                case ToolResult():
                    texts = [each.text for each in part.parts if isinstance(each, Text)]
                    story.append(("result", part.call_id, *texts))
    return story


def _relay(caller: Spoken, target: Spoken) -> Translation:
    asked = ask(is_stream=True)
    writer = caller.server.writer(asked, "reply", 1_800_000_000)
    return Translation(target.client.reader(is_stream=True), writer, asked, "reply")
