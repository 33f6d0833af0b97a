"""A provider that answers as a server of Ollama's does, in good health and in bad."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from journeys.provider import PROMPT_TOKENS, Asked, Provider, chunk, json_response

LINES_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
)
HEAD = {"model": "m-real", "created_at": "2026-11-21T00:00:00Z"}
TOOL_CALL = {"function": {"name": "look", "arguments": {"at": "cat"}}}


async def speaks_ollama(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    pieces = ["word "] * it.completion_tokens
    it.produced += it.completion_tokens
    await _say(asked, writer, [_words(asked, piece) for piece in pieces], it.completion_tokens)


async def calls_a_tool(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Unless it has its result already."""
    if any(message["role"] == "tool" for message in asked.body["messages"]):
        await speaks_ollama(it, asked, writer)
        return
    message = {"role": "assistant", "content": "", "thinking": "Hm", "tool_calls": [TOOL_CALL]}
    await _say(asked, writer, [{"message": message}], it.completion_tokens)


async def breaks_off(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(LINES_HEAD + chunk(_line({**_words(asked, "word "), "done": False})))
    await writer.drain()
    writer.transport.abort()


async def ends_early(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """As if that were all."""
    writer.write(
        LINES_HEAD + chunk(_line({**_words(asked, "word "), "done": False})) + b"0\r\n\r\n"
    )


async def fails_midway(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    said = _line({**_words(asked, "word "), "done": False})
    writer.write(
        LINES_HEAD + chunk(said) + chunk(b'{"error":"canary at 10.1.2.3"}\n') + b"0\r\n\r\n"
    )


async def refuses(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    error = {"error": '"m-real" does not support thinking'}
    writer.write(json_response(error, "400 Bad Request"))


async def knows_no_such_model(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(json_response({"error": "model 'm-real' not found"}, "404 Not Found"))


async def _say(
    asked: Asked, writer: asyncio.StreamWriter, pieces: list[dict[str, Any]], tokens: int
) -> None:
    end = {
        "done": True,
        "done_reason": "stop",
        "total_duration": 7,
        "prompt_eval_count": PROMPT_TOKENS,
        "eval_count": tokens,
    }
    if asked.body.get("stream") is False:
        whole = _whole(pieces)
        writer.write(json_response({**HEAD, **whole, **end}))
    else:
        lines = [_line({**piece, "done": False}) for piece in pieces]
        last = _line({**_words(asked, ""), **end})
        writer.write(LINES_HEAD + b"".join(chunk(line) for line in [*lines, last]) + b"0\r\n\r\n")
    await writer.drain()


def _whole(pieces: list[dict[str, Any]]) -> dict[str, Any]:
    if "response" in pieces[0]:
        return {"response": "".join(piece["response"] for piece in pieces)}
    content = "".join(piece["message"]["content"] for piece in pieces)
    return {"message": {**pieces[0]["message"], "content": content}}


def _words(asked: Asked, text: str) -> dict[str, Any]:
    if asked.path == "/api/generate":
        return {"response": text}
    return {"message": {"role": "assistant", "content": text}}


def _line(members: dict[str, Any]) -> bytes:
    return json.dumps({**HEAD, **members}).encode() + b"\n"
