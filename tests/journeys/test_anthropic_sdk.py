"""Anthropic's own client against the gateway, before an upstream that speaks the same: `base_url` and a key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic import Anthropic, AsyncAnthropic, beta_async_tool

from journeys import claude
from journeys.claude import CACHE_READ, CACHE_WRITE, INPUT, OUTPUT
from journeys.gateway import MODEL, NANOS_IN, NANOS_OUT, Gateway, gateway
from journeys.provider import STREAM_HEAD, Asked, Provider, chunk, json_response, provider

COST = (INPUT + CACHE_READ + CACHE_WRITE) * NANOS_IN + OUTPUT * NANOS_OUT
HELLO: list[Any] = [{"role": "user", "content": "hello"}]
LOOK: Any = {"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": ["é", 1]}}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "c2lnbmF0dXJl+/=="}


@pytest.fixture
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        it.script = claude.answer
        yield it


@pytest.fixture
async def door(tmp_path: Path, up: Provider) -> AsyncIterator[Gateway]:
    async with gateway(tmp_path, up.url, kind="anthropic-compatible") as it:
        yield it


@pytest.fixture
async def client(door: Gateway) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=door.origin, api_key=door.key) as it:
        yield it


@pytest.mark.req("R-1", "B-5", "OT-44", "P-15")
async def test_the_sync_client_gets_an_answer_that_is_paid_for(door: Gateway) -> None:
    with Anthropic(base_url=door.origin, auth_token=door.key) as client:
        reply = await asyncio.to_thread(
            client.messages.create, model=MODEL, messages=HELLO, max_tokens=100
        )

    assert reply.content[0].text == "word " * OUTPUT
    assert (reply.model, reply.stop_reason) == (MODEL, "end_turn")
    assert reply.usage.cache_read_input_tokens == CACHE_READ
    await door.nothing_is_held()
    assert await door.spent() == COST


@pytest.mark.req("R-9", "P-7", "OT-44")
async def test_a_stream_is_told_by_the_sdks_own_helper(
    door: Gateway, client: AsyncAnthropic
) -> None:
    async with client.messages.stream(model=MODEL, messages=HELLO, max_tokens=100) as stream:
        words = [text async for text in stream.text_stream]
        reply = await stream.get_final_message()

    assert words == ["word "] * OUTPUT
    assert (reply.model, reply.stop_reason) == (MODEL, "end_turn")
    assert reply.usage.output_tokens == OUTPUT
    await door.nothing_is_held()
    assert await door.spent() == COST


@pytest.mark.req("P-12", "P-13", "P-14", "P-15", "R-5")
async def test_the_upstream_sees_the_members_that_were_sent(
    client: AsyncAnthropic, up: Provider
) -> None:
    marked = {"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}
    answered = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "ok", "is_error": False}
    asked: dict[str, Any] = {
        "system": [marked],
        "messages": [
            *HELLO,
            {"role": "assistant", "content": [THOUGHT, CALL]},
            {"role": "user", "content": [answered]},
        ],
        "tools": [{**LOOK, "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        "thinking": {"type": "adaptive"},
        "metadata": {"user_id": '{"device_id":"d"}'},
        "stop_sequences": ["\n\n"],
        "output_config": {"effort": "high"},
        "extra_body": {"unheard_of": {"x": [1, None]}},
    }

    await client.messages.create(model=MODEL, max_tokens=100, **asked)

    sent = up.asked[0].body
    asked |= asked.pop("extra_body")
    assert sent == {**asked, "model": "m-real", "max_tokens": 100}


@pytest.mark.req("R-18", "S-57")
async def test_of_the_callers_headers_only_what_is_allowed_goes_out(
    door: Gateway, client: AsyncAnthropic, up: Provider
) -> None:
    betas = "claude-code-20250219, interleaved-thinking-2025-05-14,fast-mode-2026-02-01,x y"

    reply = await client.messages.with_raw_response.create(
        model=MODEL,
        messages=HELLO,
        max_tokens=9,
        extra_headers={"anthropic-beta": betas, "x-secret": "sneaked", "cookie": "sneaked"},
    )

    headers = up.asked[0].headers
    assert reply.headers["x-tollhouse-unsaid"] == (
        "anthropic-beta.fast-mode-2026-02-01, anthropic-beta.x_y"
    )
    assert headers["anthropic-beta"] == "claude-code-20250219,interleaved-thinking-2025-05-14"
    assert headers["anthropic-version"] == "2026-10-21"
    assert headers["x-api-key"] == door.environ["UP_KEY"]
    assert "sneaked" not in str(headers)
    assert door.key not in str(headers)


@pytest.mark.req("R-15", "P-12")
async def test_a_tool_is_called_in_a_stream_with_the_thought_before_it(
    client: AsyncAnthropic, up: Provider
) -> None:
    up.script = claude.says(THOUGHT, CALL, reason="tool_use")

    async with client.messages.stream(
        model=MODEL, messages=HELLO, max_tokens=100, tools=[LOOK]
    ) as stream:
        reply = await stream.get_final_message()

    thought, call = reply.content
    assert (thought.type, thought.signature) == ("thinking", THOUGHT["signature"])
    assert (call.type, call.id, call.name, call.input) == tuple(CALL.values())
    assert reply.stop_reason == "tool_use"


@pytest.mark.req("R-6")
@pytest.mark.parametrize("is_stream", [False, True])
async def test_the_tool_runner_sends_the_whole_conversation_when_threads_are_refused(
    client: AsyncAnthropic, up: Provider, is_stream: bool
) -> None:
    @beta_async_tool
    async def look(at: str) -> str:
        """Looks.

        Args:
            at: where
        """
        return f"nothing at {at}"

    async def script(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        has_looked = len(asked.body["messages"]) > 1
        call = {**CALL, "input": {"at": "home"}}
        say = claude.says(claude.TEXT) if has_looked else claude.says(call, reason="tool_use")
        await say(it, asked, writer)

    up.script = script
    runner = client.beta.messages.tool_runner(
        model=MODEL, max_tokens=100, tools=[look], messages=HELLO, stream=is_stream
    )

    final = await runner.until_done()

    assert final.content[0].text == "word " * OUTPUT
    assert [len(asked.body["messages"]) for asked in up.asked] == [1, 3]
    assert "nothing at home" in json.dumps(up.asked[1].body["messages"][2])
    assert all("thread" not in asked.body for asked in up.asked)


@pytest.mark.req("R-11", "R-12", "P-4")
@pytest.mark.parametrize("is_stream", [False, True])
async def test_an_exhausted_budget_is_asked_exactly_once(
    door: Gateway, client: AsyncAnthropic, up: Provider, is_stream: bool
) -> None:
    await door.budget(1)
    with pytest.raises(anthropic.APIStatusError) as refused:
        await client.messages.create(model=MODEL, messages=HELLO, max_tokens=100, stream=is_stream)

    assert refused.value.status_code == 402
    assert refused.value.type == "billing_error"
    assert "tenant:acme" in str(refused.value)
    assert up.asked == []
    door.stop()
    assert [record["code"] for record in door.calls()] == ["budget_exhausted"]


@pytest.mark.req("R-1", "R-12", "R-19")
async def test_refusals_raise_the_sdks_own_errors(door: Gateway, client: AsyncAnthropic) -> None:
    wrong = door.key[:-1] + ("x" if door.key[-1] != "x" else "y")

    async with AsyncAnthropic(base_url=door.origin, api_key=wrong) as stranger:
        with pytest.raises(anthropic.AuthenticationError, match="checksum"):
            await stranger.messages.create(model=MODEL, messages=HELLO, max_tokens=9)
    with pytest.raises(anthropic.NotFoundError, match="claude-nowhere") as unknown:
        await client.messages.create(model="claude-nowhere", messages=HELLO, max_tokens=9)
    with pytest.raises(anthropic.BadRequestError, match="max_tokens"):
        await client.messages.create(model=MODEL, messages=HELLO, max_tokens=-1)

    assert unknown.value.request_id


STATUSES = [
    *((400, anthropic.BadRequestError), (401, anthropic.InternalServerError)),
    *((403, anthropic.InternalServerError), (404, anthropic.NotFoundError)),
    *((413, anthropic.BadRequestError), (429, anthropic.RateLimitError)),
    *((500, anthropic.InternalServerError), (529, anthropic.InternalServerError)),
]


@pytest.mark.req("R-12", "R-13", "OC-29", "P-16")
@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize(("status", "error"), STATUSES)
async def test_an_error_of_the_provider_raises_the_sdks_own_and_costs_nothing(
    door: Gateway, up: Provider, status: int, error: type[Exception], is_stream: bool
) -> None:
    body = {"type": "error", "error": {"type": "canary_error", "message": "sk-ant-canary012345"}}

    async def script(_: Provider, __: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(json_response(body, f"{status} Canary"))

    up.script = script
    async with AsyncAnthropic(base_url=door.origin, api_key=door.key, max_retries=0) as client:
        with pytest.raises(error) as failed:
            await client.messages.create(
                model=MODEL, messages=HELLO, max_tokens=9, stream=is_stream
            )

    assert "sk-ant" not in str(failed.value)
    await door.nothing_is_held()
    assert await door.spent() == 0


@pytest.mark.req("R-10", "P-8", "B-5", "S-89")
async def test_a_stream_that_is_cut_after_any_event_is_an_error_and_paid_as_far_as_it_came(
    door: Gateway, client: AsyncAnthropic, up: Provider
) -> None:
    recorded = claude.events("m-real", claude.TEXT)
    finished = len(recorded) - 1  # with the event that gives the reason

    async def script(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD)
        for event in recorded[: int(asked.body["messages"][0]["content"])]:
            writer.write(chunk(event))
        writer.write(b"0\r\n\r\n")

    up.script = script
    for cut in range(len(recorded) + 1):
        said: list[Any] = [{"role": "user", "content": str(cut)}]
        async with client.messages.stream(model=MODEL, messages=said, max_tokens=9) as stream:
            if cut < finished:
                with pytest.raises(anthropic.APIStatusError, match="upstream_broke"):
                    await stream.get_final_message()
            else:
                assert (await stream.get_final_message()).stop_reason == "end_turn"

    await door.nothing_is_held()
    rows = await door.rows(
        "SELECT outcome, source, input, output, cache_read, cache_write FROM calls ORDER BY created_at"
    )
    assert len(rows) == len(recorded) + 1
    for cut, (outcome, source, *tokens) in enumerate(rows):
        assert outcome == ("completed" if cut >= finished else "cut_by_upstream"), cut
        words = min(max(cut - 3, 0), OUTPUT)
        produced = OUTPUT if cut >= finished else -(-5 * words // 3)
        if cut == 0:  # nothing was said of what went in
            assert (source, tokens[1]) == ("counted", 0)
        else:
            assert tokens == [INPUT, produced, CACHE_READ, CACHE_WRITE], cut
    await door.is_consistent()


@pytest.mark.req("R-10")
async def test_an_error_within_a_stream_is_raised_in_our_words(
    door: Gateway, client: AsyncAnthropic, up: Provider
) -> None:
    broken = claude.event("error", error={"type": "overloaded_error", "message": "canary"})

    async def script(_: Provider, __: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD)
        for event in [*claude.events("m-real", claude.TEXT)[:4], broken]:
            writer.write(chunk(event))
        writer.write(b"0\r\n\r\n")

    up.script = script
    with pytest.raises(anthropic.APIStatusError, match="upstream_failed") as failed:
        async with client.messages.stream(model=MODEL, messages=HELLO, max_tokens=9) as stream:
            await stream.get_final_message()

    assert "canary" not in str(failed.value)
    await door.nothing_is_held()


@pytest.mark.req("R-7", "OT-44")
async def test_a_burst_of_counts_costs_nothing_and_takes_nothing_from_the_rate(
    tmp_path: Path, up: Provider
) -> None:
    async with (
        gateway(tmp_path, up.url, kind="anthropic-compatible", requests_per_minute=1) as door,
        AsyncAnthropic(base_url=door.origin, api_key=door.key) as client,
    ):
        asked = [
            client.messages.count_tokens(model=MODEL, messages=HELLO, extra_query={"beta": "true"})
            for _ in range(40)
        ]

        counts = await asyncio.gather(*asked)
        await client.messages.create(model=MODEL, messages=HELLO, max_tokens=9)

        assert {count.input_tokens for count in counts} == {42}
        assert up.asked[0].path == "/v1/messages/count_tokens"
        assert up.asked[0].body == {"model": "m-real", "messages": HELLO}
        await door.nothing_is_held()
        assert await door.spent() == COST
        door.stop()
        assert [record["route"] for record in door.calls()] == ["count"] * 40 + ["messages"]


@pytest.mark.req("R-7")
async def test_what_no_target_counts_is_counted_here(tmp_path: Path, up: Provider) -> None:
    async with gateway(tmp_path, up.url) as door:
        async with httpx2.AsyncClient(base_url=door.origin, headers=door.headers) as http:
            body = {"model": MODEL, "messages": [{"role": "user", "content": "x" * 3000}]}
            reply = await http.post("/v1/messages/count_tokens", json=body)

        assert reply.status_code == 200
        assert reply.headers["x-tollhouse-counted"] == "here"
        assert 1000 <= reply.json()["input_tokens"] <= 1100
        assert up.asked == []


@pytest.mark.req("R-7")
@pytest.mark.parametrize("status", [404, 500, 529])
async def test_a_target_that_cannot_count_after_all_is_counted_for(
    door: Gateway, client: AsyncAnthropic, up: Provider, status: int
) -> None:
    async def script(_: Provider, __: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(json_response({"detail": "Not Found"}, f"{status} X"))

    up.script = script

    count = await client.messages.count_tokens(model=MODEL, messages=HELLO)

    assert count.input_tokens > 0


@pytest.mark.req("R-4")
async def test_the_list_of_models_is_in_the_sdks_own_shape(client: AsyncAnthropic) -> None:
    page = await client.models.list(limit=1000)

    assert [model.id for model in page.data] == [MODEL]
    assert (await client.models.retrieve(MODEL)).display_name == MODEL
