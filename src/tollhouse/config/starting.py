"""The file that a new gateway starts from."""

from __future__ import annotations

from pathlib import Path


def starter() -> str:
    """A commented file that loads as it is: one local model, and OpenAI ready to be switched on."""
    return Path(__file__).with_name("starter.toml").read_text(encoding="utf-8")
