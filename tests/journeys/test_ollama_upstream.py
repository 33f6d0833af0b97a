"""Before a server of Ollama's: its own clients by the native lane, OpenAI's by the translated one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import ollama
import openai
import pytest
from ollama import AsyncClient
from openai import AsyncOpenAI

from journeys.gateway import MODEL, NANOS_IN, NANOS_OUT, TEXTS, Gateway, gateway
from journeys.ollama_client import ollama_client
from journeys.ollama_upstream import (
    breaks_off,
    calls_a_tool,
    ends_early,
    fails_midway,
    knows_no_such_model,
    refuses,
    speaks_ollama,
)
from journeys.provider import PROMPT_TOKENS, Provider, Script, provider
from security.wire import JSON, bearer, request, send

COST = PROMPT_TOKENS * NANOS_IN + 5 * NANOS_OUT
HELLO: list[Any] = [{"role": "user", "content": "hello"}]
LOOK: Any = {
    "type": "function",
    "function": {
        "name": "look",
        "description": "Looks.",
        "parameters": {"type": "object", "properties": {"at": {"type": "string"}}},
    },
}


@pytest.fixture
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        it.script = speaks_ollama
        yield it


@pytest.fixture
async def door(tmp_path: Path, up: Provider) -> AsyncIterator[Gateway]:
    url = up.url.removesuffix("/v1")
    lines = f'[providers.ol]\nkind = "ollama"\nurl = "{url}"\nkey = "env:UP_KEY"\n'
    async with gateway(tmp_path, up.url, settings=lines, targets=("ol:m-real",), does=TEXTS) as it:
        yield it


@pytest.fixture
async def client(door: Gateway) -> AsyncIterator[AsyncClient]:
    async with ollama_client(door) as it:
        yield it


@pytest.fixture
async def openai_client(door: Gateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=door.base_url, api_key=door.key, max_retries=0) as it:
        yield it


@pytest.mark.req("P-12", "R-5", "OL-30")
@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/api/chat", {"messages": HELLO}),
        ("/api/generate", {"prompt": "hello", "raw": True, "context": [1, 2]}),
    ],
)
async def test_all_but_the_name_and_the_bound_arrive_as_they_were_sent(
    door: Gateway, up: Provider, path: str, asked: dict[str, Any]
) -> None:
    body = {
        "model": MODEL,
        **asked,
        "options": {"num_ctx": 64, "x": 1},
        "keep_alive": -1,
        "y": [{}],
    }

    got = await send(
        door.port, request(json.dumps(body).encode(), (bearer(door.key), JSON), target=path)
    )

    assert got.status == 200
    assert got.headers["content-type"] == "application/x-ndjson"
    assert "x-tollhouse-unsaid" not in got.headers
    (sent,) = up.asked
    assert sent.path == path
    assert sent.headers["authorization"].startswith("Bearer sk-upstream")
    assert list(sent.body) == list(body)
    assert sent.body == {
        **body,
        "model": "m-real",
        "options": {"num_ctx": 64, "x": 1, "num_predict": 1000},
    }
    lines = [json.loads(line) for line in got.body.splitlines()]
    assert {line["model"] for line in lines} == {MODEL}
    assert lines[-1]["total_duration"] == 7
    await _is_paid_once(door)


@pytest.mark.req("P-12", "OL-38")
@pytest.mark.parametrize("is_stream", [False, True])
async def test_its_own_client_is_answered_and_pays(
    door: Gateway, client: AsyncClient, is_stream: bool
) -> None:
    if is_stream:
        chat = [line async for line in await client.chat(MODEL, HELLO, stream=True)]
    else:
        chat = [await client.chat(MODEL, HELLO)]

    assert "".join(line.message.content or "" for line in chat) == "word " * 5
    assert (chat[-1].model, chat[-1].eval_count, chat[-1].done) == (MODEL, 5, True)
    await _is_paid_once(door)


@pytest.mark.req("R-15")
@pytest.mark.parametrize("is_stream", [False, True])
async def test_its_own_client_gets_tools_and_thoughts(
    door: Gateway, client: AsyncClient, up: Provider, is_stream: bool
) -> None:
    up.script = calls_a_tool
    if is_stream:
        stream = await client.chat(MODEL, HELLO, tools=[LOOK], stream=True)
        called, *_ = [line.message async for line in stream]
    else:
        called = (await client.chat(MODEL, HELLO, tools=[LOOK])).message
    result = {"role": "tool", "content": "a cat", "tool_name": "look"}
    reply = await client.chat(MODEL, [*HELLO, called, result], tools=[LOOK])

    assert called.thinking == "Hm"
    assert [call.function.arguments for call in called.tool_calls or ()] == [{"at": "cat"}]
    assert reply.message.content == "word " * 5
    assert len(up.asked) == 2
    await door.nothing_is_held()


@pytest.mark.req("P-12", "B-5")
@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_client_of_openai_is_answered_and_pays(
    door: Gateway, openai_client: AsyncOpenAI, up: Provider, is_stream: bool
) -> None:
    if is_stream:
        stream = await openai_client.chat.completions.create(
            model=MODEL, messages=HELLO, stream=True, seed=1
        )
        chunks = [chunk async for chunk in stream]
        said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        finish = chunks[-1].choices[0].finish_reason
    else:
        reply = await openai_client.chat.completions.create(model=MODEL, messages=HELLO, seed=1)
        said, finish = reply.choices[0].message.content or "", reply.choices[0].finish_reason
        assert reply.usage is not None
        assert reply.usage.total_tokens == PROMPT_TOKENS + 5

    assert (said, finish) == ("word " * 5, "stop")
    (sent,) = up.asked
    assert sent.path == "/api/chat"
    assert sent.body == {
        "model": "m-real",
        "messages": HELLO,
        "stream": is_stream,
        "options": {"seed": 1, "num_predict": 1000},
    }
    await _is_paid_once(door)


@pytest.mark.req("P-12", "R-15")
@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_client_of_openai_goes_round_with_a_tool(
    door: Gateway, openai_client: AsyncOpenAI, up: Provider, is_stream: bool
) -> None:
    up.script = calls_a_tool
    create: Any = openai_client.chat.completions.create
    if is_stream:
        chunks = [
            it async for it in await create(model=MODEL, messages=HELLO, tools=[LOOK], stream=True)
        ]
        deltas = [call for it in chunks for call in it.choices[0].delta.tool_calls or ()]
        call_id = deltas[0].id
        arguments = "".join(call.function.arguments or "" for call in deltas)
        finish = [it.choices[0].finish_reason for it in chunks if it.choices[0].finish_reason]
    else:
        choice = (await create(model=MODEL, messages=HELLO, tools=[LOOK])).choices[0]
        call_id = choice.message.tool_calls[0].id
        arguments = choice.message.tool_calls[0].function.arguments
        finish = [choice.finish_reason]
    function = {"name": "look", "arguments": arguments}
    call = {"id": call_id, "type": "function", "function": function}
    turn = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call_id, "content": "a cat"},
    ]
    reply = await create(model=MODEL, messages=[*HELLO, *turn], tools=[LOOK])

    assert json.loads(arguments) == {"at": "cat"}
    assert finish == ["tool_calls"]
    assert reply.choices[0].message.content == "word " * 5
    (asked, answered) = up.asked[1].body["messages"][1:]
    assert asked["tool_calls"][0]["function"]["arguments"] == {"at": "cat"}
    assert (answered["content"], answered["tool_name"]) == ("a cat", "look")
    await door.nothing_is_held()


@pytest.mark.req("R-10", "S-71", "P-8")
@pytest.mark.parametrize("script", [breaks_off, ends_early, fails_midway])
@pytest.mark.parametrize("is_ollamas", [True, False])
async def test_an_answer_that_breaks_off_ends_in_an_error_for_everybody(
    door: Gateway,
    client: AsyncClient,
    openai_client: AsyncOpenAI,
    up: Provider,
    script: Script,
    is_ollamas: bool,
) -> None:
    up.script = script
    seen: list[str | None] = []

    with pytest.raises((ollama.ResponseError, openai.APIError)) as broke:  # noqa: PT012
        if is_ollamas:
            async for line in await client.chat(MODEL, HELLO, stream=True):
                seen.append(line.message.content)  # noqa: PERF401
        else:
            stream = await openai_client.chat.completions.create(
                model=MODEL, messages=HELLO, stream=True
            )
            async for chunk in stream:
                seen.append(chunk.choices[0].delta.content)  # noqa: PERF401

    assert "".join(filter(None, seen)) == "word "
    assert "canary" not in str(broke.value)
    assert len(up.asked) == 1
    await door.nothing_is_held()
    ((owed,),) = await door.rows("SELECT owed FROM calls")
    assert 0 < owed < COST * 3


@pytest.mark.req("R-12", "R-13")
async def test_what_the_server_refuses_is_refused_in_its_words_cleaned(
    door: Gateway, client: AsyncClient, openai_client: AsyncOpenAI, up: Provider
) -> None:
    up.script = refuses

    with pytest.raises(ollama.ResponseError) as to_ollama:
        await client.chat(MODEL, HELLO)
    with pytest.raises(openai.BadRequestError) as to_openai:
        await openai_client.chat.completions.create(model=MODEL, messages=HELLO)
    up.script = knows_no_such_model
    with pytest.raises(ollama.ResponseError) as unknown:
        await client.chat(MODEL, HELLO)

    assert to_ollama.value.status_code == 400
    assert "does not support thinking" in to_ollama.value.error
    assert "does not support thinking" in to_openai.value.message
    assert unknown.value.status_code == 404
    await door.nothing_is_held()
    assert await door.spent() == 0


@pytest.mark.req("P-12")
async def test_what_ollama_cannot_be_told_is_named(
    door: Gateway, openai_client: AsyncOpenAI
) -> None:
    raw = await openai_client.chat.completions.with_raw_response.create(
        model=MODEL, messages=HELLO, logit_bias={"1": 1}, user="anna"
    )

    assert set(raw.headers["x-tollhouse-unsaid"].replace(",", " ").split()) == {
        "logit_bias",
        "user",
    }


async def _is_paid_once(door: Gateway) -> None:
    await door.nothing_is_held()
    assert await door.spent() == COST
    await door.is_consistent()
    await door.end()
    (record,) = door.calls()
    assert (record["status"], record["outcome"], record["target"]) == (200, "ok", "ol:m-real")
    assert (record["input"], record["output"]) == (PROMPT_TOKENS, 5)
