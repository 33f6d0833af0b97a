"""Which lane a call takes, and what it is on the way there and back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from fakes import FakeAnswer, FakeExchange, FakeProvider, FakeReply
from pipeline.houses import World, body, call, snapshot
from pipeline.plain import Plain
from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.domain.budget import Outcome
from tollhouse.domain.conversation import Conversation
from tollhouse.domain.errors import NotTranslatable, UpstreamFailed, UpstreamRejected
from tollhouse.domain.models import Leg
from tollhouse.domain.pricing import Usage
from tollhouse.domain.retries import ADVANCE
from tollhouse.domain.snapshot import Names
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.serve import serve
from tollhouse.ports import Dialect, Reader, Spoken

LINES = {b"content-type": b"text/plain"}


class _Deaf(OpenAIChat):
    """A dialect that cannot be translated from."""

    name = "deaf"
    decode = None


class _Mute(OpenAIChat):
    """A dialect that cannot be translated into."""

    name = "mute"
    encode = None


class _Far:
    """Implements Told, and nothing that a caller would need."""

    name = "far"
    stream_type = Plain.stream_type

    def encode(self, conversation: Conversation, leg: Leg) -> tuple[bytes, tuple[str, ...]]:
        return Plain("far").encode(conversation, leg)

    def reader(self, *, is_stream: bool) -> Reader:
        return Plain("far").reader(is_stream=is_stream)

    def error_message(self, body: bytes) -> str | None:
        return None

    def error_kind(self, body: bytes) -> str:
        return ""


@pytest.mark.req("P-12")
async def test_what_the_target_speaks_too_passes_untouched() -> None:
    world = _world(OpenAIChat(), b'{"choices":[]}')
    strange = body(stop=["x"], unheard_of={"b": 1, "a": 2})

    await serve(_call(OpenAIChat(), strange), world.house)

    sent = json.loads(world.providers["first"].sent[0].body)
    assert sent == {**json.loads(strange), "model": "m-real", "max_tokens": 10}


@pytest.mark.req("P-12")
async def test_a_call_in_another_dialect_is_said_and_answered_in_two() -> None:
    world, reply = _world(Plain("there"), b"so be it .", LINES), FakeReply()
    asked = body(stream=True)

    await serve(_call(Plain("here"), asked, reply), world.house)

    assert world.providers["first"].sent[0].body == b"10 " + asked
    assert reply.said == b"m call-1 1800000000\nso\nbe\nit\nend\nend\n"
    assert reply.is_ended
    assert (b"content-type", b"text/plain") in reply.headers
    settlement = world.ledger.settlements[0]
    assert (settlement.outcome, settlement.usage) == (Outcome.COMPLETED, Usage(9, 2))


@pytest.mark.req("P-12")
async def test_an_error_of_the_target_is_read_in_its_dialect_and_told_in_the_callers() -> None:
    world = _world(Plain("there"), b'{"error":{"message":"no such luck"}}', status=400)

    with pytest.raises(UpstreamRejected) as caught:
        await serve(_call(Plain("here"), body()), world.house)

    assert "no such luck" in caught.value.detail


@pytest.mark.req("P-12")
async def test_a_target_needs_no_more_of_a_dialect_than_its_own_half() -> None:
    world, reply = _world(_Far(), b"so .", LINES), FakeReply()

    await serve(_call(Plain("here"), body(stream=True), reply), world.house)

    assert len(world.providers["first"].sent) == 1
    assert reply.is_ended


@pytest.mark.req("P-12")
@pytest.mark.parametrize(("heard", "spoken"), [(Plain("here"), _Mute()), (_Deaf(), Plain("there"))])
async def test_what_no_lane_leads_to_is_refused_before_anything_leaves(
    heard: Dialect, spoken: Spoken
) -> None:
    world = _world(spoken, b"")

    with pytest.raises(NotTranslatable):
        await serve(_call(heard, body()), world.house)

    assert world.providers["first"].sent == []
    assert world.ledger.held == 0
    assert [record["code"] for record in world.audit.records] == ["not_translatable"]
    assert {standing.gate.inside for standing in world.standings} == {0}


@pytest.mark.req("P-15")
@pytest.mark.parametrize("is_stream", [True, False])
async def test_what_could_not_be_said_is_named_to_the_caller_and_in_the_record(
    is_stream: bool,
) -> None:
    world, reply = _world(Plain("there"), b"so .", LINES), FakeReply()

    await serve(_call(Plain("here"), body(stream=is_stream, a="beyond words"), reply), world.house)

    assert (b"x-tollhouse-unsaid", b"here.x, there.y") in reply.headers
    assert world.audit.records[0]["unsaid"] == ["here.x", "there.y"]


@pytest.mark.req("P-15")
async def test_where_all_was_said_nothing_is_named() -> None:
    world, reply = _world(Plain("there"), b"so .", LINES), FakeReply()

    await serve(_call(Plain("here"), body(), reply), world.house)

    assert b"x-tollhouse-unsaid" not in dict(reply.headers)
    assert world.audit.records[0]["unsaid"] == []


@pytest.mark.req("P-15")
async def test_a_strict_model_refuses_what_cannot_be_said_in_full() -> None:
    world, reply = _strict(_world(Plain("there"), b"so .", LINES)), FakeReply()

    with pytest.raises(NotTranslatable, match=r"here\.x, there\.y") as caught:
        await serve(_call(Plain("here"), body(a="beyond words"), reply), world.house)

    assert caught.value.param == "here.x"
    assert world.providers["first"].sent == []
    assert world.ledger.held == 0
    assert [record["unsaid"] for record in world.audit.records] == [["here.x", "there.y"]]


@pytest.mark.req("P-15")
async def test_a_strict_model_asks_a_target_that_can_be_told_all() -> None:
    world, reply = _strict(_world(Plain("there"), b"", LINES)), FakeReply()
    answer = FakeExchange(FakeAnswer(200, [b'{"choices":[]}']))
    world.providers = {**world.providers, "second": FakeProvider(answer, dialect=Plain("here"))}
    model = snapshot().names.models["m"]
    targets = replace(world.snapshot.names.models["m"], targets=model.targets[:2])
    world.snapshot = replace(world.snapshot, names=Names({"m": targets}))

    await serve(_call(Plain("here"), body(a="beyond words"), reply), world.house)

    assert [len(each.sent) for each in world.providers.values()] == [0, 1]
    assert b"x-tollhouse-unsaid" not in dict(reply.headers)
    assert world.audit.records[0]["unsaid"] == []


@pytest.mark.req("P-15", "P-28")
async def test_a_target_that_cannot_be_told_all_costs_no_try() -> None:
    calls = 2 * ADVANCE
    world = _two(
        FakeProvider(dialect=Plain("there")),
        FakeProvider(
            *(FakeExchange(FakeAnswer(200, [b'{"choices":[]}'])) for _ in range(calls)),
            dialect=Plain("here"),
        ),
    )

    for _ in range(calls):
        await serve(_call(Plain("here"), body(a="beyond words"), FakeReply()), world.house)

    assert len(world.providers["second"].sent) == calls


@pytest.mark.req("P-15")
async def test_a_target_that_failed_is_told_of_and_not_the_next_that_cannot_be_asked() -> None:
    failing = FakeProvider(FakeExchange(FakeAnswer(500)), dialect=Plain("here"))
    world = _two(failing, FakeProvider(dialect=Plain("there")))

    with pytest.raises(UpstreamFailed):
        await serve(_call(Plain("here"), body(a="beyond words"), FakeReply()), world.house)


def _two(first: FakeProvider, second: FakeProvider) -> World:
    """Strict targets, asked in this order."""
    world = World(providers={"first": first, "second": second})
    model = world.snapshot.names.models["m"]
    both = replace(model, targets=model.targets[:2])
    world.snapshot = replace(world.snapshot, names=Names({"m": both}))
    return _strict(world)


def _world(
    spoken: Spoken, said: bytes, headers: dict[bytes, bytes] | None = None, status: int = 200
) -> World:
    answer = FakeExchange(FakeAnswer(status, [said], headers or {}))
    world = World(providers={"first": FakeProvider(answer, dialect=spoken)})
    model = world.snapshot.names.models["m"]
    only_one = replace(model, targets=model.targets[:1])
    world.snapshot = replace(world.snapshot, names=Names({"m": only_one}))
    return world


def _strict(world: World) -> World:
    model = replace(world.snapshot.names.models["m"], is_strict=True)
    world.snapshot = replace(world.snapshot, names=Names({"m": model}))
    return world


def _call(heard: Dialect, raw: bytes, reply: FakeReply | None = None) -> Call:
    made = call(raw=raw, reply=reply)
    return replace(made, route=replace(made.route, dialect=heard))
