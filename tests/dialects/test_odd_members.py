"""Whatever stands in the place of a member: a body is read, or refused, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from tollhouse.dialects.anthropic_messages import AnthropicMessages
from tollhouse.dialects.ollama_chat import OllamaChat
from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.dialects.openai_responses import OpenAIResponses
from tollhouse.domain.errors import Refusal
from tollhouse.domain.models import Leg
from tollhouse.domain.snapshot import Target

LEG = Leg(Target("up", "openai", "m-real"), None, 1, 7, 0)
ODD: list[Any] = [None, -1, 1.5, True, "x", [], {}, [[]], [{}], {"type": []}]
CALL = {"name": "f", "arguments": "{}"}
DIALECTS: list[tuple[Any, dict[str, Any]]] = [
    (OpenAIChat(), {
        "model": "m", "max_tokens": 5, "n": 1, "user": "u", "stream": True, "stream_options": {"include_usage": True},
        "stop": ["x"], "temperature": 0.5, "seed": 1, "service_tier": "auto", "reasoning_effort": "low",
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"$ref": "#"}}},
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}, "cache_control": {"ttl": "1h"}}],
        "functions": [{"name": "g"}], "tool_choice": {"type": "function", "function": {"name": "f"}},
        "messages": [
            {"role": "user", "name": "n", "content": [
                {"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "data:a/b;base64,AA"}},
                {"type": "input_audio", "input_audio": {"format": "mp3", "data": "AA"}},
                {"type": "file", "file": {"filename": "f", "file_data": "data:a/b;base64,AA"}}]},
            {"role": "assistant", "content": "x", "refusal": "r", "reasoning": "t", "function_call": CALL,
             "reasoning_details": [{"format": "tollhouse", "data": '{"dialect":"x","raw":{}}'}, {"type": "y"}],
             "tool_calls": [{"id": "c", "function": CALL}],
             "annotations": [{"url_citation": {"url": "u", "start_index": 0}}]},
            {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "a"}]}]}),
    (OpenAIResponses(), {
        "model": "m", "instructions": "i", "stream": True, "max_output_tokens": 9, "previous_response_id": "r",
        "input": [
            {"role": "user", "content": [
                {"type": "input_text", "text": "x"}, {"type": "input_image", "image_url": "https://x/"},
                {"type": "input_file", "filename": "f", "file_data": "data:x/y;base64,AA"}]},
            {"type": "reasoning", "summary": [{"text": "x"}], "content": [{"text": "y"}], "encrypted_content": "a"},
            {"type": "function_call", "call_id": "c", "name": "f", "namespace": "n", "arguments": "{}"},
            {"type": "custom_tool_call", "call_id": "d", "name": "p", "input": "x"},
            {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "x"}]},
            {"type": "tool_search_output", "tools": [{"type": "function", "name": "h"}]}],
        "tools": [{"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "f"}]},
                  {"type": "web_search"}, {"type": "shell", "environment": {"type": "local"}}],
        "tool_choice": {"type": "function", "name": "f"}, "reasoning": {"effort": "low"},
        "text": {"verbosity": "medium", "format": {"type": "json_schema", "name": "n", "schema": {"$ref": "#"}}}}),
    (AnthropicMessages(), {
        "model": "m", "max_tokens": 9, "system": [{"type": "text", "text": "s", "cache_control": {"ttl": "1h"}}],
        "tools": [{"name": "look", "input_schema": {}, "allowed_callers": ["direct"]}, {"type": "bash_1", "name": "b"}],
        "tool_choice": {"type": "tool", "name": "look", "disable_parallel_tool_use": True}, "stop_sequences": ["E"],
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"$ref": "#"}}},
        "thinking": {"type": "enabled", "budget_tokens": 1024}, "metadata": {"user_id": "u"}, "stream": True,
        "context_management": {"edits": [{"type": "clear"}]},
        "messages": [
            {"role": "user", "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}},
                {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "x"}]}},
                {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "x"}]},
                {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "a"}]}]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": "a"},
                {"type": "tool_use", "id": "c", "name": "look", "input": {"a": 1}, "caller": {"type": "direct"}}]}]}),
    (OllamaChat(), {
        "model": "m", "stream": True, "think": "high", "format": {"$ref": "#"}, "keep_alive": "5m",
        "options": {"temperature": 1, "num_predict": 5, "stop": ["x"]},
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
        "messages": [
            {"role": "user", "content": "x", "images": ["AAAA"]},
            {"role": "assistant", "content": "y",
             "tool_calls": [{"id": "i", "function": {"name": "f", "arguments": {}}}]},
            {"role": "tool", "content": "r", "tool_name": "f", "tool_call_id": "i"}]}),
]  # fmt: skip


@pytest.mark.req("R-5", "S-71")
@pytest.mark.parametrize(("dialect", "body"), DIALECTS, ids=[each.name for each, _ in DIALECTS])
def test_whatever_stands_in_the_place_of_a_member_is_read_or_refused(
    dialect: Any, body: dict[str, Any]
) -> None:
    assert dialect.encode(_decoded(dialect, body), LEG)

    for place in _places(body):
        for odd in ODD:
            with suppress(Refusal):
                dialect.encode(_decoded(dialect, _with(body, place, odd)), LEG)


def _decoded(dialect: Any, body: Any) -> Any:
    raw = json.dumps(body).encode()
    dialect.outgoing(raw, dialect.peek(raw), LEG)
    return dialect.decode(raw)


Place = tuple[str | int, ...]


def _places(value: Any, at: Place = ()) -> Iterator[Place]:
    yield at
    if isinstance(value, dict | list):
        for name, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _places(each, (*at, name))


def _with(value: Any, place: Place, odd: Any) -> Any:
    if not place:
        return odd
    name, *rest = place
    changed = value.copy()
    changed[name] = _with(value[name], tuple(rest), odd)
    return changed
