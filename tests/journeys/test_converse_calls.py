"""OpenAI's and Anthropic's clients before AWS Bedrock's own API, and an upstream that checks each signature."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from scripts.fidelity.bedrock import Converse, event
from scripts.fidelity.dialects import ask

from journeys import aws
from journeys.gateway import MODEL, NANOS_IN, NANOS_OUT, Gateway, gateway
from journeys.provider import Asked, Provider, Script, chunk, json_response, provider
from tollhouse.dialects.event_stream import written
from tollhouse.domain.conversation import State
from tollhouse.domain.deltas import (
    Argued,
    Began,
    Called,
    Counted,
    Delta,
    Said,
    Sealed,
    Stop,
    Stopped,
    Thought,
)
from tollhouse.domain.pricing import Usage

CLAUDE = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
PATH = "/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
HELLO: list[Any] = [{"role": "user", "content": "hello \u00e9"}]
LOOK: Any = {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}
FUNCTION: Any = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
WORDS: Sequence[Delta] = (Began(), Said("hi "), Said("there"), Stopped(Stop.END))
CALLS: Sequence[Delta] = (
    Began(),
    Called(0, "tooluse_1", "look"),
    Called(1, "tooluse_2", "look"),
    Argued(1, '{"at"'),
    Argued(0, '{"at":1}'),
    Argued(1, ":2}"),
    Stopped(Stop.TOOLS),
)
THOUGHTS: Sequence[Delta] = (
    Began(),
    Thought("hm"),
    Sealed(State("bedrock_converse", {"signature": "c2lnbmF0dXJl+/=="})),
    *WORDS[1:],
)
COUNTED = Counted(Usage(9, 5))
OWED = 9 * NANOS_IN + 5 * NANOS_OUT
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ntransfer-encoding: chunked\r\n\r\n"

each_way = pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])


@pytest.fixture
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        it.script = says(WORDS)
        yield it


@pytest.fixture
async def door(
    tmp_path: Path, up: Provider, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Gateway]:
    monkeypatch.setenv("UP_ACCESS_KEY", aws.ACCESS_KEY)
    bedrock = aws.settings("bedrock", up.url.removesuffix("/v1"))
    async with gateway(
        tmp_path, up.url, up=bedrock, targets=(f"aws:{CLAUDE}",), does=("chat",)
    ) as it:
        yield it


@pytest.fixture
async def client(door: Gateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=door.base_url, api_key=door.key, max_retries=0) as it:
        yield it


@pytest.fixture
async def claude(door: Gateway) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=door.origin, api_key=door.key, max_retries=0) as it:
        yield it


@pytest.mark.req("OT-44", "R-9", "P-12")
@each_way
async def test_openais_client_gets_words(
    door: Gateway, up: Provider, client: AsyncOpenAI, is_stream: bool
) -> None:
    made = await client.chat.completions.create(model=MODEL, messages=HELLO, stream=is_stream)
    text = "".join(
        [chunk.choices[0].delta.content or "" async for chunk in made if chunk.choices]
        if is_stream
        else [made.choices[0].message.content or ""]
    )

    assert text == "hi there"
    (asked,) = up.asked
    assert asked.path == PATH + ("-stream" if is_stream else "")
    assert asked.body["messages"] == [{"role": "user", "content": [{"text": "hello \u00e9"}]}]
    assert asked.body["inferenceConfig"] == {"maxTokens": 1000}
    assert aws.SECRET not in str(asked)
    await door.nothing_is_held()
    assert await door.spent() == OWED


@pytest.mark.req("P-12", "R-15")
@each_way
async def test_anthropics_client_calls_two_tools_and_brings_what_they_found(
    up: Provider, claude: AsyncAnthropic, is_stream: bool
) -> None:
    up.script = says(CALLS)
    reply = await messages(claude, HELLO, is_stream=is_stream)
    up.script = says(WORDS)
    found = [
        {"type": "tool_result", "tool_use_id": it.id, "content": str(it.input["at"])}
        for it in reply.content
    ]

    again = await messages(
        claude,
        [
            *HELLO,
            {"role": "assistant", "content": [it.model_dump() for it in reply.content]},
            {"role": "user", "content": found},
        ],
        is_stream=is_stream,
    )

    assert [it.input for it in reply.content] == [{"at": 1}, {"at": 2}]
    assert again.content[0].text == "hi there"
    _, calls, results = up.asked[-1].body["messages"]
    assert [it["toolUse"]["toolUseId"] for it in calls["content"]] == ["tooluse_1", "tooluse_2"]
    assert [it["toolResult"]["content"] for it in results["content"]] == [
        [{"text": "1"}],
        [{"text": "2"}],
    ]


@pytest.mark.req("P-14", "R-16")
@each_way
async def test_a_signed_thought_goes_home_by_either_client(
    up: Provider, claude: AsyncAnthropic, client: AsyncOpenAI, is_stream: bool
) -> None:
    up.script = says(THOUGHTS)
    signed = {"text": "hm", "signature": "c2lnbmF0dXJl+/=="}

    reply = await messages(claude, HELLO, is_stream=is_stream)
    said = [it.model_dump() for it in reply.content]
    await messages(
        claude, [*HELLO, {"role": "assistant", "content": said}, *HELLO], is_stream=is_stream
    )
    made = await client.chat.completions.create(model=MODEL, messages=HELLO)
    theirs: Any = made.choices[0].message.model_dump(exclude_none=True)
    await client.chat.completions.create(model=MODEL, messages=[*HELLO, theirs, *HELLO])

    for asked in (up.asked[1], up.asked[3]):
        first = asked.body["messages"][1]["content"][0]
        assert first == {"reasoningContent": {"reasoningText": signed}}


@pytest.mark.req("P-13")
async def test_marks_of_the_cache_go_along(up: Provider, claude: AsyncAnthropic) -> None:
    system: Any = [{"type": "text", "text": "long", "cache_control": {"type": "ephemeral"}}]

    await messages(claude, HELLO, is_stream=False, system=system)

    assert up.asked[0].body["system"] == [{"text": "long"}, {"cachePoint": {"type": "default"}}]


async def test_a_signature_that_is_refused_is_the_gateways_fault_and_costs_nothing(
    door: Gateway, up: Provider, client: AsyncOpenAI
) -> None:
    async def touched(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        asked.path += "x"
        await says(WORDS)(it, asked, writer)

    up.script = touched
    with pytest.raises(openai.InternalServerError) as refused:
        await client.chat.completions.create(model=MODEL, messages=HELLO)

    assert refused.value.code == "upstream_denied"
    assert "sk-x" not in refused.value.message
    await door.nothing_is_held()
    assert await door.spent() == 0


@pytest.mark.req("R-10")
@pytest.mark.parametrize(
    ("status", "kind", "message", "code"),
    [
        ("429 Too Many", "ThrottlingException", "Too many requests", "upstream_rate_limited"),
        ("404 Not Found", "ResourceNotFoundException", "no such model", "upstream_not_found"),
        ("400 Bad", "ValidationException", "maxTokens is too large", "upstream_rejected"),
        ("400 Bad", "ValidationException", "Input is too long", "context_length_exceeded"),
        ("424 Failed", "ModelErrorException", "it fell over", "upstream_failed"),
        ("408 Timeout", "ModelTimeoutException", "too slow", "upstream_timeout"),
    ],
)
async def test_a_refusal_is_told_and_costs_nothing(
    door: Gateway,
    up: Provider,
    client: AsyncOpenAI,
    status: str,
    kind: str,
    message: str,
    code: str,
) -> None:
    async def refuse(_: Provider, __: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(json_response({"message": message}, status, f"x-amzn-errortype: {kind}"))
        await writer.drain()

    up.script = refuse
    with pytest.raises(openai.APIStatusError) as refused:
        await client.chat.completions.create(model=MODEL, messages=HELLO)

    assert refused.value.code == code
    await door.nothing_is_held()
    assert await door.spent() == 0
    door.stop()
    (record,) = door.calls()
    assert record["code"] == code
    assert kind in door.log()


@pytest.mark.req("R-10", "B-5")
async def test_an_exception_in_the_midst_of_a_stream_is_told_and_what_came_is_paid(
    door: Gateway, up: Provider, claude: AsyncAnthropic
) -> None:
    headers = {":message-type": "exception", ":exception-type": "modelStreamErrorException"}
    broken = written(headers, b'{"message":"no","originalStatusCode":500}')
    up.script = streams(event("messageStart", {"role": "assistant"}), words("hi"), broken)

    with pytest.raises(anthropic.APIStatusError) as failed:
        await messages(claude, HELLO, is_stream=True)

    assert "upstream_failed" in str(failed.value.body)
    await door.nothing_is_held()
    assert 0 < await door.spent() < OWED * 100


@pytest.mark.req("B-8", "S-144")
@pytest.mark.parametrize(
    "at", [4, 9, 20, 60, -1], ids=["length", "prelude", "header", "body", "sum"]
)
async def test_a_stream_that_was_touched_on_its_way_has_no_end(
    door: Gateway, up: Provider, claude: AsyncAnthropic, at: int
) -> None:
    torn = bytearray(event("messageStop", {"stopReason": "end_turn"}))
    torn[at] ^= 0x40
    up.script = streams(event("messageStart", {"role": "assistant"}), words("hi"), bytes(torn))

    with pytest.raises(anthropic.APIStatusError) as failed:
        await messages(claude, HELLO, is_stream=True)

    assert "upstream_broke" in str(failed.value.body)
    await door.nothing_is_held()


@pytest.mark.req("B-8")
async def test_a_page_is_no_stream(door: Gateway, up: Provider, client: AsyncOpenAI) -> None:
    up.script = streams(b"<html>", media=b"text/html")

    with pytest.raises(openai.InternalServerError) as failed:
        await client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)

    assert failed.value.code == "upstream_broke"
    await door.nothing_is_held()


@pytest.mark.req("S-71")
async def test_a_tool_that_was_not_offered_is_not_called(
    door: Gateway, up: Provider, client: AsyncOpenAI
) -> None:
    up.script = says(CALLS)

    with pytest.raises(openai.InternalServerError) as failed:
        await client.chat.completions.create(model=MODEL, messages=HELLO)

    assert failed.value.code == "upstream_broke"
    await door.nothing_is_held()


async def messages(
    client: AsyncAnthropic, said: Sequence[Any], *, is_stream: bool, **more: Any
) -> Any:
    wish: Any = {"model": MODEL, "max_tokens": 4096, "messages": said, "tools": [LOOK], **more}
    if not is_stream:
        return await client.messages.create(**wish)
    async with client.messages.stream(**wish) as stream:
        return await stream.get_final_message()


def words(text: str) -> bytes:
    return event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": text}})


def says(deltas: Sequence[Delta]) -> Script:
    """Answers what is signed, and refuses all else."""

    async def answer(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        if not aws.is_proved(asked):
            writer.write(aws.REFUSAL)
            await writer.drain()
            return
        is_stream = asked.path.endswith("-stream")
        speaking = Converse().writer(ask(is_stream=is_stream), "", 0)
        said = speaking.write([*deltas, COUNTED]) + speaking.finish()
        if is_stream:
            await streams(*(said[at : at + 50] for at in range(0, len(said), 50)))(
                it, asked, writer
            )
            return
        writer.write(json_response(json.loads(said)))
        await writer.drain()

    return answer


def streams(*pieces: bytes, media: bytes = Converse.stream_type) -> Script:
    async def stream(_: Provider, __: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD % media)
        for piece in pieces:
            writer.write(chunk(piece))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    return stream
