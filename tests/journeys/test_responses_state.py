"""A conversation that is kept at its provider goes on there, and for nobody but its tenant."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import openai
import pytest
from openai import AsyncOpenAI

from journeys.gateway import MODEL, Gateway, gateway
from journeys.provider import Provider, provider
from journeys.responses import ID, answering, message
from journeys.strangers import key_of_another_tenant

pytestmark = pytest.mark.req("R-6", "R-8", "P-2")


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


async def test_an_answer_goes_on_where_it_is_kept_also_after_a_restart(
    door: Gateway, client: AsyncOpenAI, up: Provider
) -> None:
    first = await client.responses.create(model=MODEL, input="hello")
    stream = await client.responses.create(
        model=MODEL, input="go on", previous_response_id=first.id, stream=True
    )
    events = [event async for event in stream]
    second = events[-1].response  # type: ignore[union-attr]
    door.stop()
    await door.start()
    third = await client.responses.create(
        model=MODEL, input="and on", previous_response_id=second.id
    )

    assert [each.body.get("previous_response_id") for each in up.asked] == [None, ID, ID]
    assert len({ID, first.id, second.id, third.id}) == 4
    assert len({each.response.id for each in events if hasattr(each, "response")}) == 1
    assert (second.previous_response_id, third.previous_response_id) == (None, None)
    await door.nothing_is_held()


async def test_what_went_before_is_held_for_again(door: Gateway, client: AsyncOpenAI) -> None:
    said: dict[str, object] = {"model": MODEL, "input": "hello", "max_output_tokens": 20}
    first = await client.responses.create(**said)  # type: ignore[call-overload]
    await client.responses.create(**said, previous_response_id=first.id)  # type: ignore[call-overload]
    door.stop()

    alone, after = [record["held_nanos"] for record in door.calls()]

    assert after > 2 * alone - 20 * 2_000


async def test_another_tenant_and_a_foreign_id_get_404_and_nothing_is_asked(
    door: Gateway, client: AsyncOpenAI, up: Provider
) -> None:
    own = await client.responses.create(model=MODEL, input="hello")
    stranger = await key_of_another_tenant(door)
    forged = own.id[:-2] + ("A" if own.id[-2] != "A" else "B") + own.id[-1]
    for key, known_as in ((stranger, own.id), (door.key, ID), (door.key, forged)):
        async with AsyncOpenAI(base_url=door.base_url, api_key=key) as caller:
            with pytest.raises(openai.NotFoundError) as refused:
                await caller.responses.create(model=MODEL, input="x", previous_response_id=known_as)

        assert refused.value.code == "state_unknown"

    assert len(up.asked) == 1
    await door.nothing_is_held()
    await door.is_consistent()
