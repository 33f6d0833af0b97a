"""Ollama's own client before a gateway: a host and a key, nothing else."""

from __future__ import annotations

from ollama import AsyncClient

from journeys.gateway import Gateway


def ollama_client(door: Gateway, key: str | None = None) -> AsyncClient:
    shown = door.key if key is None else key
    headers = {"authorization": f"Bearer {shown}"} if shown else {}
    return AsyncClient(host=door.origin, headers=headers)
