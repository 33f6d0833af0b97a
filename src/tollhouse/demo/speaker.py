"""Who answers: the local model where it can run, the echo model where it cannot."""

from __future__ import annotations

from dataclasses import dataclass

from tollhouse.providers import local


@dataclass(frozen=True, slots=True)
class Speaker:
    """A model as callers name it, and the provider of the same kind that runs it."""

    model: str
    kind: str
    target: str
    says: str


LOCAL = Speaker("smollm2", "local", local.MODEL, "SmolLM2 on llama.cpp as its child")
ECHO = Speaker("echo", "echo", "echo", "the built-in echo model")


def speaker() -> tuple[Speaker, str | None]:
    """And why it is not the local model, if it is not."""
    reason = local.why_unavailable()
    return (ECHO, reason) if reason else (LOCAL, None)
