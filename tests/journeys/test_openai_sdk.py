"""OpenAI's own client against the gateway: `base_url` and a key, nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from journeys.gateway import MODEL, NANOS_IN, NANOS_OUT, Gateway, gateway
from journeys.provider import PROMPT_TOKENS, Provider, provider

COST = PROMPT_TOKENS * NANOS_IN + 5 * NANOS_OUT
HELLO = [{"role": "user", "content": "hello"}]


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


@pytest.mark.req("R-1", "B-5", "OT-34")
async def test_the_sync_client_gets_an_answer_that_is_paid_for(door: Gateway) -> None:
    with OpenAI(base_url=door.base_url, api_key=door.key) as client:
        reply = await asyncio.to_thread(client.chat.completions.create, model=MODEL, messages=HELLO)

    assert reply.choices[0].message.content == "word " * 5
    assert reply.usage is not None
    assert reply.usage.total_tokens == PROMPT_TOKENS + 5
    await door.nothing_is_held()
    assert await door.spent() == COST


@pytest.mark.req("R-9", "P-7", "CN-32")
async def test_a_stream_hides_the_usage_that_the_caller_did_not_ask_for(
    door: Gateway, client: AsyncOpenAI, up: Provider
) -> None:
    stream = await client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
    chunks = [chunk async for chunk in stream]

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "word " * 5
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all("usage" not in chunk.model_fields_set for chunk in chunks)
    assert up.asked[0].body["stream_options"] == {"include_usage": True}
    await door.nothing_is_held()
    assert await door.spent() == COST


@pytest.mark.req("R-9")
async def test_a_stream_shows_the_usage_that_the_caller_asked_for(
    door: Gateway, client: AsyncOpenAI
) -> None:
    stream = await client.chat.completions.create(
        model=MODEL, messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]

    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 5


async def test_a_raw_response_bears_the_request_id(door: Gateway, client: AsyncOpenAI) -> None:
    raw = await client.chat.completions.with_raw_response.create(
        model=MODEL, messages=HELLO, extra_headers={"x-request-id": "trace/1:a"}
    )

    assert raw.headers["x-request-id"] == "trace/1:a"
    assert raw.headers["x-tollhouse-target"] == "up:m-real"
    assert raw.parse().choices[0].finish_reason == "stop"


@pytest.mark.req("OT-53", "R-19")
async def test_an_answer_bears_the_name_that_was_asked(up: Provider, client: AsyncOpenAI) -> None:
    whole = await client.chat.completions.create(model=MODEL, messages=HELLO)
    stream = await client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
    chunks = [chunk async for chunk in stream]

    assert whole.model == MODEL
    assert {chunk.model for chunk in chunks} == {MODEL}
    assert [asked.body["model"] for asked in up.asked] == ["m-real", "m-real"]


@pytest.mark.req("R-11", "S-94", "P-4")
@pytest.mark.parametrize("is_stream", [False, True])
async def test_an_exhausted_budget_is_asked_exactly_once(
    door: Gateway, client: AsyncOpenAI, up: Provider, is_stream: bool
) -> None:
    await door.budget(1)
    with pytest.raises(openai.APIStatusError) as refused:
        await client.chat.completions.create(model=MODEL, messages=HELLO, stream=is_stream)

    assert refused.value.status_code == 402
    assert refused.value.code == "budget_exhausted"
    assert "tenant:acme" in refused.value.message
    assert up.asked == []
    door.stop()
    assert [record["code"] for record in door.calls()] == ["budget_exhausted"]


@pytest.mark.req("R-1")
async def test_a_wrong_key_raises_the_authentication_error(door: Gateway) -> None:
    wrong = door.key[:-1] + ("x" if door.key[-1] != "x" else "y")

    async with AsyncOpenAI(base_url=door.base_url, api_key=wrong) as client:
        with pytest.raises(openai.AuthenticationError) as refused:
            await client.chat.completions.create(model=MODEL, messages=HELLO)

    assert refused.value.code == "key_malformed"


@pytest.mark.req("R-19")
async def test_an_unknown_model_raises_not_found(door: Gateway, client: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        await client.chat.completions.create(model="gpt-nowhere", messages=HELLO)

    assert refused.value.code == "model_unknown"


@pytest.mark.req("R-4")
async def test_the_list_of_models_is_what_the_key_may_call(
    door: Gateway, client: AsyncOpenAI
) -> None:
    models = await client.models.list()
    one = await client.models.retrieve(MODEL)

    assert [model.id for model in models.data] == [MODEL]
    assert one.id == MODEL
    powerless = await door.new_key()
    async with AsyncOpenAI(base_url=door.base_url, api_key=powerless.key) as stranger:
        assert (await _models_once_known(stranger)) == []


async def _models_once_known(client: AsyncOpenAI) -> list[str]:
    """A key that was just made is known within a second."""
    for _ in range(40):
        try:
            return [model.id for model in (await client.models.list()).data]
        except openai.AuthenticationError:
            await asyncio.sleep(0.05)
    raise AssertionError("the key did not become known")
