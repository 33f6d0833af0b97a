"""An agent of pydantic-ai before models of three kinds, run and streamed."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from pydantic_ai import Agent
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider
from told import QUESTION, Door, play, weather


def chat(door: Door) -> Any:
    provider = OpenAIProvider(base_url=f"{door.origin}/v1", api_key=door.key)
    return OpenAIChatModel(door.model, provider=provider)


def responses(door: Door) -> Any:
    provider = OpenAIProvider(base_url=f"{door.origin}/v1", api_key=door.key)
    return OpenAIResponsesModel(door.model, provider=provider)


def messages(door: Door) -> Any:
    provider = AnthropicProvider(base_url=door.origin, api_key=door.key)
    return AnthropicModel(door.model, provider=provider)


def session(door: Door, model: Any, *, is_stream: bool) -> dict[str, Any]:
    return asyncio.run(_session(door, model, is_stream=is_stream))


async def _session(door: Door, model: Any, *, is_stream: bool) -> dict[str, Any]:
    agent = Agent(model(door), instructions="Be brief.", tools=[weather])
    if is_stream:
        async with agent.run_stream(QUESTION) as run:
            return _told(await run.get_output(), run.usage)
    done = await agent.run(QUESTION)
    return _told(done.output, done.usage)


def _told(text: str, usage: Any) -> dict[str, Any]:
    spent = usage() if callable(usage) else usage
    return {"text": text, "input": spent.input_tokens, "output": spent.output_tokens}


MODELS = {"chat": chat, "responses": responses, "messages": messages}
play(
    {name: partial(session, model=each, is_stream=False) for name, each in MODELS.items()}
    | {
        f"{name}-stream": partial(session, model=each, is_stream=True)
        for name, each in MODELS.items()
    }
)
