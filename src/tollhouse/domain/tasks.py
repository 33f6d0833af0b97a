"""What a call may ask a model to do. Each has a wire format, a meter and a path of its own."""

from __future__ import annotations

from enum import StrEnum


class Task(StrEnum):
    CHAT = "chat"  # in whichever dialect
    COMPLETIONS = "completions"
    EMBEDDINGS = "embeddings"
    MODERATIONS = "moderations"
    RERANK = "rerank"
    IMAGES = "images"
    SPEECH = "speech"
    TRANSCRIPTIONS = "transcriptions"
    TRANSLATIONS = "translations"  # of what is heard, into English


CHAT_ONLY = frozenset((Task.CHAT,))
NONE: frozenset[Task] = frozenset()
