"""A stream cut after every byte, by the caller or by the provider: what is owed, and how it is called."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from journeys.gateway import NANOS_IN, NANOS_OUT, Gateway, ask, gateway, until
from journeys.provider import (
    PROMPT_TOKENS,
    STREAM_HEAD,
    Asked,
    Provider,
    chunk,
    provider,
    stream_events,
)
from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.domain.metering import counted_input

TOKENS = 3


@pytest.mark.req("P-8", "B-5", "S-89", "R-10")
async def test_a_stream_that_the_provider_cuts_after_any_byte_is_paid_as_far_as_it_came(
    tmp_path: Path,
) -> None:
    async with provider() as up, gateway(tmp_path, up.url) as door:
        up.script = _cut_after
        recorded = b"".join(_recorded())

        seen: list[bytes] = []
        for cuts in _crowds(range(len(recorded) + 1)):
            seen += await asyncio.gather(*(_whole_reply(door, _asking(cut)) for cut in cuts))

        await door.nothing_is_held()
        await _all_settled(door, len(seen))
        rows = {
            row[0]: row[1:]
            for row in await door.rows(
                "SELECT request_id, outcome, owed, input, output, source FROM calls"
            )
        }
        for cut, body in enumerate(seen):
            outcome, owed, tokens_in, tokens_out, source = rows[f"cut-{cut}"]
            expected = _expected(recorded, cut)
            assert (outcome, tokens_out, source) == expected, cut
            assert tokens_in == (PROMPT_TOKENS if source == "provider" else _counted(cut)), cut
            assert owed == tokens_in * NANOS_IN + tokens_out * NANOS_OUT, cut
            assert body.endswith(b"data: [DONE]\n\n") == (outcome == "completed"), cut
            assert (b'"error"' in body) == (outcome != "completed"), cut
        await door.is_consistent()


@pytest.mark.req("P-8", "B-5", "P-30", "S-89")
async def test_a_stream_that_the_caller_leaves_after_any_byte_is_paid_as_far_as_it_came(
    tmp_path: Path,
) -> None:
    async with provider() as up, gateway(tmp_path, up.url) as door:
        up.script = _stall_after
        recorded = b"".join(_recorded())
        cuts = range(len(recorded))

        for crowd in _crowds(cuts):
            await asyncio.gather(*(_leave(door, _asking(cut), recorded, cut) for cut in crowd))

        await door.nothing_is_held()
        await _all_settled(door, len(cuts))
        rows = {
            row[0]: row[1:]
            for row in await door.rows(
                "SELECT request_id, outcome, owed, input, output, source FROM calls"
            )
        }
        for cut in cuts:
            outcome, owed, tokens_in, tokens_out, source = rows[f"cut-{cut}"]
            has_usage = _usage_is_within(recorded, cut)
            assert outcome == "cut_by_client", cut
            assert source == ("provider" if has_usage else "counted"), cut
            assert tokens_out == (TOKENS if has_usage else _counted_output(recorded, cut)), cut
            assert owed == tokens_in * NANOS_IN + tokens_out * NANOS_OUT, cut
        assert up.hung_up == len(cuts)
        await door.is_consistent()


def _crowds(cuts: range) -> Iterator[range]:
    """Not so many at once that their turn comes after the patience of whoever waits for them."""
    return (cuts[first : first + 64] for first in range(0, len(cuts), 64))


def _recorded() -> list[bytes]:
    return stream_events({"model": "m-real", "stream_options": {"include_usage": True}}, TOKENS)


def _asking(cut: int) -> bytes:
    return json.dumps(ask(f"cut {cut}", stream=True)).encode()


def _expected(recorded: bytes, cut: int) -> tuple[str, int, str]:
    """Outcome, output tokens and their source, by the events that were whole when the stream was cut."""
    events = _recorded()
    whole = recorded[:cut].count(b"\n\n")
    has_usage = whole >= len(events) - 1
    is_finished = whole >= len(events) - 2
    # After the finish_reason the answer is whole, though the usage or [DONE] are torn or missing.
    if _is_event(recorded[:cut].rsplit(b"\n\n", 1)[-1]):
        whole += 1
        has_usage, is_finished = whole >= len(events) - 1, whole >= len(events) - 2
    outcome = "completed" if is_finished else "cut_by_upstream"
    counted = _counted_output(recorded, cut)
    return outcome, TOKENS if has_usage else counted, "provider" if has_usage else "counted"


def _counted_output(recorded: bytes, cut: int) -> int:
    """A third of the bytes of all words that came; the event before the first word has none."""
    whole = recorded[:cut].count(b"\n\n") + _is_event(recorded[:cut].rsplit(b"\n\n", 1)[-1])
    words = min(max(whole - 1, 0), TOKENS)
    return -(-len("word ") * words // 3)


def _is_event(rest: bytes) -> bool:
    """What is whole but for its blank line."""
    data = rest.strip(b"\n").removeprefix(b"data: ")
    if data == b"[DONE]":
        return True
    try:
        return isinstance(json.loads(data), dict)
    except ValueError:
        return False


def _counted(cut: int) -> int:
    return counted_input(OpenAIChat().peek(_asking(cut)))


async def _cut_after(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    cut = int(asked.body["messages"][0]["content"].split()[1])
    writer.write(STREAM_HEAD)
    sent = b"".join(_recorded())[:cut]
    if sent:
        writer.write(chunk(sent))
    writer.write(b"0\r\n\r\n")
    await writer.drain()


async def _stall_after(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    cut = int(asked.body["messages"][0]["content"].split()[1])
    writer.write(STREAM_HEAD)
    if sent := b"".join(_recorded())[:cut]:
        writer.write(chunk(sent))
    await writer.drain()
    await asyncio.Event().wait()


async def _whole_reply(door: Gateway, body: bytes) -> bytes:
    reader, writer = await _send(door, body)
    reply = await reader.read()
    writer.close()
    return _unchunked(reply)


async def _leave(door: Gateway, body: bytes, recorded: bytes, cut: int) -> None:
    """Hang up when all has come that can: the whole events."""
    reader, writer = await _send(door, body)
    whole = recorded[:cut].rfind(b"\n\n") + 2
    seen = await reader.readuntil(b"\r\n\r\n")
    wanted = recorded[: max(whole, 0) if whole > 1 else 0].count(b"\n\n") - (
        _usage_is_within(recorded, cut)
    )
    while seen.count(b"\n\n") < wanted:
        seen += await reader.read(65536)
    writer.transport.abort()


def _usage_is_within(recorded: bytes, cut: int) -> int:
    return int(recorded[:cut].count(b"\n\n") >= len(_recorded()) - 1)


async def _send(door: Gateway, body: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    cut = json.loads(body)["messages"][0]["content"].split()[1]
    writer.write(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n"
        b"content-type: application/json\r\nx-request-id: cut-%b\r\nauthorization: Bearer %b\r\n"
        b"content-length: %d\r\n\r\n%b" % (cut.encode(), door.key.encode(), len(body), body)
    )
    return reader, writer


def _unchunked(reply: bytes) -> bytes:
    _, _, body = reply.partition(b"\r\n\r\n")
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        whole, body = whole + body[:length], body[length + 2 :]
    return whole


async def _all_settled(door: Gateway, count: int) -> None:
    async def are_settled() -> bool:
        ((settled,),) = await door.rows("SELECT count(*) FROM calls WHERE state = 'settled'")
        return bool(settled == count)

    await until(are_settled, f"{count} calls are settled")
