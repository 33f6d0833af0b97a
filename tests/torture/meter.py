"""What the provider would put on its invoice, call by call; now and then it breaks off."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from journeys.gateway import NANOS_IN, NANOS_OUT
from journeys.provider import (
    PROMPT_TOKENS,
    Asked,
    Provider,
    chunked,
    completion,
    json_response,
    stream_events,
)

MOST_TOKENS = 20
HEAD_PIECES = 2
"""What comes of a stream before its first token: the head, and the role."""


@dataclass
class Meter:
    """Charges for the prompt once a token came, and for each token that left."""

    chance: random.Random
    cuts: float = 0.0
    """The share of answers that are broken off."""

    tokens: dict[str, int | None] = field(default_factory=dict)
    """By the name in the message: how many were produced; None where nothing is charged."""

    broke_off: int = 0

    @property
    def owed(self) -> Mapping[str, int]:
        return {name: cost(tokens) for name, tokens in self.tokens.items()}

    async def answer(self, _: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        name, tokens = asked.body["messages"][0]["content"], self.chance.randint(1, MOST_TOKENS)
        assert name not in self.tokens, "one request was sent twice"
        self.tokens[name] = None
        breaks_off = self.chance.random() < self.cuts
        await asyncio.sleep(self.chance.uniform(0, 0.02))
        if asked.body.get("stream"):
            await self._stream(asked, name, tokens, writer, breaks_off=breaks_off)
            return
        self.tokens[name] = tokens
        whole = json_response(completion(asked.body, tokens))
        writer.write(whole[: len(whole) // 2] if breaks_off else whole)
        await writer.drain()
        if breaks_off:
            self._break_off(writer)

    async def _stream(
        self,
        asked: Asked,
        name: str,
        tokens: int,
        writer: asyncio.StreamWriter,
        *,
        breaks_off: bool,
    ) -> None:
        pieces = chunked(stream_events(asked.body, tokens))
        last = self.chance.randrange(HEAD_PIECES, HEAD_PIECES + tokens) if breaks_off else -1
        for number, piece in enumerate(pieces):
            if number == last:
                self._break_off(writer)
                return
            self.tokens[name] = min(max(number - HEAD_PIECES + 1, 0), tokens)
            writer.write(piece)
            await writer.drain()
            if self.chance.random() < 0.1:
                await asyncio.sleep(self.chance.uniform(0, 0.01))

    def _break_off(self, writer: asyncio.StreamWriter) -> None:
        self.broke_off += 1
        writer.transport.abort()


def cost(tokens: int | None) -> int:
    return 0 if tokens is None else PROMPT_TOKENS * NANOS_IN + tokens * NANOS_OUT
