"""Cohere's chat (v2), as an upstream that any conversation can be said to."""

from __future__ import annotations

from tollhouse.dialects import cohere_encode, plain_problems
from tollhouse.dialects.cohere_reader import CohereMeaning, read_whole
from tollhouse.dialects.reading import Events, StreamReader, WholeReader
from tollhouse.domain.conversation import Conversation
from tollhouse.domain.models import Leg
from tollhouse.ports import Reader


class CohereChat:
    """Implements Told."""

    name = "cohere_chat"
    stream_type = b"text/event-stream"

    def encode(self, conversation: Conversation, leg: Leg) -> tuple[bytes, tuple[str, ...]]:
        return cohere_encode.encode(conversation, leg)

    def reader(self, *, is_stream: bool) -> Reader:
        return StreamReader(Events(), CohereMeaning()) if is_stream else WholeReader(read_whole)

    def error_message(self, body: bytes) -> str | None:
        return plain_problems.message_of(body)

    def error_kind(self, body: bytes) -> str:
        return plain_problems.kind_of(body)
