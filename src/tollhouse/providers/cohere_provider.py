"""Cohere's own API: its chat, its ranking, and embeddings by the path that it has for OpenAI's clients."""

from __future__ import annotations

from tollhouse.ports import Spoken, Upstream
from tollhouse.providers.chat_provider import ChatProvider

PATHS = {
    "cohere_chat": b"/v2/chat",
    "rerank": b"/v2/rerank",
    "openai_embeddings": b"/compatibility/v1/embeddings",
}


class CohereProvider(ChatProvider):
    """Implements Provider."""

    def __init__(self, upstream: Upstream, dialect: Spoken, base_path: bytes, key: str | None):
        super().__init__(upstream, dialect, base_path, key)
        base_path = base_path.rstrip(b"/")
        self._paths = {name: base_path + path for name, path in PATHS.items()}
