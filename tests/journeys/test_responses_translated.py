"""OpenAI's Responses before a provider that speaks chat alone, and chat before one that speaks Responses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from pydantic import BaseModel

from journeys.gateway import MODEL, NANOS_IN, NANOS_OUT, Gateway, gateway
from journeys.provider import (
    PROMPT_TOKENS,
    Asked,
    Provider,
    Script,
    chunked,
    completion,
    json_response,
    provider,
    sse,
    stream_events,
    usage,
)
from journeys.responses import INPUT, OUTPUT, answering, call_of, message

COST = PROMPT_TOKENS * NANOS_IN + 5 * NANOS_OUT
ANSWER_EVENTS = 13
"""Of five words: what begins, the item, its part, the words, and what ends each."""

CODEX: dict[str, Any] = {
    "instructions": "You are a coding agent.",
    "tools": [
        {"type": "function", "name": "shell", "strict": False, "parameters": {"type": "object"}},
        {"type": "custom", "name": "apply_patch", "format": {"type": "text"}},
        {
            "type": "namespace",
            "name": "mcp__eyes",
            "description": "sees",
            "tools": [{"type": "function", "name": "look", "parameters": {"type": "object"}}],
        },
        {"type": "web_search", "external_web_access": False},
    ],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "reasoning": {"effort": "medium", "summary": "auto"},
    "store": False,
    "stream": True,
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "thread-1",
}


class Colour(BaseModel):
    name: str


@pytest.fixture
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        yield it


@pytest.fixture
async def door(tmp_path: Path, up: Provider) -> AsyncIterator[Gateway]:
    async with gateway(tmp_path, up.url) as it:
        yield it


@pytest.fixture
async def client(door: Gateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=door.base_url, api_key=door.key) as it:
        yield it


@pytest.mark.req("R-8", "P-12", "OT-34")
async def test_an_answer_is_the_same_whole_in_events_and_by_the_helper(
    door: Gateway, client: AsyncOpenAI, up: Provider
) -> None:
    whole = await client.responses.create(model=MODEL, input="hello", max_output_tokens=20)
    stream = await client.responses.create(model=MODEL, input="hello", stream=True)
    events = [event async for event in stream]
    async with client.responses.stream(model=MODEL, input="hello") as helped:
        final = await helped.get_final_response()

    assert [each.output_text for each in (whole, events[-1].response, final)] == ["word " * 5] * 3
    assert [event.sequence_number for event in events] == list(range(ANSWER_EVENTS))
    assert len({event.response.id for event in events if hasattr(event, "response")}) == 1
    assert whole.usage is not None
    assert (whole.usage.input_tokens, whole.usage.total_tokens) == (
        PROMPT_TOKENS,
        PROMPT_TOKENS + 5,
    )
    assert (up.asked[0].path, up.asked[0].body) == (
        "/v1/chat/completions",
        {
            "model": "m-real",
            "messages": [{"role": "user", "content": "hello"}],
            "max_tokens": 20,
        },
    )
    await door.nothing_is_held()
    assert await door.spent() == 3 * COST


@pytest.mark.req("R-8")
async def test_a_shape_is_asked_of_the_provider_and_parsed(
    client: AsyncOpenAI, up: Provider
) -> None:
    up.script = _saying('{"name":"blue"}')

    parsed = await client.responses.parse(model=MODEL, input="which?", text_format=Colour)

    assert parsed.output_parsed == Colour(name="blue")
    assert up.asked[0].body["response_format"]["type"] == "json_schema"


@pytest.mark.req("R-8", "R-15", "S-74")
async def test_a_coding_agent_works_turn_by_turn_with_tools_of_every_kind(
    door: Gateway, client: AsyncOpenAI, up: Provider
) -> None:
    up.script = _turns(
        [("shell", '{"command":["ls"]}'), ("mcp__eyes__look", "{}")],
        [("apply_patch", '{"input":"*** Begin Patch"}')],
        [],
    )
    said: list[Any] = [{"type": "message", "role": "user", "content": "go"}]
    calls = []
    for _ in range(3):
        stream = await client.responses.create(model=MODEL, input=[*said], **CODEX)
        done = [event.item async for event in stream if event.type == "response.output_item.done"]
        turn = [item for item in done if item.type.endswith("_call")]
        calls += [(item.type, getattr(item, "namespace", None), item.name) for item in turn]
        said += [item.to_dict() for item in done]
        said += [
            {"type": f"{item.type}_output", "call_id": item.call_id, "output": "ok"}
            for item in turn
        ]

    assert calls == [
        ("function_call", None, "shell"),
        ("function_call", "mcp__eyes", "look"),
        ("custom_tool_call", None, "apply_patch"),
    ]
    assert len(up.asked) == 3
    first, last = up.asked[0].body, up.asked[2].body
    assert [tool["function"]["name"] for tool in first["tools"]] == [
        *("shell", "apply_patch", "mcp__eyes__look"),
    ]
    assert [each["role"] for each in last["messages"]] == [
        *("system", "user", "assistant", "tool", "tool", "assistant", "tool"),
    ]
    assert last["messages"][5]["tool_calls"][0]["function"]["arguments"] == (
        '{"input":"*** Begin Patch"}'
    )
    await door.nothing_is_held()
    door.stop()
    records = door.calls()
    assert [record["outcome"] for record in records] == ["ok"] * 3
    assert all("tools.web_search" in record["unsaid"] for record in records)


@pytest.mark.req("R-8", "R-10", "P-8")
async def test_a_cut_after_any_event_is_told_as_a_response_that_failed(
    door: Gateway, client: AsyncOpenAI, up: Provider
) -> None:
    number = len(stream_events({"model": "m", "stream_options": {"include_usage": True}}, 5)) - 2
    for cut in range(number):
        up.script = _cut_after(cut)

        seen = await _seen(client)

        first, last = seen[0], seen[-1]
        assert (first.type, last.type) == ("response.created", "response.failed")
        assert [event.sequence_number for event in seen] == list(range(len(seen)))
        assert (last.response.id, last.response.error.code) == (first.response.id, "upstream_broke")
    await door.nothing_is_held()
    door.stop()
    assert [record["code"] for record in door.calls()] == ["upstream_broke"] * number


@pytest.mark.req("P-12")
async def test_chat_is_answered_by_a_provider_that_speaks_responses_alone(
    tmp_path: Path, up: Provider
) -> None:
    up.script = answering([message()])
    async with (
        gateway(tmp_path, up.url, up='speaks = ["responses"]') as door,
        AsyncOpenAI(base_url=door.base_url, api_key=door.key) as client,
    ):
        asked: Any = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}
        whole = await client.chat.completions.create(**asked)
        stream = await client.chat.completions.create(**asked, stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        up.script = answering([call_of("look", '{"at":1}')])
        tools = [{"type": "function", "function": {"name": "look"}}]
        called = await client.chat.completions.create(**asked, tools=tools)

        assert whole.choices[0].message.content == text == "word " * OUTPUT
        assert called.choices[0].finish_reason == "tool_calls"
        assert [each.path for each in up.asked] == ["/v1/responses"] * 3
        assert all(each.body["store"] is False for each in up.asked)
        await door.nothing_is_held()
        assert await door.spent() == 3 * (INPUT * NANOS_IN + OUTPUT * NANOS_OUT)


def _saying(text: str) -> Script:
    async def script(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        answer = completion(asked.body, 5)
        answer["choices"][0]["message"]["content"] = text
        writer.write(json_response(answer))
        await writer.drain()

    return script


def _turns(*turns: list[tuple[str, str]]) -> Script:
    """Each request gets the calls of the next turn, their arguments in two pieces; then words."""

    async def script(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        calls = turns[len(it.asked) - 1]
        sent = []
        for index, (name, arguments) in enumerate(calls):
            head = {"id": f"call_{len(it.asked)}_{index}", "type": "function"}
            function = {"name": name, "arguments": arguments[:4]}
            sent += [
                _chunk({"tool_calls": [{"index": index, **head, "function": function}]}),
                _chunk(
                    {"tool_calls": [{"index": index, "function": {"arguments": arguments[4:]}}]}
                ),
            ]
        sent += [] if calls else [_chunk({"content": "done"})]
        sent += [_chunk({}, "tool_calls" if calls else "stop")]
        sent += [sse({"choices": [], "usage": usage(5)}), b"data: [DONE]\n\n"]
        writer.write(b"".join(chunked(sent)))
        await writer.drain()

    return script


def _chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    return sse({"id": "c", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def _cut_after(number: int) -> Script:
    async def script(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        head, *pieces, _ = chunked(stream_events(asked.body, 5)[:-2])
        writer.write(head + b"".join(pieces[:number]))
        await writer.drain()
        writer.close()

    return script


async def _seen(client: AsyncOpenAI) -> list[Any]:
    """The events of a stream that breaks off."""
    seen: list[Any] = []
    stream = await client.responses.create(model=MODEL, input="hello", stream=True)
    with suppress(openai.APIConnectionError):
        async for event in stream:
            seen.append(event)  # noqa: PERF401 - what came before the end is wanted
    return seen
