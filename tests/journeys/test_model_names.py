"""Names over a served gateway: aliases, wildcards, shares and what one tenant calls a model by."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from openai import (
    APIStatusError,
    AsyncOpenAI,
    BadRequestError,
    NotFoundError,
    PermissionDeniedError,
)

from journeys.gateway import INPUT_DOLLARS, MODEL, OUTPUT_DOLLARS, Gateway, gateway, now_ms, until
from journeys.provider import Provider, provider
from tollhouse.control import catalogue, prices, tenancy, views
from tollhouse.control.prices import Rates
from tollhouse.wiring import Store

NAMES = """
[models."gpt-*"]
targets = ["up:*"]
[models.plain]
targets = ["up:m-real"]
tools = false
[models.shared]
targets = ["up:one weight=3", "up:two weight=1"]
[aliases]
"claude-opus-5-5" = "gpt-5.4"
fast = "m"
"""
HELLO = [{"role": "user", "content": "hello"}]
PRICED = ("up:gpt-5.4", "up:one", "up:two")


@pytest.fixture
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        yield it


@pytest.fixture
async def door(tmp_path: Path, up: Provider) -> AsyncIterator[Gateway]:
    async with gateway(tmp_path, up.url, up=NAMES) as it:

        async def work(store: Store) -> None:
            for target in PRICED:
                rates = Rates(INPUT_DOLLARS, OUTPUT_DOLLARS)
                await prices.set_price(store, target, rates, None, now_ms())
            await tenancy.create_tenant(store, "globex", now_ms())
            names = catalogue.names(it.settings)
            await views.name(store, names, "acme", "best", "gpt-5.4")
            await views.name(store, names, "globex", "theirs", "gpt-5.4")
            await views.hide(store, "acme", "plain")

        await it.on_store(work)
        issued = await it.new_key(models=("*",))
        it.key, it.key_id = issued.key, issued.id
        async with aiohttp.ClientSession(headers=it.headers) as http:

            async def knows_the_names() -> bool:
                return "best" in await _listed(http, it)

            await until(knows_the_names, "the gateway knows the names")
        yield it


@pytest.fixture
async def client(door: Gateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=door.base_url, api_key=door.key) as it:
        yield it


@pytest.mark.req("R-19", "OT-53")
@pytest.mark.parametrize("asked", ["gpt-5.4", "claude-opus-5-5", "best"])
@pytest.mark.parametrize("is_stream", [False, True])
async def test_whatever_it_is_called_the_target_is_asked_and_the_name_comes_back(
    door: Gateway, client: AsyncOpenAI, up: Provider, asked: str, *, is_stream: bool
) -> None:
    raw = await client.chat.completions.with_raw_response.create(
        model=asked, messages=HELLO, stream=is_stream
    )
    answer: Any = raw.parse()
    named = {chunk.model async for chunk in answer} if is_stream else {answer.model}

    assert named == {asked}
    assert raw.headers["x-tollhouse-target"] == "up:gpt-5.4"
    assert up.asked[-1].body["model"] == "gpt-5.4"
    await door.nothing_is_held()
    door.stop()
    assert [(record["model"], record["target"]) for record in door.calls()][-1:] == [
        ("gpt-5.4", "up:gpt-5.4")
    ]


@pytest.mark.req("H-69", "R-19")
@pytest.mark.parametrize(
    "asked", ["theirs", "plain", "gpt-*", "*", "../", "gpt-../x", "gpt-5.4 ", "a/b/c", "x" * 10_240]
)
async def test_a_name_that_leads_nowhere_is_unknown_and_reaches_nobody(
    door: Gateway, client: AsyncOpenAI, up: Provider, asked: str
) -> None:
    with pytest.raises(NotFoundError) as unknown:
        await client.chat.completions.create(model=asked, messages=HELLO)

    assert unknown.value.code == "model_unknown"
    assert up.asked == []
    await door.nothing_is_held()
    door.stop()
    assert [record["code"] for record in door.calls() if record["route"] == "chat"] == [
        "model_unknown"
    ]


@pytest.mark.req("P-3")
async def test_a_member_of_a_wildcard_without_a_price_reaches_nobody(
    client: AsyncOpenAI, up: Provider
) -> None:
    with pytest.raises(APIStatusError) as refused:
        await client.chat.completions.create(model="gpt-unheard-of", messages=HELLO)

    assert (refused.value.status_code, refused.value.code) == (402, "model_unpriced")
    assert up.asked == []


@pytest.mark.req("CN-28")
async def test_tools_are_refused_where_the_model_is_declared_without(
    door: Gateway, client: AsyncOpenAI, up: Provider
) -> None:
    async def show(store: Store) -> None:
        await views.forget(store, "acme", "plain")

    await door.on_store(show)
    tool = {"type": "function", "function": {"name": "look", "parameters": {}}}

    async def is_refused_for_its_tools() -> bool:
        try:
            await client.chat.completions.create(model="plain", messages=HELLO, tools=[tool])
        except NotFoundError:
            return False
        except BadRequestError as refused:
            return refused.code == "model_does_not_support_tools"
        return False

    await until(is_refused_for_its_tools, "the tools are refused")
    assert up.asked == []


@pytest.mark.req("R-4", "R-19")
async def test_the_list_shows_what_this_key_may_call(door: Gateway) -> None:
    narrow = await door.new_key(models=("gpt-5.4",))
    wide = await _names(door, door.key)
    few = await _names(door, narrow.key)

    assert set(wide) == {"best", MODEL, "shared", "claude-opus-5-5", "fast", "gpt-5.4"}
    assert set(few) == {"best", "claude-opus-5-5", "gpt-5.4"}


@pytest.mark.req("OT-53")
async def test_a_grant_of_another_name_is_none(door: Gateway, up: Provider) -> None:
    narrow = await door.new_key(models=("fast",))
    assert await _names(door, narrow.key) == ["fast"]

    async with AsyncOpenAI(base_url=door.base_url, api_key=narrow.key) as client:
        answered = await client.chat.completions.create(model="fast", messages=HELLO)
        with pytest.raises(PermissionDeniedError) as refused:
            await client.chat.completions.create(model=MODEL, messages=HELLO)

    assert answered.model == "fast"
    assert refused.value.code == "model_not_granted"
    assert len(up.asked) == 1


@pytest.mark.req("OT-53")
async def test_targets_with_weights_share_the_calls(client: AsyncOpenAI, up: Provider) -> None:
    for _ in range(40):
        await client.chat.completions.create(model="shared", messages=HELLO)

    asked = [each.body["model"] for each in up.asked]
    assert set(asked) == {"one", "two"}  # a share of one in four is missed once in 100,000 runs


async def _names(door: Gateway, key: str) -> list[str]:
    headers = {"authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(headers=headers) as http:

        async def is_known() -> bool:
            return bool(await _listed(http, door))

        await until(is_known, "the key is known")
        return await _listed(http, door)


async def _listed(http: aiohttp.ClientSession, door: Gateway) -> list[str]:
    async with http.get(f"{door.base_url}/models") as answer:
        listed = await answer.json()
        return [model["id"] for model in listed.get("data", ())]
