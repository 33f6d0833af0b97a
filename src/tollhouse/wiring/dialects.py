"""The dialects that callers may speak, by the names of their routes."""

from __future__ import annotations

from collections.abc import Mapping

from tollhouse.config import Settings
from tollhouse.dialects.anthropic_count import AnthropicCount
from tollhouse.dialects.anthropic_messages import AnthropicMessages
from tollhouse.dialects.ollama_chat import OllamaChat
from tollhouse.dialects.ollama_generate import OllamaGenerate
from tollhouse.dialects.ollama_rephrased import EmbedAnywhere, EmbeddingsAnywhere
from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.dialects.openai_completions import OpenAICompletions
from tollhouse.dialects.openai_embeddings import OpenAIEmbeddings
from tollhouse.dialects.openai_hearing import OpenAIHearing
from tollhouse.dialects.openai_images import OpenAIImages
from tollhouse.dialects.openai_moderations import OpenAIModerations
from tollhouse.dialects.openai_responses import OpenAIResponses
from tollhouse.dialects.openai_retouching import OpenAIRetouching
from tollhouse.dialects.openai_speech import OpenAISpeech
from tollhouse.dialects.rerank import Rerank
from tollhouse.domain.tasks import Task
from tollhouse.pipeline.route import Metered, Takes
from tollhouse.ports import Dialect
from tollhouse.server.routes import OllamaPaths, route_table


def dialects() -> Mapping[str, Dialect]:
    return {
        "chat": OpenAIChat(),
        "responses": OpenAIResponses(),
        "completions": OpenAICompletions(),
        "embeddings": OpenAIEmbeddings(),
        "moderations": OpenAIModerations(),
        "rerank": Rerank(),
        "images": OpenAIImages(),
        "edits": OpenAIRetouching("openai_edits", is_told=True),
        "variations": OpenAIRetouching("openai_variations", is_told=False),
        "speech": OpenAISpeech(),
        "transcriptions": OpenAIHearing(Task.TRANSCRIPTIONS),
        "translations": OpenAIHearing(Task.TRANSLATIONS),
        "ollama_chat": OllamaChat(),
        "ollama_generate": OllamaGenerate(),
        "ollama_embed": EmbedAnywhere(),
        "ollama_embeddings": EmbeddingsAnywhere(),
        "messages": AnthropicMessages(),
        "count": AnthropicCount(),
    }


def ollama_paths(settings: Settings) -> OllamaPaths:
    ollama = settings.ollama
    takes = Takes.JSON_BY_ANY_NAME if ollama.any_content_type else Takes.JSON
    return OllamaPaths(ollama.max_body_bytes, are_names_open=ollama.open_names, takes=takes)


def limitable_routes() -> frozenset[str]:
    """Names of those whose requests are counted. What Ollama's clients look up stands open to strangers too."""
    table = route_table(dialects(), 0)
    return frozenset(
        route.name
        for route in table
        if route.metered is not Metered.FREE or not route.name.startswith("ollama_")
    )
