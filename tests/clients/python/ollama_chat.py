"""Ollama's own client: whole answers and lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ollama import Client
from told import DESCRIPTION, QUESTION, SCHEMA, Door, play, weather

TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {"name": "weather", "description": DESCRIPTION, "parameters": SCHEMA},
    }
]


def whole(client: Client, **asked: Any) -> Iterator[Any]:
    yield client.chat(**asked)


def stream(client: Client, **asked: Any) -> Iterator[Any]:
    yield from client.chat(**asked, stream=True)


def session(door: Door, ask: Callable[..., Iterator[Any]]) -> dict[str, Any]:
    client = Client(host=door.origin, headers={"authorization": f"Bearer {door.key}"})
    messages: list[Any] = [{"role": "system", "content": "Be brief."}]
    messages.append({"role": "user", "content": QUESTION})
    inputs = outputs = 0
    while True:
        text, calls = "", []
        asked = {"model": door.model, "messages": messages, "tools": TOOLS}
        for part in ask(client, **asked, options={"num_predict": 500}, keep_alive="5m"):
            text += part.message.content or ""
            calls += part.message.tool_calls or []
            inputs += part.prompt_eval_count or 0
            outputs += part.eval_count or 0
        if not calls:
            return {"text": text, "input": inputs, "output": outputs}
        messages.append({"role": "assistant", "content": text, "tool_calls": calls})
        for call in calls:
            said = weather(**call.function.arguments)
            messages.append({"role": "tool", "tool_name": "weather", "content": said})


play({"whole": lambda door: session(door, whole), "stream": lambda door: session(door, stream)})
