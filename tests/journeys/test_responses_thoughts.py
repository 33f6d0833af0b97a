"""What a provider encrypted goes back to the account that made it, for its own tenant, and nowhere else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from journeys.gateway import MODEL, TARGET, Gateway, gateway
from journeys.provider import Asked, Provider, json_response, provider
from journeys.responses import answering, message, thought
from journeys.strangers import key_of_another_tenant

pytestmark = pytest.mark.req("R-8", "P-12", "P-2")

SPARE = "spare:m-spare"
INPUT: dict[str, Any] = {"role": "user", "content": "hello"}
STATELESS: dict[str, Any] = {"store": False, "include": ["reasoning.encrypted_content"]}


@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_thought_goes_to_the_account_that_made_it_and_to_no_other(
    tmp_path: Path, is_stream: bool
) -> None:
    async with accounts(tmp_path) as (door, first, second):
        async with client_of(door) as client:
            working, first.script = first.script, _unavailable
            thoughts = await _answered(client, [INPUT], is_stream=is_stream)
            first.script = working
            door.stop()
            await door.start()
            again = await client.responses.with_raw_response.create(
                model=MODEL, input=[INPUT, *thoughts, INPUT], **STATELESS
            )

        assert again.headers["x-tollhouse-target"] == SPARE
        assert "x-tollhouse-unsaid" not in again.headers
        assert len(first.asked) == 1  # while it was away
        assert [item for item in thoughts if item["type"] == "reasoning"] != [thought("spare's")]
        assert second.asked[1].body["input"][1] == thought("spare's")
        await door.nothing_is_held()


async def test_a_thought_stays_behind_where_its_account_is_not_and_the_reply_says_so(
    tmp_path: Path,
) -> None:
    async with accounts(tmp_path, targets=(TARGET,)) as (door, first, second):
        async with client_of(door) as client:
            thoughts = await _answered(client, [INPUT], model="other")
            reply = await client.responses.with_raw_response.create(
                model=MODEL, input=[INPUT, *thoughts, INPUT], **STATELESS
            )
            with pytest.raises(openai.BadRequestError) as refused:
                await client.responses.create(
                    model="strict", input=[INPUT, *thoughts, INPUT], **STATELESS
                )

        assert reply.headers["x-tollhouse-unsaid"] == "input.reasoning"
        (asked,) = first.asked
        assert [item.get("type") for item in asked.body["input"]] == [None, "message", None]
        assert "id" not in asked.body["input"][1]
        assert refused.value.code == "not_translatable"
        assert len(second.asked) == 1


async def test_another_tenant_and_what_was_not_given_out_here_get_404_and_nothing_is_asked(
    tmp_path: Path,
) -> None:
    async with accounts(tmp_path) as (door, first, second):
        async with client_of(door) as client:
            (own, _) = await _answered(client, [INPUT])
        stranger = await key_of_another_tenant(door)
        forged = {**own, "encrypted_content": own["encrypted_content"] + "x"}
        cases = ((stranger, own), (door.key, thought("up's")), (door.key, forged))
        for key, item in cases:
            async with client_of(door, key) as caller:
                with pytest.raises(openai.NotFoundError) as refused:
                    await caller.responses.create(model=MODEL, input=[INPUT, item], **STATELESS)

            assert refused.value.code == "state_unknown"
        assert (len(first.asked), second.asked) == (1, [])
        await door.nothing_is_held()
        door.stop()
        codes = [each["code"] for each in door.calls()]
        assert codes.count("state_unknown") == len(cases)


async def test_a_caller_of_chat_brings_a_thought_home_too(tmp_path: Path) -> None:
    async with accounts(tmp_path) as (door, first, second):
        async with client_of(door) as client:
            answer = await client.chat.completions.create(model=MODEL, messages=[INPUT])
            said: Any = answer.choices[0].message.to_dict()
            again = await client.chat.completions.with_raw_response.create(
                model=MODEL, messages=[INPUT, said, INPUT]
            )
            elsewhere = await client.chat.completions.with_raw_response.create(
                model="other", messages=[INPUT, said, INPUT]
            )
        async with client_of(door, await key_of_another_tenant(door)) as stranger:
            with pytest.raises(openai.NotFoundError) as refused:
                await stranger.chat.completions.create(model=MODEL, messages=[INPUT, said, INPUT])

        made, bare = (asked.body["input"] for asked in (first.asked[1], second.asked[0]))
        assert made[1] == {"type": "reasoning", "summary": [], "encrypted_content": "up's"}
        assert "reasoning" not in {item["type"] for item in bare}
        assert "x-tollhouse-unsaid" not in again.headers
        assert elsewhere.headers["x-tollhouse-unsaid"] == "messages.reasoning.state"
        assert refused.value.code == "state_unknown"
        assert len(first.asked) == 2
        await door.nothing_is_held()


async def test_what_a_caller_makes_up_beside_a_thought_does_not_leave(tmp_path: Path) -> None:
    async with accounts(tmp_path) as (door, first, _):
        async with client_of(door) as client:
            answer = await client.chat.completions.create(model=MODEL, messages=[INPUT])
            said: Any = answer.choices[0].message.to_dict()
            (entry,) = said["reasoning_details"]
            entry["data"] = entry["data"].replace('"raw":{', '"raw":{"type":"item_reference",')
            await client.chat.completions.create(model=MODEL, messages=[INPUT, said, INPUT])

        assert first.asked[1].body["input"][1] == {
            "type": "reasoning",
            "summary": [],
            "encrypted_content": "up's",
        }


@asynccontextmanager
async def accounts(
    directory: Path, targets: Sequence[str] = (TARGET, SPARE)
) -> AsyncIterator[tuple[Gateway, Provider, Provider]]:
    """Two of one dialect; `other` and `strict` are models of one of them."""
    async with provider() as first, provider() as second:
        first.script = answering([thought("up's"), message()])
        second.script = answering([thought("spare's"), message()])
        settings = f"""
[providers.spare]
kind = "openai-compatible"
url = "{second.url}"
key = "env:UP_KEY"
speaks = ["responses"]
[models.other]
targets = ["{SPARE}"]
[models.strict]
targets = ["{TARGET}"]
strict = true
"""
        async with gateway(
            directory,
            first.url,
            settings=settings,
            up='speaks = ["responses"]',
            targets=targets,
            store="[ledger]\nrequire_price = false",
        ) as door:
            issued = await door.new_key(models=("*",))
            door.key, door.key_id = issued.key, issued.id
            door.stop()
            await door.start()
            yield door, first, second


@asynccontextmanager
async def client_of(door: Gateway, key: str = "") -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=door.base_url, api_key=key or door.key, max_retries=0) as it:
        yield it


async def _answered(
    client: AsyncOpenAI, said: list[Any], *, model: str = MODEL, is_stream: bool = False
) -> list[Any]:
    """The items of an answer, to be given back."""
    if not is_stream:
        answer = await client.responses.create(model=model, input=said, **STATELESS)
        return [item.to_dict() for item in answer.output]
    stream = await client.responses.create(model=model, input=said, stream=True, **STATELESS)
    events = [event async for event in stream]
    done = [each.item.to_dict() for each in events if each.type == "response.output_item.done"]
    assert done == [item.to_dict() for item in events[-1].response.output]
    return done


async def _unavailable(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(json_response({"error": {"message": "away"}}, "503 Service Unavailable"))
    await writer.drain()
