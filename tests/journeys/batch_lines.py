"""Lines of batches and of their results, and how a client begins one."""

from __future__ import annotations

import json
from typing import Any

from openai import AsyncOpenAI
from openai.types import Batch, FileObject

from journeys.gateway import MODEL
from journeys.shelf import Shelf

CHAT = "/v1/chat/completions"
LOOKS = "[files]\nlook_every_s = 1\n"


def line(custom_id: str = "a", url: str = CHAT, **body: Any) -> dict[str, Any]:
    said = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 10}
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": {**said, **body}}


def result(custom_id: str, prompt: int = 11, output: int = 5, **body: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output}
    answer = {"id": "chatcmpl-1", "model": "m-real", "choices": [], "usage": usage, **body}
    response = {"status_code": 200, "request_id": "r", "body": answer}
    return {"id": "batch_req_1", "custom_id": custom_id, "response": response, "error": None}


def failed(custom_id: str) -> dict[str, Any]:
    error = {"error": {"message": "no such thing at http://10.0.0.1/x", "type": "invalid"}}
    response = {"status_code": 400, "request_id": "r", "body": error}
    return {"id": "batch_req_2", "custom_id": custom_id, "response": response, "error": None}


def content(*lines: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in lines)


async def sent(client: AsyncOpenAI, *lines: dict[str, Any]) -> FileObject:
    return await client.files.create(file=("in.jsonl", content(*lines)), purpose="batch")


async def begun(client: AsyncOpenAI, *lines: dict[str, Any], **members: Any) -> Batch:
    file = await sent(client, *(lines or (line("a"), line("b"))))
    return await client.batches.create(
        input_file_id=file.id, endpoint=CHAT, completion_window="24h", **members
    )


def the_one(shelf: Shelf) -> str:
    (known_as,) = shelf.batches
    return known_as
