"""A caller of each dialect before an upstream of each other: served, told, answered and paid for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import aiohttp
import pytest
from scripts.fidelity.crossing import read, written
from scripts.fidelity.dialects import CALLERS, TARGETS, Spoken
from scripts.fidelity.facts import facts, heard, is_named, lost
from scripts.fidelity.features import ANSWERED, ASKED, LOOK, PNG

from contracts.talking import as_far_as
from journeys.gateway import (
    INPUT_DOLLARS,
    NANOS_IN,
    NANOS_OUT,
    OUTPUT_DOLLARS,
    Gateway,
    furnish,
    now_ms,
    prepared,
    until,
)
from journeys.provider import Asked, Provider, Script, chunk, provider
from tollhouse.control import prices
from tollhouse.control.prices import Rates
from tollhouse.domain.conversation import Conversation, Image, Mark, Message, Role, Sampling, Text
from tollhouse.domain.errors import UpstreamFailed
from tollhouse.domain.snapshot import Target

ROUTES = {
    "openai_chat": "/v1/chat/completions",
    "openai_responses": "/v1/responses",
    "anthropic_messages": "/v1/messages",
    "ollama_chat": "/api/chat",
}
PROVIDERS = {
    "openai_chat": 'kind = "openai-compatible"\nurl = "{origin}/v1"\n',
    "openai_responses": 'kind = "openai-compatible"\nurl = "{origin}/v1"\nspeaks = ["responses"]\n',
    "anthropic_messages": 'kind = "anthropic-compatible"\nurl = "{origin}"\n',
    "ollama_chat": 'kind = "ollama"\nurl = "{origin}"\n',
    "bedrock_converse": 'kind = "bedrock"\nurl = "{origin}"\n',
    "gemini": 'kind = "gemini"\nurl = "{origin}/v1beta"\n',
    "cohere_chat": 'kind = "cohere"\nurl = "{origin}"\n',
}
CALLS = ANSWERED["parallel calls"]
TALK = Conversation(
    (
        Message(Role.SYSTEM, (Text("be brief", Mark()),)),
        Message(Role.USER, (Text("see"), Image("image/png", PNG))),
        *ASKED["parallel calls and results"].messages[1:],
    ),
    tools=(LOOK, replace(LOOK, name="find")),
    sampling=Sampling(temperature=0.5),
)
OWED = 9 * NANOS_IN + 5 * NANOS_OUT

each_pair = pytest.mark.parametrize(
    ("caller", "target"),
    [
        pytest.param(*pair, id="-".join(each.name for each in pair))
        for pair in product(CALLERS, TARGETS)
    ],
)
each_way = pytest.mark.parametrize("is_stream", [True, False], ids=["stream", "whole"])


@pytest.fixture(scope="module")
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        yield it


@pytest.fixture(scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory, up: Provider) -> AsyncIterator[Gateway]:
    """A model for each dialect, `m-` and its name, and `strict-` one."""
    it = prepared(tmp_path_factory.mktemp("door"), up.url, settings=_settings(up))
    await furnish(it, 10**12)
    rates = Rates(INPUT_DOLLARS, OUTPUT_DOLLARS)
    for name in PROVIDERS:
        await it.on_store(
            lambda store, name=name: prices.set_price(
                store, f"{name.replace('_', '-')}:m-real", rates, None, now_ms()
            )
        )
    models = tuple(f"{kind}-{name}" for name in PROVIDERS for kind in ("m", "strict"))
    issued = await it.new_key(models=models)
    it.key, it.key_id = issued.key, issued.id
    async with it.serving():
        yield it


@pytest.mark.req("P-12", "P-15", "R-15")
@each_pair
@each_way
async def test_a_call_is_told_and_its_answer_heard(
    door: Gateway, up: Provider, caller: Spoken, target: Spoken, is_stream: bool
) -> None:
    up.script = _answers(target)
    spent = await door.spent()

    reply = await _ask(door, caller, f"m-{target.name}", is_stream=is_stream)

    arrived = target.server.decode(up.asked[-1].raw)
    unsaid = reply.headers.get("x-tollhouse-unsaid", "").split(", ")
    missing = lost(facts(reply.conversation), facts(arrived))
    assert {path for path in missing if not is_named(path, unsaid)} == set()
    answered = heard(read(caller, reply.body, is_stream=is_stream))
    assert answered["calls"] == heard(CALLS)["calls"]
    assert answered["usage"] == [(9, 5)]
    assert reply.headers["content-type"].encode() == (
        caller.server.stream_type if is_stream else b"application/json"
    )
    await door.nothing_is_held()
    assert await door.spent() - spent == OWED


@pytest.mark.req("P-15")
@each_pair
async def test_the_record_names_what_the_caller_was_told_is_unsaid(
    door: Gateway, up: Provider, caller: Spoken, target: Spoken
) -> None:
    up.script = _answers(target)

    reply = await _ask(door, caller, f"m-{target.name}", is_stream=False)

    record = await _record(door, reply)
    named = reply.headers.get("x-tollhouse-unsaid")
    assert record["unsaid"] == (named.split(", ") if named else [])
    assert (record["input"], record["output"], record["owed_nanos"]) == (9, 5, OWED)


@pytest.mark.req("P-15")
@each_pair
async def test_a_strict_model_tells_all_of_it_or_nothing(
    door: Gateway, up: Provider, caller: Spoken, target: Spoken
) -> None:
    up.script = _answers(target)
    loose = await _ask(door, caller, f"m-{target.name}", is_stream=False)
    count = len(up.asked)

    reply = await _ask(door, caller, f"strict-{target.name}", is_stream=False)

    is_told = "x-tollhouse-unsaid" not in loose.headers
    assert (reply.status, len(up.asked) - count) == ((200, 1) if is_told else (400, 0))
    assert is_told or b"not_translatable" in reply.body
    await door.nothing_is_held()


@pytest.mark.req("R-10", "B-5")
@each_pair
async def test_an_error_in_the_midst_of_a_stream_is_told_in_the_callers_dialect(
    door: Gateway, up: Provider, caller: Spoken, target: Spoken
) -> None:
    words = as_far_as(target, written(target, ANSWERED["words"], is_stream=True), "hi there")
    up.script = _streams(target, words + target.server.problem_event(UpstreamFailed(), "request-1"))

    reply = await _ask(door, caller, f"m-{target.name}", is_stream=True)

    reader = caller.client.reader(is_stream=True)
    assert "said" in heard(reader.feed(reply.body))
    assert isinstance(reader.failure, UpstreamFailed)
    await door.nothing_is_held()
    record = await _record(door, reply)
    assert (record["outcome"], record["code"]) == ("failed", "upstream_failed")
    assert 0 < record["owed_nanos"] < record["held_nanos"]


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes
    conversation: Conversation
    """What was asked, as the gateway reads it."""


async def _ask(door: Gateway, caller: Spoken, model: str, *, is_stream: bool) -> Reply:
    leg = replace(caller.leg, target=Target("door", caller.kind, model))
    asked, _ = caller.client.encode(replace(TALK, is_stream=is_stream), leg)
    url = door.origin + ROUTES[caller.name]
    body = b""
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=asked, headers=door.headers) as reply,
    ):
        with suppress(aiohttp.ClientPayloadError):
            async for piece in reply.content.iter_any():
                body += piece
    return Reply(reply.status, reply.headers, body, caller.server.decode(asked))


async def _record(door: Gateway, reply: Reply) -> dict[str, Any]:
    asked = reply.headers["x-request-id"]

    async def is_written() -> bool:
        return any(record["request_id"] == asked for record in door.calls())

    await until(is_written, "the call is recorded")
    return next(record for record in door.calls() if record["request_id"] == asked)


def _settings(up: Provider) -> str:
    origin = up.url.removesuffix("/v1")
    lines = []
    for name, how in PROVIDERS.items():
        provider_name = name.replace("_", "-")
        lines.append(f'[providers.{provider_name}]\n{how.format(origin=origin)}key = "env:UP_KEY"')
        for kind, is_strict in (("m", "false"), ("strict", "true")):
            lines.append(
                f'[models.{kind}-{name}]\ntargets = ["{provider_name}:m-real"]\n'
                f"max_output_tokens = 1000\nstrict = {is_strict}"
            )
    return "\n".join(lines)


def _answers(target: Spoken) -> Script:
    async def answer(up: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        is_stream = target.server.decode(asked.raw).is_stream or "stream" in asked.path
        said = written(target, CALLS, is_stream=is_stream)
        if is_stream:
            await _streams(target, said, is_whole=True)(up, asked, writer)
            return
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        writer.write(head % len(said) + said)
        await writer.drain()

    return answer


def _streams(target: Spoken, said: bytes, *, is_whole: bool = False) -> Script:
    """In three pieces, cut wherever it comes."""

    async def stream(_: Provider, __: Asked, writer: asyncio.StreamWriter) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ntransfer-encoding: chunked\r\n\r\n"
        writer.write(head % target.server.stream_type)
        third = len(said) // 3
        for piece in (said[:third], said[third : 2 * third], said[2 * third :]):
            writer.write(chunk(piece))
            await writer.drain()
        if is_whole:
            writer.write(b"0\r\n\r\n")
        await writer.drain()

    return stream
