"""Anthropic's client before an upstream of OpenAI's form, and OpenAI's before Anthropic: nobody notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anthropic
import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from journeys import claude
from journeys.claude import CACHE_READ, CACHE_WRITE, INPUT, OUTPUT
from journeys.gateway import MODEL, NANOS_IN, NANOS_OUT, Gateway, gateway
from journeys.provider import (
    PROMPT_TOKENS,
    STREAM_HEAD,
    Asked,
    Provider,
    chunk,
    json_response,
    provider,
    sse,
    stream_events,
    usage,
)

HELLO: list[Any] = [{"role": "user", "content": "hello"}]
LOOK: Any = {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": ["é", 1]}}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "c2lnbmF0dXJl+/=="}
FUNCTION: Any = {
    "type": "function",
    "function": {"name": "look", "parameters": {"type": "object", "properties": {}}},
}


@pytest.fixture
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        yield it


@pytest.fixture
async def openai_door(tmp_path: Path, up: Provider) -> AsyncIterator[Gateway]:
    async with gateway(tmp_path, up.url) as it:
        yield it


@pytest.fixture
async def claude_door(tmp_path: Path, up: Provider) -> AsyncIterator[Gateway]:
    up.script = claude.answer
    async with gateway(tmp_path, up.url, kind="anthropic-compatible") as it:
        yield it


@pytest.fixture
async def client(openai_door: Gateway) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(
        base_url=openai_door.origin, api_key=openai_door.key, max_retries=0
    ) as it:
        yield it


@pytest.mark.req("OT-44", "R-9", "B-5")
@pytest.mark.parametrize("is_stream", [False, True])
async def test_anthropics_client_gets_its_answer_from_openai(
    openai_door: Gateway, client: AsyncAnthropic, is_stream: bool
) -> None:
    reply = await _messages(client, is_stream=is_stream, system="be brief")

    assert reply.content[0].text == "word " * 5
    assert (reply.model, reply.stop_reason) == (MODEL, "end_turn")
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (PROMPT_TOKENS, 5)
    await openai_door.nothing_is_held()
    assert await openai_door.spent() == PROMPT_TOKENS * NANOS_IN + 5 * NANOS_OUT
    openai_door.stop()
    (record,) = openai_door.calls()
    assert (record["route"], record["target"], record["status"]) == ("messages", "up:m-real", 200)


@pytest.mark.req("P-12", "R-15")
@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_loop_of_tools_runs_before_openai(
    client: AsyncAnthropic, up: Provider, is_stream: bool
) -> None:
    called = [
        _function(0, "call_1", '{"at"'),
        _function(0, None, ":1}"),
        _function(1, "call_2", "{}"),
    ]

    async def script(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        if not asked.body.get("stream"):
            calls = [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "look", "arguments": '{"at":1}'},
                },
                {
                    "id": "call_2",
                    "type": "function",
                    "function": {"name": "look", "arguments": "{}"},
                },
            ]
            message = {"role": "assistant", "content": None, "tool_calls": calls}
            choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
            writer.write(json_response({"choices": [choice], "usage": usage(3)}))
            return
        writer.write(STREAM_HEAD)
        for event in [*called, _chunk({}, "tool_calls"), b"data: [DONE]\n\n"]:
            writer.write(chunk(event))
        writer.write(b"0\r\n\r\n")

    up.script = script
    reply = await _messages(client, is_stream=is_stream, tools=[LOOK])

    assert reply.stop_reason == "tool_use"
    assert [(it.type, it.id, it.input) for it in reply.content] == [
        ("tool_use", "call_1", {"at": 1}),
        ("tool_use", "call_2", {}),
    ]
    up.script = None
    results = [
        {"type": "tool_result", "tool_use_id": it.id, "content": "seen"} for it in reply.content
    ]
    turns = [{"role": "assistant", "content": reply.content}, {"role": "user", "content": results}]
    final = await _messages(client, is_stream=is_stream, tools=[LOOK], messages=[*HELLO, *turns])

    _, answered, *given_back = up.asked[1].body["messages"]
    assert [it["id"] for it in answered["tool_calls"]] == ["call_1", "call_2"]
    assert [(it["role"], it["tool_call_id"]) for it in given_back] == [
        ("tool", "call_1"),
        ("tool", "call_2"),
    ]
    assert final.stop_reason == "end_turn"


@pytest.mark.req("R-12", "R-13", "OC-29")
@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.InternalServerError),
        (404, anthropic.NotFoundError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
    ],
)
async def test_openais_errors_are_told_as_anthropics(
    openai_door: Gateway, client: AsyncAnthropic, up: Provider, status: int, error: type[Exception], is_stream: bool
) -> None:  # fmt: skip
    async def script(_: Provider, __: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(json_response({"error": {"message": "sk-canary0123456789"}}, f"{status} X"))

    up.script = script
    with pytest.raises(error) as failed:
        await _messages(client, is_stream=is_stream)

    assert "canary" not in str(failed.value)
    await openai_door.nothing_is_held()
    assert await openai_door.spent() == 0


@pytest.mark.req("R-10", "P-8", "S-89")
async def test_a_stream_of_openais_that_is_cut_after_any_event_has_no_false_end(
    openai_door: Gateway, client: AsyncAnthropic, up: Provider
) -> None:
    recorded = stream_events({"model": "m", "stream_options": {"include_usage": True}}, 3)
    finished = len(recorded) - 2  # with the event that gives the reason

    async def script(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD)
        for event in recorded[: int(asked.body["messages"][0]["content"])]:
            writer.write(chunk(event))
        writer.write(b"0\r\n\r\n")

    up.script = script
    for cut in range(len(recorded) + 1):
        said: list[Any] = [{"role": "user", "content": str(cut)}]
        if cut < finished:
            with pytest.raises(anthropic.APIStatusError, match="upstream_broke"):
                await _messages(client, is_stream=True, messages=said)
        else:
            assert (
                await _messages(client, is_stream=True, messages=said)
            ).stop_reason == "end_turn"

    await openai_door.nothing_is_held()
    rows = await openai_door.rows("SELECT outcome FROM calls ORDER BY created_at")
    outcomes = ["cut_by_upstream"] * finished + ["completed"] * (len(recorded) + 1 - finished)
    assert [outcome for (outcome,) in rows] == outcomes
    await openai_door.is_consistent()


@pytest.mark.req("R-9", "B-5", "P-15")
@pytest.mark.parametrize("is_stream", [False, True])
async def test_openais_client_gets_its_answer_from_anthropic(
    claude_door: Gateway, up: Provider, is_stream: bool
) -> None:
    said: list[Any] = [{"role": "developer", "content": "be brief"}, *HELLO]
    async with AsyncOpenAI(base_url=claude_door.base_url, api_key=claude_door.key) as client:
        if is_stream:
            stream = await client.chat.completions.create(
                model=MODEL, messages=said, stream=True, stream_options={"include_usage": True}
            )
            chunks = [each async for each in stream]
            text = "".join(it.choices[0].delta.content or "" for it in chunks if it.choices)
            reason, used = chunks[-2].choices[0].finish_reason, chunks[-1].usage
        else:
            reply = await client.chat.completions.create(model=MODEL, messages=said)
            text, reason = reply.choices[0].message.content, reply.choices[0].finish_reason
            used = reply.usage

    assert (text, reason) == ("word " * OUTPUT, "stop")
    assert used is not None
    assert used.prompt_tokens == INPUT + CACHE_READ + CACHE_WRITE
    sent = up.asked[0]
    assert (sent.path, sent.headers["anthropic-version"]) == ("/v1/messages", "2023-06-01")
    assert sent.body["system"] == [{"type": "text", "text": "be brief"}]
    assert sent.body["max_tokens"] == 1000
    await claude_door.nothing_is_held()
    cost = (INPUT + CACHE_READ + CACHE_WRITE) * NANOS_IN + OUTPUT * NANOS_OUT
    assert await claude_door.spent() == cost


@pytest.mark.req("P-12", "P-13", "R-15")
@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_signed_thought_comes_home_through_openais_client(
    claude_door: Gateway, up: Provider, is_stream: bool
) -> None:
    up.script = claude.says(THOUGHT, CALL, reason="tool_use")
    async with AsyncOpenAI(base_url=claude_door.base_url, api_key=claude_door.key) as client:
        answered = await _completed(client, is_stream=is_stream, messages=HELLO)
        result = {"role": "tool", "tool_call_id": "toolu_1", "content": "seen"}
        await _completed(client, is_stream=is_stream, messages=[*HELLO, answered, result])

    _, assistant, given_back = up.asked[1].body["messages"]
    assert assistant["content"] == [THOUGHT, CALL]
    assert given_back["content"][0]["tool_use_id"] == "toolu_1"


async def _messages(client: AsyncAnthropic, *, is_stream: bool, **asked: Any) -> Any:
    asked = {"model": MODEL, "messages": HELLO, "max_tokens": 100, **asked}
    if not is_stream:
        return await client.messages.create(**asked)
    async with client.messages.stream(**asked) as stream:
        return await stream.get_final_message()


async def _completed(
    client: AsyncOpenAI, *, is_stream: bool, messages: list[Any]
) -> dict[str, Any]:
    """The assistant's message, as a client gives it back."""
    asked: dict[str, Any] = {"model": MODEL, "messages": messages, "tools": [FUNCTION]}
    if not is_stream:
        reply = await client.chat.completions.create(**asked)
        return reply.choices[0].message.model_dump(exclude_none=True)
    message: dict[str, Any] = {"role": "assistant", "content": None, "reasoning_content": ""}
    async for each in await client.chat.completions.create(**asked, stream=True):
        delta = each.choices[0].delta.model_dump(exclude_none=True)
        message["reasoning_content"] += delta.get("reasoning_content", "")
        if "reasoning_details" in delta:
            message["reasoning_details"] = delta["reasoning_details"]
        for call in delta.get("tool_calls", ()):
            calls = message.setdefault("tool_calls", [])
            if call.get("id"):
                calls.append(call)
            else:
                calls[-1]["function"]["arguments"] += call["function"]["arguments"]
    return message


def _function(index: int, call_id: str | None, arguments: str) -> bytes:
    named = {"id": call_id, "type": "function"} if call_id else {}
    function = {"arguments": arguments, **({"name": "look"} if call_id else {})}
    return _chunk({"tool_calls": [{"index": index, **named, "function": function}]})


def _chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    return sse({"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
