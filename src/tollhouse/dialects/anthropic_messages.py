"""Anthropic Messages: what a body asks for, and what leaves in its place."""

from __future__ import annotations

from tollhouse.dialects import (
    anthropic_decode,
    anthropic_encode,
    anthropic_problems,
    openai_problems,
    strict_json,
)
from tollhouse.dialects.anthropic_ask import ask_of
from tollhouse.dialects.anthropic_reader import MessagesMeaning, read_whole
from tollhouse.dialects.anthropic_relay import PING, StreamRelay, WholeRelay
from tollhouse.dialects.anthropic_writer import MessagesStreamWriter, MessagesWholeWriter
from tollhouse.dialects.reading import Events, StreamReader, WholeReader
from tollhouse.domain.conversation import Conversation
from tollhouse.domain.errors import Problem
from tollhouse.domain.models import Ask, Leg
from tollhouse.ports import Reader, Relay, Writer


class AnthropicMessages:
    """Implements Heard and Told."""

    name = "anthropic_messages"
    stream_type = b"text/event-stream"

    def peek(self, body: bytes) -> Ask:
        return ask_of(body)

    def outgoing(self, body: bytes, _: Ask, leg: Leg) -> bytes:
        """The caller's members as they came, marks and signatures included, but for model and bound."""
        return strict_json.join(
            {
                **strict_json.members(body),
                "model": leg.target.model,
                "max_tokens": leg.output_tokens,
            }
        )

    def relay(self, ask: Ask) -> Relay:
        kind = StreamRelay if ask.is_stream else WholeRelay
        return kind(model=ask.model, tools=ask.tools)

    def decode(self, body: bytes) -> Conversation:
        return anthropic_decode.decode(body)

    def encode(self, conversation: Conversation, leg: Leg) -> tuple[bytes, tuple[str, ...]]:
        return anthropic_encode.encode(conversation, leg)

    def reader(self, *, is_stream: bool) -> Reader:
        return StreamReader(Events(), MessagesMeaning()) if is_stream else WholeReader(read_whole)

    def writer(self, ask: Ask, reply_id: str, created: int) -> Writer:
        kind = MessagesStreamWriter if ask.is_stream else MessagesWholeWriter
        return kind(ask, reply_id, created)

    def error_message(self, body: bytes) -> str | None:
        return openai_problems.message_of(body)

    def error_kind(self, body: bytes) -> str:
        return openai_problems.kind_of(body)

    def problem(self, problem: Problem, request_id: str) -> bytes:
        return anthropic_problems.body(problem, request_id)

    def problem_event(self, problem: Problem, request_id: str) -> bytes:
        return anthropic_problems.event(problem, request_id)

    def silence(self) -> bytes:
        return PING
