"""OpenAI's SDK on Responses: whole answers, and its own helper for streams."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from openai import OpenAI
from told import DESCRIPTION, QUESTION, SCHEMA, Door, play, weather

MEMBERS: dict[str, Any] = {
    "instructions": "Be brief.",
    "tools": [
        {
            "type": "function",
            "name": "weather",
            "description": DESCRIPTION,
            "parameters": SCHEMA,
            "strict": False,
        }
    ],
    "parallel_tool_calls": True,
    "store": False,
    "include": ["reasoning.encrypted_content"],
}


def whole(client: OpenAI, **asked: Any) -> Any:
    return client.responses.create(**asked)


def stream(client: OpenAI, **asked: Any) -> Any:
    with client.responses.stream(**asked) as events:
        return events.get_final_response()


def session(door: Door, ask: Callable[..., Any]) -> dict[str, Any]:
    client = OpenAI(base_url=f"{door.origin}/v1", api_key=door.key)
    items: list[Any] = [{"role": "user", "content": QUESTION}]
    inputs = outputs = 0
    while True:
        reply = ask(client, model=door.model, input=items, **MEMBERS)
        inputs += reply.usage.input_tokens
        outputs += reply.usage.output_tokens
        calls = [item for item in reply.output if item.type == "function_call"]
        if not calls:
            return {"text": reply.output_text, "input": inputs, "output": outputs}
        for call in calls:
            items.append(call.model_dump(include={"type", "call_id", "name", "arguments"}))
            said = weather(**json.loads(call.arguments))
            items.append({"type": "function_call_output", "call_id": call.call_id, "output": said})


play({"whole": lambda door: session(door, whole), "stream": lambda door: session(door, stream)})
