"""LangChain's models of three vendors, invoked and streamed."""

from __future__ import annotations

from functools import partial
from typing import Any

from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI
from told import QUESTION, Door, play, weather

TOOL = tool(weather)


def openai(door: Door) -> Any:
    url = f"{door.origin}/v1"
    return ChatOpenAI(model=door.model, base_url=url, api_key=door.key, stream_usage=True)


def anthropic(door: Door) -> Any:
    return ChatAnthropic(model=door.model, base_url=door.origin, api_key=door.key, max_tokens=500)


def ollama(door: Door) -> Any:
    bearer = {"headers": {"authorization": f"Bearer {door.key}"}}
    return ChatOllama(model=door.model, base_url=door.origin, client_kwargs=bearer)


def session(door: Door, model: Any, *, is_stream: bool) -> dict[str, Any]:
    bound = model(door).bind_tools([TOOL])
    messages: list[Any] = [SystemMessage("Be brief."), HumanMessage(QUESTION)]
    inputs = outputs = 0
    while True:
        reply = _joined(bound.stream(messages)) if is_stream else bound.invoke(messages)
        inputs += reply.usage_metadata["input_tokens"]
        outputs += reply.usage_metadata["output_tokens"]
        if not reply.tool_calls:
            return {"text": reply.text, "input": inputs, "output": outputs}
        messages.append(reply)
        messages += [
            ToolMessage(TOOL.invoke(call["args"]), tool_call_id=call["id"])
            for call in reply.tool_calls
        ]


def _joined(chunks: Any) -> Any:
    first, *rest = chunks
    return sum(rest, start=first)


MODELS = {"openai": openai, "anthropic": anthropic, "ollama": ollama}
play(
    {name: partial(session, model=each, is_stream=False) for name, each in MODELS.items()}
    | {
        f"{name}-stream": partial(session, model=each, is_stream=True)
        for name, each in MODELS.items()
    }
)
