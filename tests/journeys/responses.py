"""A provider that speaks OpenAI Responses: scripts for the one of the journeys."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from journeys.provider import Asked, Provider, Script, chunk, chunked, json_response

ID = "resp_0123456789abcdef"
INPUT, CACHED, WRITTEN, OUTPUT = 11, 4, 3, 5
USAGE: dict[str, Any] = {
    "input_tokens": INPUT,
    "input_tokens_details": {"cached_tokens": CACHED, "cache_write_tokens": WRITTEN},
    "output_tokens": OUTPUT,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": INPUT + OUTPUT,
}

Item = dict[str, Any]


def response(body: dict[str, Any], status: str, **members: Any) -> dict[str, Any]:
    return {
        "id": ID,
        "object": "response",
        "created_at": 1,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": body["model"],
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": None,
        **members,
    }


def message(text: str = "word " * OUTPUT) -> Item:
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {
        "id": "msg_1",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [part],
    }


def call_of(name: str, arguments: str, call_id: str = "call_1") -> Item:
    return {
        "id": f"fc_{call_id}",
        "type": "function_call",
        "status": "completed",
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
    }


def thought(encrypted: str) -> Item:
    return {
        "id": "rs_1",
        "type": "reasoning",
        "status": "completed",
        "summary": [],
        "encrypted_content": encrypted,
    }


def whole(body: dict[str, Any], *output: Item) -> dict[str, Any]:
    return response(body, "completed", output=list(output), usage=USAGE)


def events(body: dict[str, Any], *output: Item) -> list[bytes]:
    """Each item from its beginning to its end, as OpenAI sends them."""
    number = 0

    def event(kind: str, **members: Any) -> bytes:
        nonlocal number
        data = {"type": kind, "sequence_number": number, **members}
        number += 1
        return f"event: {kind}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()

    sent = [
        event("response.created", response=response(body, "in_progress")),
        event("response.in_progress", response=response(body, "in_progress")),
    ]
    for index, item in enumerate(output):
        at = {"item_id": item["id"], "output_index": index}
        begun = {**item, "status": "in_progress"}
        if item["type"] == "message":
            part = item["content"][0]
            within = {**at, "content_index": 0}
            empty = {**part, "text": ""}
            words = part["text"].split(" ")
            pieces = [word + " " for word in words[:-1]] + ([words[-1]] if words[-1] else [])
            sent += [
                event("response.output_item.added", output_index=index, item={**begun, "content": []}),
                event("response.content_part.added", **within, part=empty),
                *(
                    event("response.output_text.delta", **within, delta=piece, logprobs=[])
                    for piece in pieces
                ),
                event("response.output_text.done", **within, text=part["text"], logprobs=[]),
                event("response.content_part.done", **within, part=part),
            ]  # fmt: skip
        elif item["type"] == "reasoning":
            sent.append(
                event(
                    "response.output_item.added",
                    output_index=index,
                    item={**begun, "encrypted_content": ""},
                )
            )
        else:
            arguments = item["arguments"]
            half = len(arguments) // 2
            sent += [
                event("response.output_item.added", output_index=index, item={**begun, "arguments": ""}),
                event("response.function_call_arguments.delta", **at, delta=arguments[:half]),
                event("response.function_call_arguments.delta", **at, delta=arguments[half:]),
                event("response.function_call_arguments.done", **at, arguments=arguments),
            ]  # fmt: skip
        sent.append(event("response.output_item.done", output_index=index, item=item))
    return [*sent, event("response.completed", response=whole(body, *output))]


def answering(*turns: Sequence[Item]) -> Script:
    """Each request gets the next turn; the last one again and again."""

    async def script(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        output = turns[min(len(it.asked), len(turns)) - 1]
        if asked.body.get("stream"):
            writer.write(b"".join(chunked(events(asked.body, *output))))
        else:
            writer.write(json_response(whole(asked.body, *output)))
        await writer.drain()

    return script


def cut_after(number: int, *output: Item, tail: bytes = b"") -> Script:
    """So many events, then the tail, and the connection is gone."""

    async def script(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        head, *pieces, _ = chunked(events(asked.body, *output))
        writer.write(head + b"".join(pieces[:number]) + (chunk(tail) if tail else b""))
        await writer.drain()
        writer.close()

    return script


def refusing(status: str, value: object) -> Script:
    async def script(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(json_response(value, status))
        await writer.drain()

    return script
