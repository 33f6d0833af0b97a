"""From one dialect to another and back, as a call and its answer go."""

from __future__ import annotations

from collections.abc import Sequence

from scripts.fidelity.dialects import Spoken, ask

from tollhouse.domain.conversation import Conversation, Message, Reasoning, Role, Text
from tollhouse.domain.deltas import Began, Delta, Said, Sealed, Stop, Stopped, Thought
from tollhouse.pipeline.translation import Translation

CREATED = 1_800_000_000


def said_and_read(
    spoken: Spoken, conversation: Conversation
) -> tuple[Conversation, tuple[str, ...]]:
    """And the names of what it could not say."""
    body, unsaid = spoken.client.encode(conversation, spoken.leg)
    return spoken.server.decode(body), unsaid


def written(spoken: Spoken, deltas: Sequence[Delta], *, is_stream: bool, choices: int = 1) -> bytes:
    """As an upstream of this dialect answers."""
    asked = ask(is_stream=is_stream, choices=choices)
    writer = spoken.server.writer(asked, "reply", CREATED)
    return b"".join([writer.write([each]) for each in deltas]) + writer.finish()


def read(spoken: Spoken, answer: bytes, *, is_stream: bool) -> Sequence[Delta]:
    """As a client of this dialect hears it. Raises the Failure if it is none."""
    reader = spoken.client.reader(is_stream=is_stream)
    deltas = [*reader.feed(answer), *([] if reader.is_over else reader.finish())]
    if reader.failure is not None:
        raise reader.failure
    return deltas


def translated(
    caller: Spoken, target: Spoken, answer: bytes, *, is_stream: bool, choices: int = 1
) -> bytes:
    asked = ask(is_stream=is_stream, choices=choices)
    reader = target.client.reader(is_stream=is_stream)
    writer = caller.server.writer(asked, "reply", CREATED)
    relay = Translation(reader, writer, asked, "reply")
    said = relay.feed(answer)
    if relay.failure is not None:
        raise relay.failure
    return said + relay.finish()


def comes_home(caller: Spoken, target: Spoken, *, is_stream: bool) -> bool:
    """Whether what the target sealed is given back to it by a client that knows nothing of it."""
    state = target.own_state
    if state is None:
        return False
    sealed: list[Delta] = [
        Began("x", 1),
        Thought("hm"),
        Sealed(state),
        Said("a"),
        Stopped(Stop.END),
    ]
    answer = translated(
        caller, target, written(target, sealed, is_stream=is_stream), is_stream=is_stream
    )
    thoughts = _thoughts(read(caller, answer, is_stream=is_stream))
    again = Conversation(
        (
            Message(Role.USER, (Text("q"),)),
            Message(Role.ASSISTANT, (*thoughts, Text("a"))),
            Message(Role.USER, (Text("and?"),)),
        )
    )
    body, _ = caller.client.encode(again, caller.leg)
    arrived = caller.server.decode(body)
    final, unsaid = target.client.encode(arrived, target.leg)
    returned = [
        part.state
        for message in target.server.decode(final).messages
        for part in message.parts
        if isinstance(part, Reasoning)
    ]
    return state in returned and "messages.reasoning.state" not in unsaid


def _thoughts(deltas: Sequence[Delta]) -> list[Reasoning]:
    thoughts: list[Reasoning] = []
    text = ""
    for delta in deltas:
        match delta:
            case Thought(more):
                text += more
            case Sealed(state):
                thoughts.append(Reasoning(text, state))
                text = ""
    return [*thoughts, Reasoning(text)] if text else thoughts
