"""Every other path by OpenAI's own client, before the echo: what comes back, and what it cost."""

from __future__ import annotations

import asyncio
import io
import wave
from base64 import b64decode
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI

from journeys.gateway import MODEL, NANOS_IN, NANOS_OUT, Gateway, furnish, now_ms, prepared
from security.wire import recorded
from tollhouse.control import prices
from tollhouse.control.prices import Rates
from tollhouse.wiring import Store

DOLLAR = 10**9


@pytest.fixture(scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    it = prepared(
        tmp_path_factory.mktemp("endpoints"),
        "http://127.0.0.1:1/v1",
        settings='[providers.echo]\nkind = "echo"\n',
        store="".join(
            f'[models.{name}]\ntargets = ["echo:{name}"]\ndoes = ["{task}"]\n'
            for name, task in (("painter", "images"), ("speaker", "speech"), ("toneless", "speech"))
        ),
        targets=("echo:echo",),
    )
    await furnish(it, 10**12)
    await it.on_store(_price)
    issued = await it.new_key(models=("*",))
    it.key, it.key_id = issued.key, issued.id
    async with it.serving():
        yield it


@pytest.fixture
async def client(door: Gateway) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=door.base_url, api_key=door.key, max_retries=0) as it:
        yield it


@pytest.mark.req("OL-30", "P-5")
async def test_a_completion_is_paid_for_by_tokens(door: Gateway, client: AsyncOpenAI) -> None:
    reply = await client.completions.create(model=MODEL, prompt="one two three", max_tokens=2)

    assert (reply.choices[0].text, reply.choices[0].finish_reason) == ("one two", "length")
    assert reply.model == MODEL
    assert await last(door, "completions") == {
        "input": 3,
        "output": 2,
        "owed": 3 * NANOS_IN + 2 * NANOS_OUT,
    }


@pytest.mark.req("OL-30", "R-9", "P-5")
async def test_a_streamed_completion_ends_with_a_reason_and_hides_usage_nobody_asked_for(
    door: Gateway, client: AsyncOpenAI
) -> None:
    stream = await client.completions.create(model=MODEL, prompt=["a b", "c"], stream=True)
    chunks = [chunk async for chunk in stream]

    assert "".join(chunk.choices[0].text for chunk in chunks) == "a bc"
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [
        None,
        None,
        "stop",
        None,
        "stop",
    ]
    assert all(chunk.usage is None for chunk in chunks)
    assert await last(door, "completions") == {
        "input": 3,
        "output": 3,
        "owed": 3 * NANOS_IN + 3 * NANOS_OUT,
    }


@pytest.mark.req("OT-48", "P-5")
async def test_a_moderation_is_paid_for_by_what_went_in(door: Gateway, client: AsyncOpenAI) -> None:
    reply = await client.moderations.create(model=MODEL, input=["peace", "violence"])

    assert [each.flagged for each in reply.results] == [False, True]
    told = await last(door, "moderations")
    assert told["output"] == 0
    assert told["owed"] == told["input"] * NANOS_IN > 0


async def test_without_a_name_openais_own_moderation_is_asked(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="omni-moderation-latest"):
        await client.moderations.create(input="peace")


@pytest.mark.req("OT-48", "P-5")
@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank", "/rerank", "/api/v1/rerank"])
async def test_documents_are_sorted_by_a_query_on_every_path(door: Gateway, path: str) -> None:
    body = {"model": MODEL, "query": "toll house", "documents": ["apples", "a toll house"]}

    async with (
        aiohttp.ClientSession() as session,
        session.post(door.origin + path, json=body, headers=door.headers) as reply,
    ):
        answer = await reply.json()

    assert [each["index"] for each in answer["results"]] == [1, 0]
    assert await last(door, "rerank") == {"input": 8, "output": 0, "owed": 8 * NANOS_IN}


