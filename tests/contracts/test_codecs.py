"""What every dialect promises that can be translated."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripts.fidelity.crossing import read, said_and_read, translated, written
from scripts.fidelity.dialects import CALLERS, TARGETS, Caller, Spoken, ask
from scripts.fidelity.facts import Facts, facts, heard, is_named, lost
from scripts.fidelity.features import ANSWERED, ASKED, TALK

from contracts import talking
from contracts.talking import FOREIGN, Dice, as_far_as
from tollhouse.domain.conversation import (
    Conversation,
    File,
    Message,
    Reasoning,
    Role,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from tollhouse.domain.deltas import Began, Counted, Delta, Stop, Stopped
from tollhouse.domain.errors import Failure, Problem, UpstreamFailed, UpstreamRateLimited
from tollhouse.domain.pricing import Usage
from tollhouse.pipeline.translation import Translation

SAID: dict[str, list[Delta]] = {
    "words": [Began("x", 1), *TALK, Stopped(Stop.END), Counted(Usage(9, 5))],
    "calls": list(ANSWERED["parallel calls"]),
    "thoughts": list(ANSWERED["thoughts"]),
}

each_dialect = pytest.mark.parametrize("spoken", TARGETS, ids=lambda each: each.name)
each_caller = pytest.mark.parametrize("spoken", CALLERS, ids=lambda each: each.name)
each_way = pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])


@pytest.mark.req("P-15")
@each_dialect
@given(dice=talking.dice)
@settings(max_examples=50, deadline=None)
def test_what_was_said_is_read_again_but_for_what_is_named(spoken: Spoken, dice: Dice) -> None:
    conversation = dice.conversation(spoken.own_state)

    again, unsaid = said_and_read(spoken, conversation)

    before, after = facts(conversation), facts(again)
    dropped = {path for path in lost(before, after) if not is_named(path, unsaid)}
    assert dropped == set()
    made_up = {_root(path) for path in lost(after, before)}
    assert made_up - _could_not_forbid(unsaid) <= _roots(lost(before, after), unsaid)
    assert again.unsaid == ()


@pytest.mark.req("P-15")
@each_dialect
@pytest.mark.parametrize("asked", ASKED)
def test_each_thing_is_said_or_named(spoken: Spoken, asked: str) -> None:
    again, unsaid = said_and_read(spoken, ASKED[asked])

    missing = lost(facts(ASKED[asked]), facts(again))
    assert {path for path in missing if not is_named(path, unsaid)} == set()


@pytest.mark.req("P-15")
@each_caller
@given(dice=talking.dice)
@settings(max_examples=50, deadline=None)
def test_what_is_said_is_of_its_own_form(spoken: Caller, dice: Dice) -> None:
    conversation = dice.conversation(spoken.own_state)

    body, _ = spoken.client.encode(conversation, spoken.leg)
    asked = spoken.server.peek(body)

    again = spoken.server.decode(body)
    assert asked.model == "m-real"
    assert asked.is_stream is conversation.is_stream is again.is_stream
    assert asked.max_output == spoken.leg.output_tokens
    assert asked.tools == {tool.name for tool in again.tools}


@pytest.mark.req("P-15")
@each_dialect
@given(dice=talking.dice)
@settings(max_examples=50, deadline=None)
def test_the_state_of_another_dialect_goes_nowhere(spoken: Spoken, dice: Dice) -> None:
    conversation = dice.conversation(spoken.own_state)

    body, unsaid = spoken.client.encode(conversation, spoken.leg)

    assert FOREIGN.raw["secret"].encode() not in body
    parts = [part for message in conversation.messages for part in message.parts]
    is_told = any(isinstance(part, Reasoning) and part.state == FOREIGN for part in parts)
    assert not is_told or is_named("messages.reasoning.state", unsaid)


@pytest.mark.req("P-15")
@each_dialect
@pytest.mark.parametrize("arguments", ["", "{", "[1]", "null", '"x"', "1", '{"a":1}}'])
def test_arguments_that_are_no_object_are_passed_on_somehow(spoken: Spoken, arguments: str) -> None:
    called = Message(Role.ASSISTANT, (ToolCall("call_1", "look", arguments),))
    result = Message(Role.TOOL, (ToolResult("call_1", (Text("42"),)),))
    asked = Message(Role.USER, (Text("look"),))

    again, _ = said_and_read(
        spoken, Conversation((asked, called, result), tools=(Tool("look", "", {}),))
    )

    calls = [each for it in again.messages for each in it.parts if isinstance(each, ToolCall)]
    assert [call.name for call in calls] == ["look"]
    assert not arguments or all(letter in calls[0].arguments for letter in arguments)


@pytest.mark.req("P-15")
@each_dialect
def test_a_file_of_text_is_told_in_words(spoken: Spoken) -> None:
    file = File("notes.txt", "text/plain", text="buy milk")

    body, unsaid = spoken.client.encode(
        Conversation((Message(Role.USER, (file, Text("read"))),)), spoken.leg
    )

    is_told = b"buy milk" in body or b64encode(b"buy milk") in body
    assert is_told or is_named("messages.file.text", unsaid)


@pytest.mark.req("P-15")
@each_dialect
@each_way
@given(dice=talking.dice)
@settings(max_examples=50, deadline=None)
def test_what_was_answered_is_heard_again(spoken: Spoken, is_stream: bool, dice: Dice) -> None:
    deltas = dice.answer(spoken.own_state)

    again = read(spoken, written(spoken, deltas, is_stream=is_stream), is_stream=is_stream)

    assert lost(heard(deltas), heard(again)) <= unheard(spoken, is_stream=is_stream)
    assert _made_up(heard(deltas), heard(again)) == set()
    assert [type(each) for each in again].count(Stopped) == 1


@pytest.mark.req("P-15")
@each_dialect
@pytest.mark.parametrize("said", SAID)
def test_a_stream_is_the_same_wherever_it_is_cut(spoken: Spoken, said: str) -> None:
    answer = written(spoken, SAID[said], is_stream=True)
    whole = heard(read(spoken, answer, is_stream=True))

    for at in range(len(answer) + 1):
        reader = spoken.client.reader(is_stream=True)
        pieces = [*reader.feed(answer[:at]), *reader.feed(answer[at:])]
        pieces += [] if reader.is_over else reader.finish()
        assert (heard(pieces), reader.failure) == (whole, None), at


@pytest.mark.req("P-15")
@each_dialect
@each_way
def test_an_answer_may_come_byte_by_byte(spoken: Spoken, is_stream: bool) -> None:
    answer = written(spoken, SAID["calls"], is_stream=is_stream)
    reader = spoken.client.reader(is_stream=is_stream)

    pieces = [piece for at in range(len(answer)) for piece in reader.feed(answer[at : at + 1])]
    pieces += [] if reader.is_over else reader.finish()

    assert heard(pieces) == heard(read(spoken, answer, is_stream=is_stream))


@pytest.mark.req("R-10")
@each_dialect
@each_way
@pytest.mark.parametrize("said", SAID)
def test_an_answer_that_breaks_off_has_no_end(spoken: Spoken, is_stream: bool, said: str) -> None:
    """However far it came: either all was said but the last words of the form, or it has failed."""
    answer = written(spoken, SAID[said], is_stream=is_stream)
    whole = heard(read(spoken, answer, is_stream=is_stream))
    words = {"said", "thought", "calls"}

    for at in range(len(answer)):
        reader = spoken.client.reader(is_stream=is_stream)
        pieces = [*reader.feed(answer[:at])]
        pieces += [] if reader.is_over else reader.finish()
        assert reader.failure is not None or not (lost(whole, heard(pieces)) & words), at


@pytest.mark.req("P-15", "R-10")
@each_dialect
def test_a_stream_that_was_translated_has_its_end_once(spoken: Spoken) -> None:
    answer = written(spoken, SAID["words"], is_stream=True)

    again = translated(spoken, spoken, answer, is_stream=True)

    assert heard(read(spoken, again, is_stream=True)) == heard(read(spoken, answer, is_stream=True))


@pytest.mark.req("R-10")
@each_dialect
def test_an_error_in_the_midst_of_a_stream_is_one(spoken: Spoken) -> None:
    answer = written(spoken, SAID["words"], is_stream=True)
    event = spoken.server.problem_event(UpstreamFailed(), "request-1")
    reader = spoken.client.reader(is_stream=True)

    pieces = reader.feed(as_far_as(spoken, answer, "hi ") + event)

    assert "said" in heard(pieces)
    assert isinstance(reader.failure, UpstreamFailed)


@pytest.mark.req("R-13")
@each_caller
def test_a_limit_of_the_rate_in_the_midst_of_a_stream_is_told_as_one(spoken: Caller) -> None:
    """But by those whose errors are a text alone."""
    reader = spoken.client.reader(is_stream=True)

    reader.feed(spoken.server.problem_event(UpstreamRateLimited(), "request-1"))

    told = UpstreamFailed if spoken.name == "ollama_chat" else UpstreamRateLimited
    assert isinstance(reader.failure, told)


@pytest.mark.req("P-11")
@each_dialect
@each_way
@settings(deadline=None)
@given(noise=st.binary(max_size=80) | st.sampled_from([b"{}", b"[]", b"null", b'{"error":"x"}']))
def test_noise_is_a_failure_and_nothing_worse(
    spoken: Spoken, is_stream: bool, noise: bytes
) -> None:
    reader = spoken.client.reader(is_stream=is_stream)

    reader.feed(noise)
    reader.finish()

    assert isinstance(reader.failure, Failure)


@pytest.mark.req("P-11")
@each_caller
@settings(deadline=None)
@given(body=st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["model", "messages", "role", "content", "type", "text", "tools", "function", "name",
                         "input", "system", "tool_calls", "thinking", "output", "call_id", "source", "stream"])
        | st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
))  # fmt: skip
def test_a_body_of_another_form_is_refused_and_nothing_worse(spoken: Caller, body: object) -> None:
    raw = json.dumps(body).encode()

    try:
        spoken.server.peek(raw)
        spoken.client.encode(spoken.server.decode(raw), spoken.leg)
    except Problem:
        return


@pytest.mark.req("P-11")
@each_dialect
@each_way
def test_a_tool_that_was_not_offered_is_not_called(spoken: Spoken, is_stream: bool) -> None:
    answer = written(spoken, SAID["calls"], is_stream=is_stream)
    asked = ask(is_stream=is_stream)
    without = replace(asked, tools=frozenset({"look"}))
    relay = Translation(
        spoken.client.reader(is_stream=is_stream),
        spoken.server.writer(without, "reply", 1),
        *(without, "reply"),
    )

    relay.feed(answer)
    if relay.failure is None:
        with pytest.raises(Failure):
            relay.finish()

    assert isinstance(relay.failure, Failure)


@each_dialect
def test_a_stream_in_pieces_says_as_much_as_one_written_at_once(spoken: Spoken) -> None:
    asked = ask(is_stream=True)
    writer = spoken.server.writer(asked, "reply", 1_800_000_000)

    at_once = writer.write(SAID["calls"]) + writer.finish()

    assert heard(read(spoken, at_once, is_stream=True)) == heard(
        read(spoken, written(spoken, SAID["calls"], is_stream=True), is_stream=True)
    )


def unheard(spoken: Spoken, *, is_stream: bool) -> set[str]:
    """What this dialect cannot say of an answer, as the page of fidelity has it."""
    missing: set[str] = set()
    for deltas in ANSWERED.values():
        again = read(spoken, written(spoken, deltas, is_stream=is_stream), is_stream=is_stream)
        missing |= lost(heard(deltas), heard(again))
    return missing if spoken.own_state is not None else {*missing, "sealed"}


def _made_up(before: Facts, after: Facts) -> set[str]:
    return lost(after, before) & {"said", "thought", "declined", "calls"}


def _could_not_forbid(unsaid: Sequence[str]) -> set[str]:
    """To forbid tools is to offer none. Who must be told of them all the same says so."""
    return {"tools"} if "tool_choice" in unsaid else set()


def _roots(*paths: Sequence[str] | set[str]) -> set[str]:
    return {_root(path) for several in paths for path in several}


def _root(path: str) -> str:
    first, *rest = path.split(".")
    return f"{first}.{rest[0]}" if first == "messages" and rest else first
