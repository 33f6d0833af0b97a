"""The dialects that callers may speak, by the names of their routes."""

from __future__ import annotations

from collections.abc import Mapping

from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.dialects.openai_embeddings import OpenAIEmbeddings
from tollhouse.dialects.openai_responses import OpenAIResponses
from tollhouse.ports import Dialect


def dialects() -> Mapping[str, Dialect]:
    return {
        "chat": OpenAIChat(),
        "responses": OpenAIResponses(),
        "embeddings": OpenAIEmbeddings(),
    }
