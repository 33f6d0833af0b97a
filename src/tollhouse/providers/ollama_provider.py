"""A server of Ollama's: its own paths, and those of OpenAI's API that it has beside them."""

from __future__ import annotations

from tollhouse.ports import Spoken, Upstream
from tollhouse.providers.chat_provider import ChatProvider

PATHS = {
    "ollama_chat": b"/api/chat",
    "ollama_generate": b"/api/generate",
    "ollama_embed": b"/api/embed",
    "ollama_embeddings": b"/api/embeddings",
    "openai_embeddings": b"/v1/embeddings",
    "openai_completions": b"/v1/completions",
}


class OllamaProvider(ChatProvider):
    """Implements Provider."""

    def __init__(
        self, upstream: Upstream, dialect: Spoken, base_path: bytes, key: str | None
    ) -> None:
        super().__init__(upstream, dialect, base_path, key)
        base_path = base_path.rstrip(b"/")
        self._paths = {dialect: base_path + path for dialect, path in PATHS.items()}
