"""OpenAI's legacy completions: prompts are gone on with, streamed or whole."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tollhouse.dialects import openai_api, openai_bounds, openai_tiers, strict_json
from tollhouse.dialects.fields import flag, model, named, whole
from tollhouse.dialects.openai_api import OpenAIEndpoint
from tollhouse.dialects.openai_events import Choice
from tollhouse.dialects.openai_inputs import weighed
from tollhouse.dialects.openai_relay import StreamRelay, WholeRelay
from tollhouse.domain.errors import UpstreamBroke
from tollhouse.domain.models import Ask, Leg
from tollhouse.domain.tasks import Task
from tollhouse.ports import Relay

MOST_CHOICES = 128
USUAL_OUTPUT = 16
"""What a caller gets who does not say how much, as OpenAI has it."""


class OpenAICompletions(OpenAIEndpoint):
    """Implements Dialect."""

    name = "openai_completions"

    def peek(self, body: bytes) -> Ask:
        fields = openai_api.parse(body)
        openai_bounds.check(fields, [], body)
        prompts, tokens = weighed(fields.get("prompt"), "prompt")
        wished = [whole(fields, name, most=MOST_CHOICES) for name in ("n", "best_of")]
        is_stream = flag(fields, "stream")
        tier = openai_tiers.asked(fields)
        return Ask(
            model=model(fields),
            is_stream=is_stream,
            wants_usage=is_stream and flag(openai_api.stream_options(fields), "include_usage"),
            input_bytes=len(body),
            messages=prompts,
            images=0,
            choices=prompts * max(filter(None, wished), default=1),
            max_output=whole(fields, "max_tokens") or USUAL_OUTPUT,
            predicted_bytes=0,
            unpriced_features=(openai_tiers.UNPRICED,) if openai_tiers.is_unpriced(fields) else (),
            task=Task.COMPLETIONS,
            tokens=tokens,
            variant=tier,
            tier=tier,
            named=named(fields),
        )

    def outgoing(self, body: bytes, ask: Ask, leg: Leg) -> bytes:
        members = strict_json.members(body)
        options = members.pop("stream_options", None) if ask.is_stream else None
        parts: dict[str, strict_json.Member] = {**members}
        parts["model"] = leg.target.model
        parts["max_tokens"] = leg.output_tokens
        if ask.is_stream and leg.target.asks_usage:
            parts["stream_options"] = openai_api.with_usage(options)
        return strict_json.join(parts)

    def relay(self, ask: Ask) -> Relay:
        return TextStream(ask) if ask.is_stream else TextWhole(ask)


class TextStream(StreamRelay):
    """A stream whose choices have text, and call nothing."""

    def __init__(self, ask: Ask) -> None:
        super().__init__(
            model=ask.model,
            shows_usage=ask.wants_usage,
            choices=ask.choices,
            tools=frozenset(),
            reads_tier=bool(ask.tier),
        )

    def _look_at(self, choices: Sequence[Choice]) -> None:
        for choice in choices:
            if choice.finish_reason:
                self._is_finished = True
            self._count.keep(_text(choice))

    def _finish_chunk(self) -> bytes:
        choices = [
            {"index": index, "text": "", "logprobs": None, "finish_reason": "stop"}
            for index in range(self._choices)
        ]
        chunk = {"id": "", "object": "text_completion", "created": 0, "model": self._model}
        return b"data: " + msgspec.json.encode({**chunk, "choices": choices}) + b"\n\n"


class TextWhole(WholeRelay):
    """An answer in one piece whose choices have text."""

    def __init__(self, ask: Ask) -> None:
        super().__init__(model=ask.model, tools=frozenset(), reads_tier=bool(ask.tier))

    def _look_at(self, choice: Choice) -> None:
        _text(choice)

    def _produced(self, choice: Choice) -> bytes:
        return bytes(choice.text)


def _text(choice: Choice) -> bytes:
    text = bytes(choice.text)
    if text[:1] != b'"' and text != b"null":
        raise UpstreamBroke(private="a choice has something else than text")
    return text
