"""What `/api/chat` and `/api/generate` have in common."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from tollhouse.dialects import ollama_bounds, ollama_encode, strict_json
from tollhouse.dialects.ndjson import LineBuffer
from tollhouse.dialects.ollama_images import images_of
from tollhouse.dialects.ollama_models import also
from tollhouse.dialects.ollama_problems import OllamaProblems
from tollhouse.dialects.ollama_reader import Lines, read_whole
from tollhouse.dialects.ollama_relay import StreamRelay, WholeRelay
from tollhouse.dialects.ollama_writer import Form, OllamaWriter
from tollhouse.dialects.reading import StreamReader, WholeReader
from tollhouse.domain.conversation import Conversation
from tollhouse.domain.models import Ask, Leg
from tollhouse.ports import Reader, Relay, Writer

NANOS_PER_S = 1_000_000_000


class Ollama(OllamaProblems):
    """Most of what is heard and told: a path adds what it asks, and the form of its words."""

    form: Form

    def __init__(self, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._clock_ns = clock_ns

    def outgoing(self, body: bytes, ask: Ask, leg: Leg) -> bytes:  # noqa: ARG002 - the body says all
        """The caller's members as they came, but for what the gate must set."""
        parts = strict_json.members(body)
        options = _bounded(parts.get("options"), leg.output_tokens)
        return strict_json.join({**parts, "model": leg.target.model, "options": options})

    def relay(self, ask: Ask) -> Relay:
        kind = StreamRelay if ask.is_stream else WholeRelay
        return kind(model=ask.model, tools=ask.tools)

    def encode(self, conversation: Conversation, leg: Leg) -> tuple[bytes, tuple[str, ...]]:
        return ollama_encode.encode(conversation, leg)

    def reader(self, *, is_stream: bool) -> Reader:
        return StreamReader(LineBuffer(), Lines()) if is_stream else WholeReader(read_whole)

    def writer(self, ask: Ask, reply_id: str, created: int) -> Writer:  # noqa: ARG002 - there is no id
        return OllamaWriter(ask, self.form, created * NANOS_PER_S, self._clock_ns)

    def acknowledgement(self, ask: Ask, created: int) -> bytes:
        return self.writer(ask, "", created).finish()


def ask_of(
    fields: dict[str, Any],
    body: bytes,
    *,
    model: str,
    messages: int,
    holders: list[dict[str, Any]],
    is_idle: bool,
    tools: frozenset[str] = frozenset(),
) -> Ask:
    """`holders` are what may have images."""
    images = [each for holder in holders for each in images_of(holder)]
    return Ask(
        model=model,
        is_stream=fields.get("stream") is not False,
        wants_usage=True,
        input_bytes=len(body) - sum(map(len, images)),
        messages=messages,
        images=len(images),
        choices=1,
        max_output=ollama_bounds.num_predict(fields),
        predicted_bytes=0,
        unpriced_features=(),
        tools=tools,
        otherwise=also(model),
        idle=_idle(fields) if is_idle else None,
    )


def _idle(fields: dict[str, Any]) -> str:
    return "unload" if ollama_bounds.is_unloading(fields) else "load"


def _bounded(options: strict_json.Raw | None, tokens: int) -> Mapping[str, strict_json.Member]:
    parts = strict_json.members(options) if options and bytes(options) != b"null" else {}
    return {**parts, "num_predict": tokens}
