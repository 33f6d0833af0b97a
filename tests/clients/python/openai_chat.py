"""OpenAI's SDK on chat completions: whole answers, and its own helper for streams."""

from __future__ import annotations

import json
from typing import Any

from openai import OpenAI
from told import DESCRIPTION, KEY, MODEL, ORIGIN, QUESTION, SCHEMA, tell, weather

client = OpenAI(base_url=f"{ORIGIN}/v1", api_key=KEY)
TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {"name": "weather", "description": DESCRIPTION, "parameters": SCHEMA},
    }
]
MEMBERS: dict[str, Any] = {
    "model": MODEL,
    "tools": TOOLS,
    "parallel_tool_calls": True,
    "store": False,
    "prompt_cache_key": "north",
    "extra_body": {"of_no_dialect": [1.50, None]},
}


def whole(messages: list[Any]) -> Any:
    return client.chat.completions.create(messages=messages, **MEMBERS)


def stream(messages: list[Any]) -> Any:
    asked = {**MEMBERS, "stream_options": {"include_usage": True}}
    with client.chat.completions.stream(messages=messages, **asked) as events:
        return events.get_final_completion()


def session(ask: Any) -> dict[str, Any]:
    messages: list[Any] = [{"role": "developer", "content": "Be brief."}]
    messages.append({"role": "user", "content": QUESTION})
    inputs = outputs = 0
    while True:
        reply = ask(messages)
        inputs += reply.usage.prompt_tokens
        outputs += reply.usage.completion_tokens
        message = reply.choices[0].message
        if not message.tool_calls:
            return {"text": message.content, "input": inputs, "output": outputs}
        messages.append(message)
        for call in message.tool_calls:
            said = weather(**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": said})


tell({"whole": lambda: session(whole), "stream": lambda: session(stream)})
