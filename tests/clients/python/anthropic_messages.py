"""Anthropic's SDK: whole answers, and its own helper for streams."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anthropic import Anthropic
from told import DESCRIPTION, QUESTION, SCHEMA, Door, play, weather

MEMBERS: dict[str, Any] = {
    "max_tokens": 500,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
    "tools": [{"name": "weather", "description": DESCRIPTION, "input_schema": SCHEMA}],
    "metadata": {"user_id": '{"session":"north"}'},
}


def whole(client: Anthropic, **asked: Any) -> Any:
    return client.messages.create(**asked)


def stream(client: Anthropic, **asked: Any) -> Any:
    with client.messages.stream(**asked) as events:
        return events.get_final_message()


def session(door: Door, ask: Callable[..., Any]) -> dict[str, Any]:
    client = Anthropic(base_url=door.origin, api_key=door.key)
    messages: list[Any] = [{"role": "user", "content": QUESTION}]
    inputs = outputs = 0
    while True:
        reply = ask(client, model=door.model, messages=messages, **MEMBERS)
        inputs += reply.usage.input_tokens
        outputs += reply.usage.output_tokens
        if reply.stop_reason != "tool_use":
            return {"text": reply.content[-1].text, "input": inputs, "output": outputs}
        messages.append({"role": "assistant", "content": reply.content})
        said = [
            {"type": "tool_result", "tool_use_id": block.id, "content": weather(**block.input)}
            for block in reply.content
            if block.type == "tool_use"
        ]
        messages.append({"role": "user", "content": said})


play({"whole": lambda door: session(door, whole), "stream": lambda door: session(door, stream)})
