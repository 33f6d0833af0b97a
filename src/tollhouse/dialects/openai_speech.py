"""OpenAI's speech: a text is spoken, and what is heard passes as it is made. Paid for by characters."""

from __future__ import annotations

from typing import Any

from tollhouse.dialects import openai_api
from tollhouse.dialects.fields import model
from tollhouse.dialects.openai_api import OpenAIEndpoint
from tollhouse.domain.errors import Failure, FieldInvalid, Problem, UpstreamBroke
from tollhouse.domain.models import Ask
from tollhouse.domain.pricing import Usage
from tollhouse.domain.tasks import Task
from tollhouse.ports import Relay

MEDIA = {
    "mp3": b"audio/mpeg",
    "opus": b"audio/ogg",
    "aac": b"audio/aac",
    "flac": b"audio/flac",
    "wav": b"audio/wav",
    "pcm": b"audio/pcm",
}
"""What a caller is told that it gets, whatever the upstream calls it."""


class OpenAISpeech(OpenAIEndpoint):
    """Implements Dialect. A stream of sound has no room for an error, nor for a sign of life."""

    name = "openai_speech"
    stream_type = b"audio/"

    def peek(self, body: bytes) -> Ask:
        fields = openai_api.parse(body)
        spoken = fields.get("input")
        if not isinstance(spoken, str) or not spoken:
            raise FieldInvalid("`input` must be the text to speak.", param="input")
        if fields.get("stream_format") not in (None, "audio"):
            raise FieldInvalid("`stream_format` is `audio` here.", param="stream_format")
        return Ask(
            model=model(fields),
            is_stream=True,
            wants_usage=False,
            input_bytes=len(body),
            messages=1,
            images=0,
            choices=1,
            max_output=0,
            predicted_bytes=0,
            unpriced_features=(),
            task=Task.SPEECH,
            most=Usage(characters=len(spoken)),
            expects_usage=False,
            media=_media(fields),
        )

    def relay(self, ask: Ask) -> Relay:  # noqa: ARG002 - as the port has it
        return SoundRelay()

    def problem_event(self, problem: Problem, request_id: str) -> bytes:  # noqa: ARG002
        return b""

    def silence(self) -> bytes:
        return b""


class SoundRelay:
    """Implements Relay: sound as it comes. Its end is that of the connection, which says if it was cut."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.failure: Failure | None = None
        self.is_over = False
        self._is_heard = False

    def feed(self, chunk: bytes) -> bytes:
        self._is_heard = True
        return chunk

    def finish(self) -> bytes:
        if not self._is_heard:
            raise UpstreamBroke(private="there is nothing to hear")
        return b""

    def counted_output(self) -> int:
        return 0


def _media(fields: dict[str, Any]) -> bytes:
    wished = fields.get("response_format")
    if wished is None:
        return MEDIA["mp3"]
    if not isinstance(wished, str) or wished not in MEDIA:
        raise FieldInvalid(
            f"`response_format` is one of {', '.join(MEDIA)}.", param="response_format"
        )
    return MEDIA[wished]
