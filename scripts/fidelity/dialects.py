"""The dialects that are translated. One that joins is one entry here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from scripts.fidelity.bedrock import Converse
from scripts.fidelity.cohere import Cohere
from scripts.fidelity.gemini import GeminiServer

from tollhouse.dialects.anthropic_messages import AnthropicMessages
from tollhouse.dialects.bedrock_converse import BedrockConverse
from tollhouse.dialects.cohere_chat import CohereChat
from tollhouse.dialects.gemini import Gemini
from tollhouse.dialects.ollama_chat import OllamaChat
from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.dialects.openai_responses import OpenAIResponses
from tollhouse.domain.conversation import Conversation, State
from tollhouse.domain.errors import Problem
from tollhouse.domain.models import Ask, Leg
from tollhouse.domain.snapshot import Target
from tollhouse.ports import Heard, Told, Writer

TOOLS = frozenset({"look", "find", "keep"})


class Server(Protocol):
    """Is asked, and answers: an upstream before the gate."""

    stream_type: bytes

    def decode(self, body: bytes) -> Conversation: ...
    def writer(self, ask: Ask, reply_id: str, created: int) -> Writer: ...
    def problem_event(self, problem: Problem, request_id: str) -> bytes: ...


@dataclass(frozen=True)
class Spoken:
    """A dialect, and who speaks it to whom."""

    title: str
    client: Told
    """Asks, and reads the answer: the gate before an upstream, or a caller before the gate."""

    server: Server
    kind: str
    """Of a provider that speaks it."""

    state: Mapping[str, Any] | None = None
    """What such an upstream gives to be given back, if it does."""

    model: str = "m-real"

    @property
    def name(self) -> str:
        return self.client.name

    @property
    def own_state(self) -> State | None:
        return State(self.name, self.state) if self.state is not None else None

    @property
    def leg(self) -> Leg:
        return Leg(Target("up", self.kind, self.model), None, 1000, 500, 0)


@dataclass(frozen=True)
class Caller(Spoken):
    """One that callers speak, so that the server is the gate itself."""

    server: Heard


CHAT, RESPONSES = OpenAIChat(), OpenAIResponses()
OLLAMA, MESSAGES = OllamaChat(), AnthropicMessages()

CALLERS = (
    Caller(
        "OpenAI Chat",
        *(CHAT, CHAT),
        "openai-compatible",
        {"reasoning_details": [{"type": "reasoning.encrypted", "data": "c2VhbGVk"}]},
    ),
    Caller(
        "OpenAI Responses",
        *(RESPONSES, RESPONSES),
        "openai-compatible",
        {"encrypted_content": "c2VhbGVk"},
    ),
    Caller("Ollama", OLLAMA, OLLAMA, "ollama"),
    Caller("Anthropic Messages", MESSAGES, MESSAGES, "anthropic", {"signature": "c2VhbGVk"}),
)
GEMINI = Spoken("Gemini", Gemini(), GeminiServer(), "gemini", {"signature": "c2VhbGVk"})
TARGETS: tuple[Spoken, ...] = (
    *CALLERS,
    Spoken(
        "AWS Bedrock",
        BedrockConverse(),
        Converse(),
        "bedrock",
        {"signature": "c2VhbGVk"},
        "eu.anthropic.claude-sonnet-4-5-20250929-v1:0",
    ),
    GEMINI,
    Spoken("Cohere", CohereChat(), Cohere(), "cohere"),
)
PAIRS = tuple((caller, target) for caller in CALLERS for target in TARGETS if target is not caller)


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
