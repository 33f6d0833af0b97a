"""The real small model through the gateway: vectors that mean something, and prompts gone on with."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from openai import AsyncOpenAI

from journeys.gateway import MODEL, Gateway
from journeys.local_model import local_gateway, settled, with_the_model

pytestmark = with_the_model

CAT, KITTEN, TAX = (
    *("The cat sleeps on the sofa.", "A kitten naps on the couch.", "Corporate tax law was amended in 1998."),
)  # fmt: skip


@pytest.fixture(scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    async with local_gateway(tmp_path_factory.mktemp("local")) as it:
        yield it


@pytest.fixture
async def client(door: Gateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=door.base_url, api_key=door.key) as it:
        yield it


@pytest.mark.req("R-14", "OT-46")
async def test_texts_of_like_meaning_lie_nearer(door: Gateway, client: AsyncOpenAI) -> None:
    reply = await client.embeddings.create(model=MODEL, input=[CAT, KITTEN, TAX])

    cat, kitten, tax = (each.embedding for each in reply.data)
    assert len(cat) == 576
    assert dot(cat, kitten) > dot(cat, tax)
    assert reply.model == MODEL
    assert await settled(door) == (reply.usage.prompt_tokens, 0)


@pytest.mark.req("R-14")
async def test_numbers_and_base64_are_the_same_vector(client: AsyncOpenAI) -> None:
    numbers = await client.embeddings.create(model=MODEL, input=CAT, encoding_format="float")
    text = await client.embeddings.create(model=MODEL, input=CAT)

    assert text.data[0].embedding == pytest.approx(numbers.data[0].embedding, abs=1e-3)


@pytest.mark.req("OL-30")
async def test_a_prompt_is_gone_on_with_as_far_as_it_may_be(
    door: Gateway, client: AsyncOpenAI
) -> None:
    reply = await client.completions.create(model=MODEL, prompt="Once upon a", max_tokens=5)

    assert reply.choices[0].text
    assert reply.usage is not None
    assert 0 < reply.usage.completion_tokens <= 5
    assert await settled(door) == (reply.usage.prompt_tokens, reply.usage.completion_tokens)


def dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
