"""What a demonstration says when it cannot go on."""

from __future__ import annotations

from pathlib import Path

LAST_WORDS = 5  # lines


class DemoFailed(Exception):
    """The text says what happened and, where there is something to do, what."""


def gateway_failed(what: str, log: Path) -> DemoFailed:
    """The gateway's own last words are the reason, or lead to it."""
    words = log.read_text("utf-8", "replace").splitlines()[-LAST_WORDS:] if log.exists() else []
    return DemoFailed("\n".join([f"{what} Its log, {log}, ends:", *words] if words else [what]))
