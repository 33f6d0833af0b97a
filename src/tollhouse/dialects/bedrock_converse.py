"""AWS Bedrock's Converse, as an upstream that any conversation can be said to."""

from __future__ import annotations

from tollhouse.dialects import converse_encode, event_stream, plain_problems
from tollhouse.dialects.converse_reader import ConverseMeaning, read_whole
from tollhouse.dialects.converse_state import DIALECT
from tollhouse.dialects.reading import StreamReader, WholeReader
from tollhouse.domain.conversation import Conversation
from tollhouse.domain.models import Leg
from tollhouse.ports import Reader


class BedrockConverse:
    """Implements Told and Labelled."""

    name = DIALECT
    stream_type = event_stream.MEDIA_TYPE
    error_header = b"x-amzn-errortype"

    def encode(self, conversation: Conversation, leg: Leg) -> tuple[bytes, tuple[str, ...]]:
        return converse_encode.encode(conversation, leg)

    def reader(self, *, is_stream: bool) -> Reader:
        if is_stream:
            return StreamReader(event_stream.Messages(), ConverseMeaning())
        return WholeReader(read_whole)

    def error_message(self, body: bytes) -> str | None:
        return plain_problems.message_of(body)

    def error_kind(self, body: bytes) -> str:
        return plain_problems.kind_of(body)
