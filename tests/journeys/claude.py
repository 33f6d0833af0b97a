"""An upstream that speaks Anthropic's dialect, as far as tests need it to."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from journeys.provider import STREAM_HEAD, Asked, Provider, Script, chunk, json_response

INPUT, CACHE_READ, CACHE_WRITE, OUTPUT = 11, 7, 5, 3
USAGE = {
    "input_tokens": INPUT,
    "cache_read_input_tokens": CACHE_READ,
    "cache_creation_input_tokens": CACHE_WRITE,
    "output_tokens": OUTPUT,
}
TEXT = {"type": "text", "text": "word " * OUTPUT}


async def answer(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """As the provider in good health does."""
    await says(TEXT)(it, asked, writer)


def says(*blocks: dict[str, Any], reason: str = "end_turn") -> Script:
    """The blocks, whole or in pieces as they were asked for; counts what is only counted."""

    async def script(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        if asked.path.endswith("/count_tokens"):
            writer.write(json_response({"input_tokens": 42}))
        elif asked.body.get("stream"):
            writer.write(STREAM_HEAD)
            for event in events(asked.body["model"], *blocks, reason=reason):
                writer.write(chunk(event))
                await writer.drain()
            writer.write(b"0\r\n\r\n")
        else:
            writer.write(json_response(message(asked.body["model"], *blocks, reason=reason)))
        await writer.drain()

    return script


def message(model: str, *blocks: dict[str, Any], reason: str = "end_turn") -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": list(blocks),
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": USAGE,
    }


def events(model: str, *blocks: dict[str, Any], reason: str = "end_turn") -> list[bytes]:
    begun = {**message(model), "stop_reason": None, "usage": {**USAGE, "output_tokens": 1}}
    sent = [event("message_start", message=begun), event("ping")]
    for index, block in enumerate(blocks):
        sent += _pieces(index, block)
    sent.append(
        event(
            "message_delta",
            delta={"stop_reason": reason, "stop_sequence": None},
            usage={"output_tokens": OUTPUT},
        )
    )
    return [*sent, event("message_stop")]


def event(kind: str, **members: Any) -> bytes:
    data = json.dumps({"type": kind, **members}, separators=(",", ":"))
    return f"event: {kind}\ndata: {data}\n\n".encode()


def _pieces(index: int, block: dict[str, Any]) -> list[bytes]:
    begun, deltas = dict(block), []
    match block["type"]:
        case "text":
            begun["text"] = ""
            deltas = [{"type": "text_delta", "text": word + " "} for word in block["text"].split()]
        case "thinking":
            begun |= {"thinking": "", "signature": ""}
            deltas = [
                {"type": "thinking_delta", "thinking": block["thinking"]},
                {"type": "signature_delta", "signature": block["signature"]},
            ]
        case "tool_use":
            begun["input"] = {}
            written = json.dumps(block["input"])
            deltas = [{"type": "input_json_delta", "partial_json": each} for each in ("", *written)]
    return [
        event("content_block_start", index=index, content_block=begun),
        *[event("content_block_delta", index=index, delta=delta) for delta in deltas],
        event("content_block_stop", index=index),
    ]
