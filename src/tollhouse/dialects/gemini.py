"""Google's Gemini, as upstreams speak it: `generateContent`, on Gemini's own API and on Vertex AI alike.

Callers do not speak it here. Which model is asked, and whether for a stream, stands in the path.
"""

from __future__ import annotations

from tollhouse.dialects import gemini_encode, gemini_problems
from tollhouse.dialects.gemini_reader import ContentMeaning, read_whole
from tollhouse.dialects.reading import Events, StreamReader, WholeReader
from tollhouse.domain.conversation import Conversation
from tollhouse.domain.models import Leg
from tollhouse.ports import Reader


class Gemini:
    """Implements Told."""

    name = "gemini"
    stream_type = b"text/event-stream"

    def encode(self, conversation: Conversation, leg: Leg) -> tuple[bytes, tuple[str, ...]]:
        return gemini_encode.encode(conversation, leg)

    def reader(self, *, is_stream: bool) -> Reader:
        return StreamReader(Events(), ContentMeaning()) if is_stream else WholeReader(read_whole)

    def error_message(self, body: bytes) -> str | None:
        return gemini_problems.message_of(body)

    def error_kind(self, body: bytes) -> str:
        return gemini_problems.kind_of(body)
