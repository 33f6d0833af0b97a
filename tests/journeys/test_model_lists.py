"""What a key is told of the models that it may call, over a served gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from openai import AsyncOpenAI, NotFoundError

from journeys.gateway import MODEL, Gateway, gateway, now_ms, until
from tollhouse.control import catalogue, prices, tenancy, views
from tollhouse.control.prices import Rates
from tollhouse.wiring import Store

LINES = """
[providers.echo]
kind = "echo"
[providers.spare]
kind = "echo"
"""
MODELS = """
[models."org/large"]
targets = ["echo:large", "spare:large"]
tools = false
does = ["chat", "embeddings"]
context_tokens = 8000
max_output_tokens = 100
[models."wild-*"]
targets = ["spare:*"]
[models.metadata]
targets = ["echo:meta"]
[aliases]
fast = "org/large"
"""

pytestmark = pytest.mark.req("OT-47")


@pytest.fixture(scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    directory = tmp_path_factory.mktemp("lists")
    nowhere = "http://127.0.0.1:1/v1"
    async with gateway(directory, nowhere, settings=LINES, targets=("echo:echo",), up=MODELS) as it:

        async def work(store: Store) -> None:
            rates = Rates("0.075", "1", per_image="0.04")
            await prices.set_price(store, "spare:large", rates, None, now_ms())
            await prices.set_price(store, "spare:wild-one", Rates("1", "2"), None, now_ms())
            await tenancy.create_tenant(store, "globex", now_ms())
            names = catalogue.names(it.settings)
            await views.name(store, names, "acme", "best", "org/large")
            await views.name(store, names, "globex", "theirs", "org/large")
            await views.hide(store, "acme", "metadata")

        await it.on_store(work)
        issued = await it.new_key(models=("*",))
        it.key, it.key_id = issued.key, issued.id

        async def knows_the_names() -> bool:
            return "best" in {each["id"] for each in (await _told(it, "/models")).get("data", ())}

        await until(knows_the_names, "the gateway knows the names")
        yield it


@pytest.fixture
async def client(door: Gateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=door.base_url, api_key=door.key) as it:
        yield it


@pytest.mark.parametrize(
    ("provider", "names"),
    [
        ("echo", {MODEL, "org/large", "fast", "best"}),
        ("spare", {"org/large", "fast", "best", "wild-one"}),
        ("nobody", set()),
        ("ech", set()),
        ("", {MODEL, "org/large", "fast", "best", "wild-one"}),
    ],
)
@pytest.mark.parametrize("path", ["/models", "/models/metadata"])
async def test_a_list_is_narrowed_to_what_a_provider_answers_for(
    door: Gateway, path: str, provider: str, names: set[str]
) -> None:
    listed = await _told(door, f"{path}?provider={provider}")

    assert {model["id"] for model in listed["data"]} == names


async def test_pages_are_those_of_the_narrowed_list(door: Gateway) -> None:
    whole = [model["id"] for model in (await _told(door, "/models?provider=spare"))["data"]]

    page = await _told(door, f"/models?provider=spare&limit=1&after={whole[0]}")

    assert [model["id"] for model in page["data"]] == whole[1:2]


@pytest.mark.parametrize("name", ["org/large", "fast", "best", "wild-one", MODEL])
async def test_a_model_is_found_by_every_name_that_leads_to_it(
    client: AsyncOpenAI, name: str
) -> None:
    found = await client.models.retrieve(name)

    assert found.id == name


@pytest.mark.parametrize("name", ["theirs", "wild-*", "wild-../x", "org", "nothing"])
@pytest.mark.req("H-69")
async def test_a_name_that_leads_nowhere_is_a_404(client: AsyncOpenAI, name: str) -> None:
    with pytest.raises(NotFoundError) as refused:
        await client.models.retrieve(name)

    assert refused.value.code == "model_unknown"


async def test_metadata_tells_what_a_model_does_holds_and_costs(door: Gateway) -> None:
    told = {model["id"]: model for model in (await _told(door, "/models/metadata"))["data"]}

    tokens = {"input": "0.075", "output": "1", "cache_read": "0.075", "cache_write": "0.075"}
    large = {
        "object": "model.metadata",
        "does": ["chat", "embeddings"],
        "tools": False,
        "strict": False,
        "context_tokens": 8000,
        "max_output_tokens": 100,
        "prices": [None, {**tokens, "per_image": "0.04"}],
    }
    assert told["org/large"] == {"id": "org/large", **large}
    assert told["best"] == {"id": "best", **large}


@pytest.mark.req("R-4")
async def test_metadata_is_of_what_the_key_may_call_and_of_nothing_else(door: Gateway) -> None:
    narrow = await door.new_key(models=("fast",))

    async def is_known() -> bool:
        return "data" in await _told(door, "/models/metadata", narrow.key)

    await until(is_known, "the key is known")
    listed = await _told(door, "/models/metadata", narrow.key)
    assert [model["id"] for model in listed["data"]] == ["fast"]


async def test_metadata_is_for_keys(door: Gateway) -> None:
    told = await _told(door, "/models/metadata", "thk_nobody")

    assert told["error"]["code"] == "key_malformed"


async def _told(door: Gateway, path: str, key: str | None = None) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {key or door.key}"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.get(f"{door.base_url}{path}") as answer,
    ):
        told: dict[str, Any] = await answer.json()
        return told
