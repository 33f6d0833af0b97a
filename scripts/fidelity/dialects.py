"""The dialects that are translated. One that joins is one entry here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tollhouse.dialects.anthropic_messages import AnthropicMessages
from tollhouse.dialects.ollama_chat import OllamaChat
from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.dialects.openai_responses import OpenAIResponses
from tollhouse.domain.conversation import State
from tollhouse.domain.models import Ask, Leg
from tollhouse.domain.snapshot import Target
from tollhouse.ports import Codec

TOOLS = frozenset({"look", "find", "keep"})


@dataclass(frozen=True)
class Spoken:
    """A dialect, on either side of the gate."""

    title: str
    codec: Codec
    kind: str
    """Of a provider that speaks it."""

    state: Mapping[str, Any] | None = None
    """What such an upstream gives to be given back, if it does."""

    @property
    def own_state(self) -> State | None:
        return State(self.codec.name, self.state) if self.state is not None else None

    @property
    def leg(self) -> Leg:
        return Leg(Target("up", self.kind, "m-real"), None, 1000, 500, 0)


DIALECTS = (
    Spoken(
        "OpenAI Chat",
        OpenAIChat(),
        "openai-compatible",
        {"reasoning_details": [{"type": "reasoning.encrypted", "data": "c2VhbGVk"}]},
    ),
    Spoken(
        "OpenAI Responses",
        OpenAIResponses(),
        "openai-compatible",
        {"encrypted_content": "c2VhbGVk"},
    ),
    Spoken("Ollama", OllamaChat(), "ollama"),
    Spoken("Anthropic Messages", AnthropicMessages(), "anthropic", {"signature": "c2VhbGVk"}),
)


def ask(*, is_stream: bool, choices: int = 1) -> Ask:
    """As somebody who offers a few tools and would like to know what it costs."""
    return Ask(
        model="m",
        is_stream=is_stream,
        wants_usage=is_stream,
        input_bytes=0,
        messages=1,
        images=0,
        choices=choices,
        max_output=None,
        predicted_bytes=0,
        unpriced_features=(),
        tools=TOOLS,
    )
