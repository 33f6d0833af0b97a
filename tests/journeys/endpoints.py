"""A plain request for each route that costs something, by the route's name."""

from __future__ import annotations

from typing import Any

from journeys.gateway import MODEL, ask

EXAMPLES: dict[str, dict[str, Any]] = {
    "chat": ask(),
    "responses": {"model": MODEL, "input": "hello"},
    "embeddings": {"model": MODEL, "input": "hello"},
}
