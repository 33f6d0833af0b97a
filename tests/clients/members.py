"""What the gate may set in a body on the native lane. Every other member passes byte for byte."""

from __future__ import annotations

import msgspec

SET = {
    "chat": {"model", "max_tokens", "max_completion_tokens", "stream_options"},
    "responses": {"model", "max_output_tokens"},
    "messages": {"model", "max_tokens"},
    "ollama": {"model", "options"},
}


def untouched(body: bytes, dialect: str) -> dict[str, bytes]:
    members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    return {name: bytes(raw) for name, raw in members.items() if name not in SET[dialect]}
