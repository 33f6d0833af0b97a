"""Ollama's own client against the gateway, before an upstream that speaks OpenAI's API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import ollama
import pytest
from ollama import AsyncClient

from journeys.gateway import MODEL, NANOS_IN, NANOS_OUT, Gateway, ask, gateway
from journeys.ollama_client import ollama_client
from journeys.provider import (
    PROMPT_TOKENS,
    Asked,
    Provider,
    chunked,
    json_response,
    provider,
    sse,
    usage,
)
from security.wire import JSON, bearer, request, send

COST = PROMPT_TOKENS * NANOS_IN + 5 * NANOS_OUT
HELLO = [{"role": "user", "content": "hello"}]
PNG = "iVBORw0KGgoAAAANSUhEUgAA"


@pytest.fixture
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        yield it


@pytest.fixture
async def door(tmp_path: Path, up: Provider) -> AsyncIterator[Gateway]:
    async with gateway(tmp_path, up.url) as it:
        yield it


@pytest.fixture
async def client(door: Gateway) -> AsyncIterator[AsyncClient]:
    async with ollama_client(door) as it:
        yield it


@pytest.mark.req("R-1", "R-16", "OL-35", "B-5")
async def test_a_chat_is_answered_and_paid_for(
    door: Gateway, client: AsyncClient, up: Provider
) -> None:
    reply = await client.chat(MODEL, HELLO, options={"num_predict": 50, "temperature": 0.5})

    assert reply.message.content == "word " * 5
    assert (reply.model, reply.done, reply.done_reason) == (MODEL, True, "stop")
    assert (reply.prompt_eval_count, reply.eval_count) == (PROMPT_TOKENS, 5)
    assert reply.total_duration
    (asked,) = up.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.body["messages"] == HELLO
    assert (asked.body["max_tokens"], asked.body["temperature"]) == (50, 0.5)
    await _is_paid_once(door, "ollama_chat")


@pytest.mark.req("OL-38", "OL-39", "B-5")
async def test_a_stream_comes_in_lines_and_ends_with_one_that_counts(
    door: Gateway, client: AsyncClient
) -> None:
    lines = [line async for line in await client.chat(MODEL, HELLO, stream=True)]

    assert "".join(line.message.content or "" for line in lines) == "word " * 5
    assert [line.done for line in lines] == [*[False] * (len(lines) - 1), True]
    assert (lines[-1].done_reason, lines[-1].eval_count) == ("stop", 5)
    assert lines[-1].prompt_eval_count == PROMPT_TOKENS
    await _is_paid_once(door, "ollama_chat")


@pytest.mark.req("OL-35", "OL-39")
@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_prompt_is_answered_and_paid_for(
    door: Gateway, client: AsyncClient, up: Provider, is_stream: bool
) -> None:
    if is_stream:
        stream = await client.generate(MODEL, "hello", system="Be brief.", stream=True)
        replies = [line async for line in stream]
    else:
        replies = [await client.generate(MODEL, "hello", system="Be brief.")]

    assert "".join(reply.response for reply in replies) == "word " * 5
    assert (replies[-1].done_reason, replies[-1].eval_count) == ("stop", 5)
    assert up.asked[0].body["messages"] == [{"role": "system", "content": "Be brief."}, *HELLO]
    await _is_paid_once(door, "ollama_generate")


@pytest.mark.req("R-1")
async def test_the_sync_client_gets_its_answer_too(door: Gateway) -> None:
    client = ollama.Client(door.origin, headers={"authorization": f"Bearer {door.key}"})

    reply = await asyncio.to_thread(client.chat, MODEL, HELLO)

    assert reply.message.content == "word " * 5
    client.close()


@pytest.mark.req("R-16")
async def test_a_name_with_the_usual_tag_is_the_same_model(
    door: Gateway, client: AsyncClient
) -> None:
    reply = await client.chat(f"{MODEL}:latest", HELLO)
    shown = await client.show(f"{MODEL}:latest")

    assert reply.model == f"{MODEL}:latest"
    assert {"completion", "tools"} <= set(shown.capabilities or ())
    await _is_paid_once(door, "ollama_chat")


@pytest.mark.req("R-15", "OL-37")
@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_loop_with_a_tool_goes_round(
    door: Gateway, client: AsyncClient, up: Provider, is_stream: bool
) -> None:
    def look(at: str) -> str:
        """Look at something.

        Args:
          at: What to look at.
        """
        return f"a {at}"

    up.script = _calls_a_tool
    messages: list[Any] = [*HELLO]

    if is_stream:
        stream = await client.chat(MODEL, messages, tools=[look], stream=True)
        called = [line.message async for line in stream if line.message.tool_calls]
    else:
        called = [(await client.chat(MODEL, messages, tools=[look])).message]
    (call,) = called[0].tool_calls or ()
    assert (call.function.name, call.function.arguments) == ("look", {"at": "cat"})

    up.script = None
    result = {"role": "tool", "content": look(**call.function.arguments), "tool_name": "look"}
    reply = await client.chat(MODEL, [*messages, called[0], result], tools=[look])

    assert reply.message.content == "word " * 5
    (asked, answered) = up.asked[1].body["messages"][1:]
    assert json.loads(asked["tool_calls"][0]["function"]["arguments"]) == {"at": "cat"}
    assert (answered["role"], answered["content"]) == ("tool", "a cat")
    assert answered["tool_call_id"] == asked["tool_calls"][0]["id"]
    assert len(up.asked) == 2
    await door.nothing_is_held()


async def test_thoughts_stand_apart(client: AsyncClient, up: Provider) -> None:
    up.script = _thinks

    reply = await client.chat(MODEL, HELLO, think="low")

    assert (reply.message.thinking, reply.message.content) == ("Hm", "4")
    assert up.asked[0].body["reasoning_effort"] == "low"


@pytest.mark.req("OL-37", "R-16")
async def test_images_and_a_schema_arrive_as_the_upstream_has_them(
    client: AsyncClient, up: Provider
) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}

    await client.chat(MODEL, [{**HELLO[0], "images": [PNG]}], format=schema)

    asked = up.asked[0].body
    assert asked["messages"][0]["content"][1]["image_url"]["url"] == f"data:image/png;base64,{PNG}"
    assert asked["response_format"]["json_schema"]["schema"] == schema


@pytest.mark.req("R-16")
async def test_to_load_a_model_costs_nothing_and_asks_nobody(
    door: Gateway, client: AsyncClient, up: Provider
) -> None:
    loaded = await client.generate(MODEL, "")
    unloaded = await client.chat(MODEL, [], keep_alive=0)

    assert (loaded.response, loaded.done, loaded.done_reason) == ("", True, "load")
    assert (unloaded.message.content, unloaded.done_reason) == ("", "unload")
    assert up.asked == []
    assert await door.spent() == 0
    await door.end()
    assert [(it["status"], it["held_nanos"]) for it in door.calls()] == [(200, 0), (200, 0)]


@pytest.mark.req("R-16", "OL-33")
async def test_a_client_finds_what_its_key_may_call(door: Gateway, client: AsyncClient) -> None:
    listed = (await client.list()).models
    shown = await client.show(MODEL)

    assert [model.model for model in listed] == [MODEL]
    assert listed[0].digest
    assert shown.modelinfo
    assert shown.modelinfo["tollhouse.context_length"] == 32_768
    assert (await client.ps()).models == []
    with pytest.raises(ollama.ResponseError) as refused:
        await client.show("nobody")
    assert refused.value.status_code == 404


@pytest.mark.req("OL-32", "OL-45")
async def test_what_is_the_operators_business_is_not_offered(
    client: AsyncClient, up: Provider
) -> None:
    for attempt in (
        client.pull("x"),
        client.push("x"),
        client.create("x", from_="y"),
        client.copy("x", "y"),
        client.delete("x"),
    ):
        with pytest.raises(ollama.ResponseError) as refused:
            await attempt

        assert refused.value.status_code == 501
        assert "operator" in refused.value.error
    assert up.asked == []


@pytest.mark.req("R-11", "R-12", "S-94", "P-4")
@pytest.mark.parametrize("is_stream", [False, True])
async def test_an_exhausted_budget_is_told_and_asked_exactly_once(
    door: Gateway, client: AsyncClient, up: Provider, is_stream: bool
) -> None:
    await door.budget(1)

    error = await _refused(client, is_stream=is_stream)

    assert error.status_code == 402
    assert "tenant:acme" in error.error
    assert up.asked == []
    await door.end()
    assert [record["code"] for record in door.calls()] == ["budget_exhausted"]


@pytest.mark.req("R-1", "R-12")
@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_wrong_key_and_an_unknown_model_are_told_in_words(
    door: Gateway, client: AsyncClient, is_stream: bool
) -> None:
    async with ollama_client(door, "thk_nonsense") as stranger:
        wrong = await _refused(stranger, is_stream=is_stream)
    unknown = await _refused(client, model="nobody", is_stream=is_stream)

    assert (wrong.status_code, unknown.status_code) == (401, 404)
    assert "'nobody'" in unknown.error


@pytest.mark.req("R-12", "OL-9")
@pytest.mark.parametrize("is_stream", [False, True])
async def test_an_error_of_the_upstream_is_told_in_our_words(
    door: Gateway, client: AsyncClient, up: Provider, is_stream: bool
) -> None:
    up.script = _fails

    error = await _refused(client, is_stream=is_stream)

    assert error.status_code == 502
    assert "canary" not in error.error
    await door.nothing_is_held()


@pytest.mark.req("R-10", "OL-41", "P-8")
async def test_a_stream_that_breaks_off_ends_in_an_error_and_not_in_an_end(
    door: Gateway, client: AsyncClient, up: Provider
) -> None:
    up.script = _breaks_off
    seen = []

    with pytest.raises(ollama.ResponseError):  # noqa: PT012 - what came before it has come
        async for line in await client.chat(MODEL, HELLO, stream=True):
            seen.append(line.message.content)  # noqa: PERF401 - the rest is lost otherwise

    assert seen == ["word "]
    assert len(up.asked) == 1
    await door.nothing_is_held()
    ((outcome,),) = await door.rows("SELECT outcome FROM calls")
    assert outcome == "cut_by_upstream"


@pytest.mark.req("OL-2")
async def test_images_of_ten_megabytes_are_taken_and_more_is_not(
    door: Gateway, client: AsyncClient, up: Provider
) -> None:
    image = "iVBORw0KGgoA" + "A" * (7 * 1024 * 1024)

    await client.chat(MODEL, [{**HELLO[0], "images": [image]}])
    too_much = await _refused(client, [{**HELLO[0], "images": [image, image]}], is_stream=False)

    assert too_much.status_code == 413
    assert len(up.asked) == 1


@pytest.mark.req("OL-47", "P-12")
async def test_options_that_the_upstream_does_not_have_are_named(
    door: Gateway, up: Provider
) -> None:
    body = ask(options={"num_ctx": 8192, "seed": 1}, keep_alive="5m", stream=False)
    raw = request(json.dumps(body).encode(), (bearer(door.key), JSON), target="/api/chat")

    got = await send(door.port, raw)

    assert got.status == 200
    assert set(got.headers["x-tollhouse-unsaid"].replace(",", " ").split()) == {
        *("options.num_ctx", "keep_alive"),
    }


async def _refused(
    client: AsyncClient,
    messages: list[dict[str, Any]] | None = None,
    *,
    model: str = MODEL,
    is_stream: bool,
) -> ollama.ResponseError:
    with pytest.raises(ollama.ResponseError) as refused:  # noqa: PT012 - either may raise it
        reply = await client.chat(model, messages or HELLO, stream=is_stream)
        if is_stream:
            async for _ in reply:
                pass
    return refused.value


@pytest.mark.req("OL-3", "S-6")
@pytest.mark.parametrize("sent_as", ["application/x-www-form-urlencoded", "text/plain", ""])
async def test_a_body_that_is_not_sent_as_json_is_taken_if_the_operator_says_so(
    tmp_path: Path, up: Provider, sent_as: str
) -> None:
    lax = "[ollama]\nany_content_type = true"
    async with gateway(tmp_path, up.url, settings=lax) as door:
        kind = (("content-type", sent_as),) if sent_as else ()
        asked = json.dumps({"model": MODEL, "messages": HELLO, "stream": False}).encode()
        head = (bearer(door.key), *kind)

        taken = await send(door.port, request(asked, head, target="/api/chat"))
        no_json = await send(door.port, request(b"model=m", head, target="/api/chat"))
        squeezed = (*head, ("content-encoding", "gzip"))
        compressed = await send(door.port, request(asked, squeezed, target="/api/chat"))
        elsewhere = await send(door.port, request(asked, head, target="/v1/chat/completions"))

        assert (taken.status, no_json.status) == (200, 400)
        assert (compressed.status, elsewhere.status) == (415, 415)
        assert len(up.asked) == 1


@pytest.mark.req("OL-3", "S-6")
async def test_a_body_that_is_not_sent_as_json_is_refused_otherwise(door: Gateway) -> None:
    asked = json.dumps({"model": MODEL, "messages": HELLO}).encode()

    refused = await send(door.port, request(asked, (bearer(door.key),), target="/api/chat"))

    assert refused.status == 415


async def _is_paid_once(door: Gateway, route: str) -> None:
    await door.nothing_is_held()
    assert await door.spent() == COST
    await door.is_consistent()
    await door.end()
    calls = [record for record in door.calls() if record["owed_nanos"]]
    assert [(it["route"], it["status"], it["outcome"]) for it in calls] == [(route, 200, "ok")]
    assert {(it["input"], it["output"]) for it in calls} == {(PROMPT_TOKENS, 5)}


async def _calls_a_tool(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """In fragments, as OpenAI's streams have it."""
    calls = [
        {"index": 0, "id": "c1", "type": "function", "function": {"name": "look", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"at":'}},
        {"index": 0, "function": {"arguments": '"cat"}'}},
    ]
    if not asked.body.get("stream"):
        whole = {**calls[0], "function": {"name": "look", "arguments": '{"at":"cat"}'}}
        message = {"role": "assistant", "content": None, "tool_calls": [whole]}
        choices = [{"index": 0, "message": message, "finish_reason": "tool_calls"}]
        writer.write(json_response({"choices": choices, "usage": usage(5)}))
        return
    deltas: list[dict[str, Any]] = [{"tool_calls": [call]} for call in calls]
    ends = [*(None for _ in deltas), "tool_calls"]
    events = [
        sse({"choices": [{"index": 0, "delta": delta, "finish_reason": end}]})
        for delta, end in zip([*deltas, {}], ends, strict=True)
    ]
    counted = sse({"choices": [], "usage": usage(5)})
    for piece in chunked([*events, counted, b"data: [DONE]\n\n"]):
        writer.write(piece)


async def _thinks(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    message = {"role": "assistant", "content": "4", "reasoning_content": "Hm"}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    writer.write(json_response({"choices": choices, "usage": usage(5)}))


async def _fails(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(json_response({"error": {"message": "canary"}}, "500 Internal Server Error"))


async def _breaks_off(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    for piece in it.stream(asked)[:3]:
        writer.write(piece)
    await writer.drain()
    writer.transport.abort()
