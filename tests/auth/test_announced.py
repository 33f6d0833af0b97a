"""What an agent announces, while it speaks, while it is away, and when it talks nonsense."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tollhouse.auth.announced import FIRST_WAIT_S, LONGEST_WAIT_S, Announced, Unheard
from tollhouse.auth.protobuf import MessageInvalid
from tollhouse.domain.errors import UpstreamBroke

Told = bytes | Exception | None
"""None is the end of a stream."""


class Agent:
    """Says what it is told to, stream after stream; the pauses between them take no time."""

    def __init__(self) -> None:
        self.tells: asyncio.Queue[Told] = asyncio.Queue()
        self.pauses: list[float] = []
        self.streams = 0
        self.closed = 0
        self.now_s = 0.0
        self.turned = asyncio.Event()
        self.announced = Announced(
            "what it says", self._listen, self._read, lambda: self.now_s, self._pause
        )

    async def _listen(self) -> AsyncGenerator[bytes, None]:
        self.streams += 1
        try:
            while (told := await self.tells.get()) is not None:
                if isinstance(told, Exception):
                    raise told
                yield told
        finally:
            self.closed += 1

    def _read(self, raw: bytes) -> str:
        if raw == b"nonsense":
            raise MessageInvalid("it is nonsense")
        return raw.decode()

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)

    async def hears(self, *told: Told) -> None:
        """Until all of it has been heard."""
        for each in told:
            times = self.announced.times
            before = self.announced.trouble
            self.tells.put_nowait(each)
            async with asyncio.timeout(10):
                await self._is_heard(each, times, before)

    async def _is_heard(self, told: Told, times: int, before: str) -> None:
        while not self.tells.empty():
            await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)


@asynccontextmanager
async def listening() -> AsyncIterator[Agent]:
    agent = Agent()
    keeping = asyncio.create_task(agent.announced.keep())
    try:
        yield agent
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


@pytest.mark.req("S-42")
async def test_each_message_replaces_what_was_said_before() -> None:
    async with listening() as agent:
        await agent.hears(b"one")
        assert agent.announced.said == "one"
        await agent.hears(b"two")
        assert agent.announced.said == "two"

    assert (agent.announced.times, agent.streams) == (2, 1)


async def test_whoever_wants_to_know_is_told_of_each_turn(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told: list[str] = []
    with caplog.at_level(logging.INFO, "tollhouse"):
        async with listening() as agent:
            agent.announced.tell(
                lambda: told.append(agent.announced.trouble or agent.announced.said)
            )
            await agent.hears(b"one", b"two", None, b"three")

    assert told == ["one", "two", "it has ended the stream", "three"]
    assert len(caplog.records) == 3  # of its beginning, its end, and its beginning again


async def test_before_anything_was_said_nothing_is_known() -> None:
    async with listening() as agent:
        with pytest.raises(Unheard, match="it has not answered yet"):
            _ = agent.announced.said


@pytest.mark.req("S-42")
@pytest.mark.parametrize(
    ("told", "why"),
    [
        (None, "it has ended the stream"),
        (b"nonsense", "it is nonsense"),
        (UpstreamBroke(private="PERMISSION_DENIED"), "PERMISSION_DENIED"),
        (FileNotFoundError("no such file"), "no such file"),
        (TimeoutError(), "TimeoutError"),
    ],
    ids=str,
)
async def test_what_cannot_be_known_is_told_once_and_asked_for_anew(
    told: Told, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening() as agent:
        await agent.hears(b"one")
        with caplog.at_level(logging.INFO, "tollhouse"):
            await agent.hears(told, told, told)
            with pytest.raises(Unheard, match=why):
                _ = agent.announced.said
            await agent.hears(b"two")

        assert agent.announced.said == "two"
        assert (agent.streams, agent.closed) == (4, 3)
        assert [each.levelname for each in caplog.records] == ["WARNING", "INFO"]


@pytest.mark.req("S-42")
async def test_the_pauses_grow_to_a_bound_and_are_not_those_of_others() -> None:
    async with listening() as agent:
        for _ in range(12):
            await agent.hears(None)

    most = [min(FIRST_WAIT_S * 2**n, LONGEST_WAIT_S) for n in range(12)]
    assert all(m / 2 <= pause <= m for pause, m in zip(agent.pauses, most, strict=False))
    assert len(set(agent.pauses)) == 12


async def test_one_message_is_not_enough_to_be_asked_at_once_again() -> None:
    """An agent that says one thing and hangs up, over and over, is not asked as often."""
    async with listening() as agent:
        for _ in range(5):
            await agent.hears(b"one", None)
        assert agent.pauses[-1] >= FIRST_WAIT_S * 8
        agent.now_s += LONGEST_WAIT_S
        await agent.hears(b"one", None)

    assert agent.pauses[-1] <= FIRST_WAIT_S


async def test_who_waits_for_the_first_word_waits_no_longer_than_until_it_is_known_that_none_comes() -> (
    None
):
    for told in (b"one", None):
        async with listening() as agent:
            waiting = asyncio.create_task(agent.announced.first())
            await asyncio.sleep(0)
            assert not waiting.done()
            await agent.hears(told)
            assert waiting.done()
