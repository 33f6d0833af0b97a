"""What the house offers: which dialects stand in its table, and which of them can be translated."""

from __future__ import annotations

from tollhouse.ports import Codec, Dialect
from tollhouse.wiring.dialects import dialects

ROUTES = {"chat": "chat", "responses": "responses", "messages": "messages", "ollama": "ollama_chat"}


def is_offered(dialect: str) -> bool:
    return _of(dialect) is not None


def is_translated(heard: str, spoken: str) -> bool:
    return heard == spoken or (isinstance(_of(heard), Codec) and isinstance(_of(spoken), Codec))


def _of(dialect: str) -> Dialect | None:
    return dialects().get(ROUTES[dialect])
