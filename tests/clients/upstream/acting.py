"""The provider's side of the play, in the dialect that it is asked in."""

from __future__ import annotations

import asyncio
from types import ModuleType

from clients.upstream import (
    anthropic_messages,
    bedrock_converse,
    gemini,
    ollama_chat,
    openai_chat,
    openai_responses,
)
from clients.upstream.play import TURNS, Turn, turn_after
from journeys.provider import Asked, Provider, Script, json_response

SPEECHES: dict[str, ModuleType] = {
    "/v1/chat/completions": openai_chat,
    "/v1/responses": openai_responses,
    "/v1/messages": anthropic_messages,
    "/api/chat": ollama_chat,
    "/model/real-model/converse": bedrock_converse,
    "/model/real-model/converse-stream": bedrock_converse,
}


def speech(asked: Asked) -> ModuleType:
    path = asked.path.partition("?")[0]
    return gemini if ":" in path else SPEECHES[path]


async def act(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    await _say(_pieces(asked, TURNS), writer)


def acting(turns: tuple[Turn, ...]) -> Script:
    """Another play."""

    async def act_it(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        await _say(_pieces(asked, turns), writer)

    return act_it


async def break_off(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """In the middle of the answer, as a provider that dies."""
    pieces = _pieces(asked, TURNS)
    await _say(pieces[: len(pieces) // 2], writer)
    writer.transport.abort()


async def break_off_streams(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Every one. What is asked for in one piece is refused, as some agents then do."""
    await (break_off if asked.body.get("stream") else be_busy)(it, asked, writer)


async def be_busy(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """And ask for a second of patience."""
    error = {"error": {"message": "slow down", "type": "rate_limit_error"}}
    writer.write(json_response(error, "429 Too Many Requests", "retry-after: 1"))
    await writer.drain()


class Once:
    """One thing at first, and another whenever it is asked again."""

    def __init__(self, first: Script, then: Script) -> None:
        self._first = first
        self._then = then
        self._is_first = True

    async def __call__(self, it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        script = self._first if self._is_first else self._then
        self._is_first = False
        await script(it, asked, writer)


async def _say(pieces: list[bytes], writer: asyncio.StreamWriter) -> None:
    for piece in pieces:
        writer.write(piece)
        await writer.drain()


def _pieces(asked: Asked, turns: tuple[Turn, ...]) -> list[bytes]:
    speaks = speech(asked)
    turn = turn_after(speaks.results(asked.body), turns)
    return list(speaks.stream(asked, turn)) if _is_stream(asked) else [speaks.whole(asked, turn)]


def _is_stream(asked: Asked) -> bool:
    speaks = speech(asked)
    if speaks is gemini:
        return gemini.is_stream(asked)
    if speaks is bedrock_converse:
        return asked.path.endswith("-stream")
    return bool(asked.body.get("stream", speaks is ollama_chat))
