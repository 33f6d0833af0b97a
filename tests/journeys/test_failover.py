"""Two targets: the second answers when the first surely did no work, and only then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from journeys.caller import calling
from journeys.gateway import NANOS_IN, NANOS_OUT, TARGET, Gateway, ask, free_port, gateway
from journeys.provider import (
    PROMPT_TOKENS,
    STREAM_HEAD,
    Asked,
    Provider,
    Script,
    chunk,
    json_response,
    provider,
    stream_events,
)

SPARE = "spare:m-spare"
COST = PROMPT_TOKENS * NANOS_IN + 5 * NANOS_OUT


@pytest.mark.req("P-28")
@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("status", [500, 503, 429, 404, 401])
async def test_after_an_error_the_second_answers_and_the_reply_says_who(
    tmp_path: Path, status: int, is_stream: bool
) -> None:
    async with two_targets(tmp_path) as (door, first, second):
        first.script = _refusing(status)

        async with calling(door, ask(stream=is_stream)) as caller:
            await caller.to_the_end()

        assert caller.status == 200
        assert caller.headers["x-tollhouse-target"] == SPARE
        await door.nothing_is_held()
        assert await _attempts(door) == [(TARGET, "refused", status)]
        assert await _calls(door) == [("completed", SPARE, COST)]
        assert (len(first.asked), len(second.asked)) == (1, 1)
        assert second.asked[0].body["model"] == "m-spare"


@pytest.mark.req("P-28")
@pytest.mark.parametrize("is_stream", [False, True])
async def test_when_the_first_cannot_be_reached_the_second_answers(
    tmp_path: Path, is_stream: bool
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/v1"
    async with two_targets(tmp_path, first_url=nobody) as (door, _, second):
        async with calling(door, ask(stream=is_stream)) as caller:
            await caller.to_the_end()

        assert caller.headers["x-tollhouse-target"] == SPARE
        await door.nothing_is_held()
        assert await _attempts(door) == [(TARGET, "not_sent", None)]
        assert await _calls(door) == [("completed", SPARE, COST)]
        assert len(second.asked) == 1


@pytest.mark.req("P-28")
async def test_what_one_provider_rejects_no_other_is_asked(tmp_path: Path) -> None:
    async with two_targets(tmp_path) as (door, first, second):
        first.script = _refusing(400)

        async with calling(door, ask()) as caller:
            await caller.to_the_end()

        assert caller.status == 400
        assert b'"upstream_rejected"' in caller.seen
        await door.nothing_is_held()
        assert await _calls(door) == [("refused", TARGET, 0)]
        assert second.asked == []


@pytest.mark.req("P-28", "P-4")
async def test_when_none_can_answer_the_last_error_is_told_and_nothing_is_owed(
    tmp_path: Path,
) -> None:
    async with two_targets(tmp_path) as (door, first, second):
        first.script, second.script = _refusing(500), _refusing(429)

        async with calling(door, ask()) as caller:
            await caller.to_the_end()

        assert caller.status == 429
        await door.nothing_is_held()
        assert await _attempts(door) == [(TARGET, "refused", 500), (SPARE, "refused", 429)]
        assert await _calls(door) == [("refused", SPARE, 0)]
        assert await door.spent() == 0


@pytest.mark.req("P-28", "P-8")
@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize(("ending", "status"), [("broken", 502), ("silent", 504)])
async def test_a_request_whose_fate_is_unknown_is_not_sent_again(
    tmp_path: Path, ending: str, status: int, is_stream: bool
) -> None:
    async with two_targets(tmp_path, up="first_byte_s = 0.3") as (door, first, second):
        first.script = _break_off if ending == "broken" else _stay_silent

        async with calling(door, ask(stream=is_stream)) as caller:
            await caller.to_the_end()

        assert caller.status == status
        assert (len(first.asked), second.asked) == (1, [])
        assert await _attempts(door) == [(TARGET, "unknown", None)]
        ((state, outcome, held),) = await door.rows("SELECT state, outcome, held FROM calls")
        assert (state, outcome) == ("unknown", "unknown")
        assert await _held_by_tenant(door) == held > 0
        await door.is_consistent()


@pytest.mark.req("P-28", "R-10")
async def test_after_the_first_byte_there_is_no_other_and_no_clean_end(tmp_path: Path) -> None:
    async with two_targets(tmp_path) as (door, first, second):
        first.script = _break_off_within_the_answer

        async with calling(door, ask(stream=True)) as caller:
            await caller.to_the_end()

        assert caller.status == 200
        assert caller.headers["x-tollhouse-target"] == TARGET
        assert b'"error"' in caller.seen
        assert b'"upstream_broke"' in caller.seen
        assert b"[DONE]" not in caller.seen
        assert not caller.has_clean_end
        await door.nothing_is_held()
        ((outcome, target, owed),) = await _calls(door)
        assert (outcome, target) == ("cut_by_upstream", TARGET)
        assert owed > 0
        assert (len(first.asked), second.asked) == (1, [])


@asynccontextmanager
async def two_targets(
    directory: Path, *, first_url: str | None = None, up: str = ""
) -> AsyncIterator[tuple[Gateway, Provider, Provider]]:
    async with provider() as first, provider() as second:
        settings = (
            f'[providers.spare]\nkind = "openai-compatible"\nurl = "{second.url}"\n'
            'key = "env:UP_KEY"'
        )
        url, targets = first_url or first.url, (TARGET, SPARE)
        async with gateway(directory, url, settings=settings, up=up, targets=targets) as door:
            yield door, first, second


def _refusing(status: int) -> Script:
    async def refuse(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(json_response({"error": {"message": "no"}}, f"{status} No"))
        await writer.drain()

    return refuse


async def _break_off(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def _stay_silent(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def _break_off_within_the_answer(
    _: Provider, asked: Asked, writer: asyncio.StreamWriter
) -> None:
    writer.write(STREAM_HEAD + b"".join(map(chunk, stream_events(asked.body, 5)[:3])))
    await writer.drain()
    writer.close()


async def _attempts(door: Gateway) -> list[tuple[object, ...]]:
    await door.has_settled()
    rows = await door.rows("SELECT target, outcome, status FROM attempts ORDER BY number")
    return [tuple(row) for row in rows]


async def _calls(door: Gateway) -> list[tuple[Any, ...]]:
    await door.has_settled()
    return [tuple(row) for row in await door.rows("SELECT outcome, target, owed FROM calls")]


async def _held_by_tenant(door: Gateway) -> int:
    ((held,),) = await door.rows("SELECT held FROM accounts WHERE owner = 'tenant:acme'")
    return int(held)
