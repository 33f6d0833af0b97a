"""Recordings by OpenAI's own client: what comes back, what left, and what it cost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from journeys import recordings
from journeys.gateway import Gateway, furnish, now_ms, prepared
from journeys.provider import Asked, Provider, provider
from journeys.recordings import wav
from security.wire import bearer, recorded, request, send
from tollhouse.control import prices
from tollhouse.control.prices import Rates
from tollhouse.wiring import Store

SECOND = 100_000
"""$0.0001, in nano-dollars."""

WORDS = "the toll is two pence"
RECORDING = ("a.wav", wav(3), "audio/wav")
MIB = 1024 * 1024


@pytest.fixture(scope="module")
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        yield it


@pytest.fixture(scope="module")
async def door(up: Provider, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    does = 'does = ["transcriptions", "translations"]\n'
    it = prepared(
        tmp_path_factory.mktemp("hearing"),
        up.url,
        settings='[providers.echo]\nkind = "echo"\n',
        store="".join(
            f"[models.{name}]\ntargets = {json.dumps(targets)}\n{does}"
            for name, targets in (
                ("ear", ["echo:ear"]),
                ("scribe", ["echo:scribe"]),
                ("far", ["up:far"]),
                ("farther", ["up:down", "up:far"]),
            )
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


@pytest.mark.req("OT-49", "B-20", "P-5")
async def test_a_transcription_is_paid_for_by_the_second(
    door: Gateway, client: AsyncOpenAI
) -> None:
    reply = await client.audio.transcriptions.create(model="ear", file=RECORDING, prompt=WORDS)

    assert reply.text == WORDS
    assert await last(door) == ("transcriptions", 3, "provider", 3 * SECOND)


@pytest.mark.req("OT-49", "B-20", "P-5")
async def test_a_translation_is_paid_for_by_the_second(door: Gateway, client: AsyncOpenAI) -> None:
    with pytest.deprecated_call():  # by the client, not by us
        reply = await client.audio.translations.create(model="ear", file=RECORDING, prompt=WORDS)

    assert reply.text == WORDS
    assert await last(door) == ("translations", 3, "provider", 3 * SECOND)


@pytest.mark.req("OT-49", "B-20")
@pytest.mark.parametrize("form", ["verbose_json", "diarized_json"])
async def test_an_answer_with_its_segments_says_how_long_it_was(
    door: Gateway, client: AsyncOpenAI, form: Any
) -> None:
    reply: Any = await client.audio.transcriptions.create(
        model="ear", file=RECORDING, prompt=WORDS, response_format=form
    )

    assert (reply.text, reply.duration, reply.segments[0].text) == (WORDS, 3, WORDS)
    assert await last(door) == ("transcriptions", 3, "provider", 3 * SECOND)


@pytest.mark.req("OT-49", "B-20")
@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("text", f"{WORDS}\n"),
        ("srt", f"1\n00:00:00,000 --> 00:00:03,000\n{WORDS}\n\n"),
        ("vtt", f"WEBVTT\n\n00:00:00.000 --> 00:00:03.000\n{WORDS}\n\n"),
    ],
)
async def test_where_nobody_tells_a_duration_it_is_counted_here(
    door: Gateway, client: AsyncOpenAI, form: Any, text: str
) -> None:
    reply = await client.audio.transcriptions.with_raw_response.create(
        model="ear", file=RECORDING, prompt=WORDS, response_format=form
    )

    assert reply.text == text
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert await last(door) == ("transcriptions", 3, "counted", 3 * SECOND)


@pytest.mark.req("OT-49", "B-20", "R-9")
@pytest.mark.parametrize("path", ["/v1", "/api/v1"])
async def test_a_stream_gives_the_words_as_they_are_found_and_is_paid_for_by_tokens(
    door: Gateway, path: str
) -> None:
    async with AsyncOpenAI(base_url=door.origin + path, api_key=door.key) as client:
        stream = await client.audio.transcriptions.create(
            model="scribe", file=RECORDING, prompt=WORDS, stream=True
        )
        events = [event async for event in stream]

    assert "".join(each.delta for each in events if each.type == "transcript.text.delta") == WORDS
    assert events[-1].type == "transcript.text.done"
    assert events[-1].text == WORDS
    assert await last(door) == ("transcriptions", 3, "provider", 30 * 6_000 + 5 * 10_000)


@pytest.mark.req("OT-49", "R-2", "P-5")
async def test_the_form_arrives_as_it_was_sent_but_for_the_models_name(
    door: Gateway, up: Provider
) -> None:
    up.script, up.asked = heard, []
    parts = (
        recordings.text("language", "en"),
        recordings.text("timestamp_granularities[]", "word"),
        recordings.text("timestamp_granularities[]", "segment"),
        recordings.file(wav(2) + b"\r\n--toll-4f0\r\n\0\xff", filename="../../etc/cron.d/x"),
        recordings.text("nobody_knows_this", "but it goes on"),
    )

    got = await post(door, recordings.form(parts[0], recordings.text("model", "far"), *parts[1:]))

    assert (got.status, got.json) == (200, {"text": WORDS})
    (asked,) = up.asked
    assert asked.path == "/v1/audio/transcriptions"
    assert asked.raw == recordings.form(
        parts[0], recordings.text("model", "a-longer-name"), *parts[1:]
    ).replace(b"a-longer-name", b"far")
    assert asked.headers["content-type"] == f'multipart/form-data; boundary="{recordings.BOUNDARY}"'
    assert asked.headers["content-length"] == str(len(asked.raw))


@pytest.mark.req("OT-49", "P-7")
async def test_the_next_target_gets_the_same_recording_from_the_disk(
    door: Gateway, up: Provider
) -> None:
    up.script, up.asked = heard_by_the_second, []
    body = recordings.form(
        recordings.text("model", "farther"), recordings.file(bytes(range(256)) * 4 * 4096)
    )

    got = await post(door, body)

    assert got.status == 200
    first, second = up.asked
    assert first.raw == body.replace(b"farther", b"down")
    assert second.raw == body.replace(b"farther", b"far")
    assert list((door.directory / "data" / "uploads").iterdir()) == []


@pytest.mark.req("B-20", "P-3", "P-4")
async def test_a_recording_that_could_cost_more_than_there_is_never_leaves(
    door: Gateway, up: Provider
) -> None:
    up.script, up.asked = heard, []
    poor = await door.new_key(models=("far",), limit=100 * SECOND)
    short, long = (_asking(seconds) for seconds in (50, 101))
    await _known(door, poor.key)

    refused = await post(door, long, key=poor.key)
    passed = await post(door, short, key=poor.key)

    assert (refused.status, refused.code) == (402, "budget_exhausted")
    assert passed.status == 200
    assert len(up.asked) == 1
    await door.nothing_is_held()


@pytest.mark.req("B-20", "OT-57")
async def test_what_nobody_tells_and_cannot_be_read_is_owed_as_counted_within_the_hold(
    door: Gateway, up: Provider
) -> None:
    up.script = heard
    body = recordings.form(recordings.text("model", "far"), recordings.file(b"OggS" + bytes(3996)))

    await post(door, body, request_id="unread")

    assert await last(door) == ("transcriptions", 1, "counted", SECOND)
    record = await recorded(door, "unread")
    assert (record["seconds"], record["held_nanos"]) == (1, 8 * SECOND)
    await door.is_consistent()


async def test_a_model_that_only_chats_hears_nothing(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.APIStatusError, match="model"):
        await client.audio.transcriptions.create(model="nobody", file=RECORDING)


@pytest.mark.req("OT-56")
async def test_what_a_provider_does_not_hear_is_told_in_our_words(
    door: Gateway, up: Provider
) -> None:
    up.script = not_heard

    got = await post(door, _asking(1))

    assert (got.status, got.code) == (400, "upstream_rejected")
    assert "Invalid file format" in got.json["error"]["message"]
    await door.nothing_is_held()


async def post(
    door: Gateway, body: bytes, *, key: str | None = None, request_id: str = "hearing"
) -> Any:
    headers = (bearer(key or door.key), recordings.FORM, ("x-request-id", request_id))
    return await send(door.port, request(body, headers, target="/v1/audio/transcriptions"))


def _asking(seconds: int) -> bytes:
    return recordings.form(recordings.text("model", "far"), recordings.file(wav(seconds)))


async def _known(door: Gateway, key: str) -> None:
    """A key that was just made is known within a second."""
    for _ in range(200):
        if (await post(door, _asking(1000), key=key)).code != "key_unknown":
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the key did not become known")


async def heard(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    await _say(writer, b"200 OK", {"text": WORDS})


async def heard_by_the_second(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    if len(it.asked) == 1:
        await _say(writer, b"503 Busy", {"error": {"message": "no"}})
    else:
        await heard(it, asked, writer)


async def not_heard(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    await _say(writer, b"400 Bad", {"error": {"message": "Invalid file format."}})


async def _say(writer: asyncio.StreamWriter, status: bytes, said: dict[str, Any]) -> None:
    body = json.dumps(said).encode()
    head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    writer.write(head % (status, len(body)) + body)
    await writer.drain()


async def last(door: Gateway) -> tuple[str, int, str, int]:
    """Of the newest call: its route, seconds, who told them, and what it came to."""
    await door.nothing_is_held()
    (row,) = await door.rows(
        "SELECT route, seconds, source, owed FROM calls ORDER BY id DESC LIMIT 1"
    )
    route, seconds, source, owed = row
    return str(route), int(seconds), str(source), int(owed)


async def _price(store: Store) -> None:
    for target, rates in {
        "echo:ear": Rates("0", "0", per_second="0.0001"),
        "echo:scribe": Rates("6", "10"),
        "up:far": Rates("0", "0", per_second="0.0001"),
        "up:down": Rates("0", "0", per_second="0.0001"),
    }.items():
        await prices.set_price(store, target, rates, None, now_ms())