@pytest.mark.req("OT-49", "B-20", "P-5")
@pytest.mark.parametrize(("size", "each"), [("1024x1024", 4), ("1024x1792", 8)])
async def test_images_are_paid_for_by_number_and_size(
    door: Gateway, client: AsyncOpenAI, size: Any, each: int
) -> None:
    reply = await client.images.generate(model="painter", prompt="a toll house", n=2, size=size)

    assert reply.data is not None
    assert [b64decode(image.b64_json or "")[:4] for image in reply.data] == [b"\x89PNG"] * 2
    assert await last(door, "images") == {"images": 2, "owed": 2 * each * DOLLAR // 100}


@pytest.mark.req("B-20", "P-5")
async def test_images_that_are_changed_are_paid_for_as_those_that_are_made(
    door: Gateway, client: AsyncOpenAI
) -> None:
    shown = [("a.png", b"\x89PNG", "image/png"), ("b.png", b"\x89PNG", "image/png")]

    edited = await client.images.edit(model="painter", image=shown, prompt="a toll house", n=2)
    edits = await last(door, "edits")
    with pytest.deprecated_call():  # by the client, not by us
        varied = await client.images.create_variation(model="painter", image=shown[0])

    assert len(edited.data or ()) == 2
    assert edits == {"images": 2, "owed": 2 * 4 * DOLLAR // 100}
    assert len(varied.data or ()) == 1
    assert await last(door, "variations") == {"images": 1, "owed": 4 * DOLLAR // 100}


@pytest.mark.req("OT-49", "B-20", "P-5")
async def test_speech_streams_as_it_is_made_and_is_paid_for_by_the_character(
    door: Gateway, client: AsyncOpenAI
) -> None:
    async with client.audio.speech.with_streaming_response.create(
        model="speaker", input="ten letter", voice="alloy", response_format="wav"
    ) as reply:
        sound = b"".join([piece async for piece in reply.iter_bytes()])

    assert reply.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(sound)) as heard:
        assert heard.getnframes() == 8000
    assert await last(door, "speech") == {"characters": 10, "owed": 10 * 15_000}


@pytest.mark.req("B-20", "P-3", "P-4")
async def test_what_would_cost_more_than_there_is_never_leaves(door: Gateway) -> None:
    poor = await door.new_key(models=("painter",), limit=5 * DOLLAR // 100)

    async with AsyncOpenAI(base_url=door.base_url, api_key=poor.key) as client:
        one = await _once_known(client)
        with pytest.raises(openai.APIStatusError) as refused:
            await client.images.generate(model="painter", prompt="x", n=1)

    assert len(one.data) == 1
    assert (refused.value.status_code, refused.value.code) == (402, "budget_exhausted")
    await door.nothing_is_held()


@pytest.mark.req("B-20")
async def test_a_speaker_whose_price_is_by_tokens_is_refused_with_the_way_out(
    client: AsyncOpenAI,
) -> None:
    with pytest.raises(openai.APIStatusError) as refused:
        await client.audio.speech.create(model="toneless", input="x", voice="alloy")

    assert (refused.value.status_code, refused.value.code) == (402, "model_unpriced")
    assert "--per-character" in refused.value.message


@pytest.mark.req("B-20", "S-60")
async def test_the_audit_log_has_what_each_call_came_to(door: Gateway, client: AsyncOpenAI) -> None:
    await client.images.generate(
        model="painter", prompt="x", extra_headers={"x-request-id": "made"}
    )

    record = await recorded(door, "made")

    assert (record["route"], record["images"], record["characters"]) == ("images", 1, 0)
    assert record["owed_nanos"] == record["held_nanos"] == 4 * DOLLAR // 100
    await door.is_consistent()


UNITS = ("input", "output", "images", "characters")


async def last(door: Gateway, route: str) -> dict[str, int]:
    """What the newest call of a route was settled for: units that it has any of, and the amount."""
    await door.nothing_is_held()
    (row,) = await door.rows(
        f"SELECT {', '.join(UNITS)}, owed FROM calls WHERE route = '{route}' ORDER BY id DESC LIMIT 1"
    )
    found = dict(zip((*UNITS, "owed"), row, strict=True))
    is_by_units = found["images"] or found["characters"]
    left_out = ("input", "output") if is_by_units else ("images", "characters")
    return {
        name: count
        for name, count in found.items()
        if name not in left_out and (count or not is_by_units)
    }


async def _price(store: Store) -> None:
    for target, rates in {
        "echo:painter": Rates("0", "0", per_image="0.04"),
        "echo:painter@1024x1792": Rates("0", "0", per_image="0.08"),
        "echo:toneless": Rates("1", "2"),
        "echo:speaker": Rates("0", "0", per_character="0.000015"),
    }.items():
        await prices.set_price(store, target, rates, None, now_ms())


async def _once_known(client: AsyncOpenAI) -> Any:
    """A key that was just made is known within a second."""
    for _ in range(100):
        try:
            return await client.images.generate(model="painter", prompt="x")
        except openai.AuthenticationError:
            await asyncio.sleep(0.05)
    raise AssertionError("the key did not become known")
