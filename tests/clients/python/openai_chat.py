"""OpenAI's SDK on chat completions: whole answers, and its own helper for streams."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from openai import OpenAI
from told import DESCRIPTION, QUESTION, SCHEMA, Door, play, weather

MEMBERS: dict[str, Any] = {
    "tools": [
        {
            "type": "function",
            "function": {"name": "weather", "description": DESCRIPTION, "parameters": SCHEMA},
        }
    ],
    "parallel_tool_calls": True,
    "store": False,
    "prompt_cache_key": "north",
    "extra_body": {"of_no_dialect": [1.50, None]},
}


def whole(client: OpenAI, **asked: Any) -> Any:
    return client.chat.completions.create(**asked)


def stream(client: OpenAI, **asked: Any) -> Any:
    with client.chat.completions.stream(**asked, stream_options={"include_usage": True}) as events:
        return events.get_final_completion()


def session(door: Door, ask: Callable[..., Any]) -> dict[str, Any]:
    client = OpenAI(base_url=f"{door.origin}/v1", api_key=door.key)
    messages: list[Any] = [{"role": "developer", "content": "Be brief."}]
    messages.append({"role": "user", "content": QUESTION})
    inputs = outputs = 0
    while True:
        reply = ask(client, model=door.model, messages=messages, **MEMBERS)
        inputs += reply.usage.prompt_tokens
        outputs += reply.usage.completion_tokens
        message = reply.choices[0].message
        if not message.tool_calls:
            return {"text": message.content, "input": inputs, "output": outputs}
        messages.append(message)
        for call in message.tool_calls:
            said = weather(**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": said})


play({"whole": lambda door: session(door, whole), "stream": lambda door: session(door, stream)})
