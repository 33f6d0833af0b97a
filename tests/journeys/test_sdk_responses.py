"""OpenAI's own client and its Responses, where the provider speaks them too."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from openai.types.responses import ResponseFunctionToolCall
from pydantic import BaseModel

from journeys.gateway import MODEL, NANOS_IN, NANOS_OUT, Gateway, gateway
from journeys.provider import Provider, provider
from journeys.responses import (
    ID,
    INPUT,
    OUTPUT,
    answering,
    call_of,
    cut_after,
    events,
    message,
    refusing,
)

COST = INPUT * NANOS_IN + OUTPUT * NANOS_OUT
LOOK: dict[str, Any] = {
    "type": "function",
    "name": "look",
    "parameters": {"type": "object", "properties": {"at": {"type": "string"}}},
    "strict": False,
}
SEARCH: dict[str, Any] = {"type": "web_search", "external_web_access": False}
EVENTS = len(events({"model": "m-real"}, message()))


class Colour(BaseModel):
    name: str


@pytest.fixture
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        it.script = answering([message()])
        yield it


@pytest.fixture
async def door(tmp_path: Path, up: Provider) -> AsyncIterator[Gateway]:
    async with gateway(tmp_path, up.url, up='speaks = ["chat", "responses"]') as it:
        yield it


@pytest.fixture
async def client(door: Gateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=door.base_url, api_key=door.key) as it:
        yield it


@pytest.mark.req("R-8", "OT-34", "P-7", "OT-45")
async def test_a_whole_answer_is_paid_for(door: Gateway, client: AsyncOpenAI, up: Provider) -> None:
    reply = await client.responses.create(model=MODEL, input="hello", max_output_tokens=20)

    assert (reply.output_text, reply.status) == ("word " * OUTPUT, "completed")
    assert (up.asked[0].path, up.asked[0].body) == (
        "/v1/responses",
        {"model": "m-real", "input": "hello", "max_output_tokens": 20},
    )
    await _is_paid(door)


@pytest.mark.req("R-8", "R-9", "P-7", "OT-45")
async def test_a_stream_has_the_events_of_the_provider_and_is_paid_for(
    door: Gateway, client: AsyncOpenAI
) -> None:
    stream = await client.responses.create(model=MODEL, input="hello", stream=True)
    seen = [event async for event in stream]

    assert [event.sequence_number for event in seen] == list(range(EVENTS))
    assert seen[-1].type == "response.completed"
    assert seen[-1].response.output_text == "word " * OUTPUT
    await _is_paid(door)


@pytest.mark.req("R-8")
async def test_the_helper_for_streams_and_the_one_for_shapes_are_content(
    client: AsyncOpenAI, up: Provider
) -> None:
    async with client.responses.stream(model=MODEL, input="hello") as stream:
        final = await stream.get_final_response()
    up.script = answering([message('{"name":"blue"}')])
    parsed = await client.responses.parse(model=MODEL, input="which?", text_format=Colour)

    assert final.output_text == "word " * OUTPUT
    assert parsed.output_parsed == Colour(name="blue")
    assert up.asked[1].body["text"]["format"]["type"] == "json_schema"


@pytest.mark.req("R-8", "P-12", "P-18")
async def test_a_loop_with_tools_passes_each_turn_as_it_was_written(
    door: Gateway, client: AsyncOpenAI, up: Provider
) -> None:
    up.script = answering([call_of("look", '{"at": "sky"}')], [message("blue")])
    tools, said = [LOOK, SEARCH], [{"role": "user", "content": "colour?"}]
    sent: list[Any] = []
    for _ in range(2):
        sent.append([*said])
        reply = await client.responses.create(
            model=MODEL, input=[*said], tools=tools, store=False, include=["reasoning.encrypted_content"]
        )  # fmt: skip
        said += [item.to_dict() for item in reply.output]
        for item in reply.output:
            if isinstance(item, ResponseFunctionToolCall):
                said.append(
                    {"type": "function_call_output", "call_id": item.call_id, "output": "blue"}
                )

    assert reply.output_text == "blue"
    assert [asked.body["input"] for asked in up.asked] == sent
    assert [asked.body["tools"] for asked in up.asked] == [[LOOK], [LOOK]]  # a search has no price
    assert all(asked.body["store"] is False for asked in up.asked)
    await door.nothing_is_held()
    assert await door.spent() == 2 * COST
    door.stop()
    assert [record["unsaid"] for record in door.calls()] == [["tools.web_search"]] * 2


@pytest.mark.req("R-6", "R-11")
@pytest.mark.parametrize(
    ("members", "status", "code"),
    [
        ({"previous_response_id": ID}, 404, "state_unknown"),
        ({"background": True}, 400, "field_refused"),
        ({"tools": [{"type": "mcp", "server_label": "x", "server_url": "https://x.example"}]}, 402, "feature_unpriced"),
        ({"model": "gpt-nowhere"}, 404, "model_unknown"),
        ({"tools": 1}, 400, "field_invalid"),
    ],
)  # fmt: skip
async def test_what_cannot_be_honoured_is_refused_and_costs_nothing(
    door: Gateway, client: AsyncOpenAI, up: Provider, members: dict[str, Any], status: int, code: str
) -> None:  # fmt: skip
    with pytest.raises(openai.APIStatusError) as refused:
        await client.responses.create(
            **{"model": MODEL, "input": "hello", "stream": True, **members}
        )

    assert (refused.value.status_code, refused.value.code) == (status, code)
    assert up.asked == []
    await door.nothing_is_held()
    door.stop()
    assert [record["code"] for record in door.calls()] == [code]


@pytest.mark.req("R-12", "R-13", "S-58")
@pytest.mark.parametrize(
    ("answered", "status", "code"),
    [
        ("400 Bad Request", 400, "upstream_rejected"),
        ("401 Unauthorized", 502, "upstream_denied"),
        ("404 Not Found", 404, "upstream_not_found"),
        ("429 Too Many Requests", 429, "upstream_rate_limited"),
        ("500 Internal Server Error", 502, "upstream_failed"),
        ("503 Service Unavailable", 502, "upstream_failed"),
    ],
)
@pytest.mark.parametrize("is_stream", [False, True])
async def test_errors_of_every_status_are_told_in_our_words(
    door: Gateway, up: Provider, answered: str, status: int, code: str, is_stream: bool
) -> None:
    up.script = refusing(answered, {"error": {"message": "too odd", "type": "t", "code": "c"}})
    async with AsyncOpenAI(base_url=door.base_url, api_key=door.key, max_retries=0) as client:
        with pytest.raises(openai.APIStatusError) as failed:
            await client.responses.create(model=MODEL, input="hello", stream=is_stream)

    assert (failed.value.status_code, failed.value.code) == (status, code)
    assert ("too odd" in failed.value.message) == (status == 400)
    assert len(up.asked) == 1
    await door.nothing_is_held()
    assert await door.spent() == 0


@pytest.mark.req("R-8", "R-13")
@pytest.mark.parametrize("status", ["400 Bad Request", "200 OK"])
async def test_a_conversation_that_is_too_long_is_told_by_the_name_that_agents_know(
    door: Gateway, client: AsyncOpenAI, up: Provider, status: str
) -> None:
    error = {"code": "context_length_exceeded", "message": "too long"}
    up.script = refusing(status, {"object": "response", "status": "failed", "error": error})

    with pytest.raises(openai.BadRequestError) as refused:
        await client.responses.create(model=MODEL, input="hello")

    assert refused.value.code == "context_length_exceeded"
    assert len(up.asked) == 1
    await door.nothing_is_held()
    assert await door.spent() == 0


@pytest.mark.req("R-8", "R-10", "P-8")
async def test_a_cut_after_any_event_is_told_as_a_response_that_failed(
    door: Gateway, client: AsyncOpenAI, up: Provider
) -> None:
    for number in range(EVENTS):
        up.script = cut_after(number, message())

        seen = await _seen(client)

        first, last = seen[0], seen[-1]
        assert (first.type, last.type) == ("response.created", "response.failed")
        assert [event.sequence_number for event in seen] == list(range(len(seen)))
        assert last.response.id == first.response.id
        assert last.response.error.code == "upstream_broke"
        assert not [event for event in seen if event.type == "response.completed"]
    await door.nothing_is_held()
    door.stop()
    records = door.calls()
    assert [record["code"] for record in records] == ["upstream_broke"] * EVENTS


@pytest.mark.req("S-74", "S-58")
async def test_an_error_and_a_foreign_tool_in_a_stream_fail_the_answer_in_our_words(
    door: Gateway, client: AsyncOpenAI, up: Provider
) -> None:
    canary = {"type": "error", "code": "server_error", "message": "canary"}
    up.script = cut_after(4, message(), tail=b"data: " + json.dumps(canary).encode() + b"\n\n")
    failed = (await _seen(client))[-1].response
    up.script = answering([call_of("rm", "{}")])
    foreign = (await _seen(client))[-1].response

    assert (failed.error.code, failed.status) == ("upstream_failed", "failed")
    assert (foreign.error.code, foreign.status) == ("upstream_broke", "failed")
    assert "canary" not in failed.to_json() + foreign.to_json()
    await door.nothing_is_held()


async def _seen(client: AsyncOpenAI) -> list[Any]:
    """The events of a stream that breaks off."""
    seen: list[Any] = []
    stream = await client.responses.create(model=MODEL, input="hello", stream=True)
    with suppress(openai.APIConnectionError):
        async for event in stream:
            seen.append(event)  # noqa: PERF401 - what came before the end is wanted
    return seen


async def _is_paid(door: Gateway) -> None:
    await door.nothing_is_held()
    assert await door.spent() == COST
    door.stop()
    (record,) = door.calls()
    assert (record["route"], record["outcome"], record["target"]) == (
        "responses",
        "ok",
        "up:m-real",
    )
