"""OpenAI's transcriptions and translations: a form with a recording in it, and what was said as text.

Paid for by the second or by the token, whichever the provider tells. The form passes byte for byte
but for the model's name.
"""

from __future__ import annotations

from tollhouse.dialects import openai_form
from tollhouse.dialects.openai_api import OpenAIManners
from tollhouse.dialects.openai_heard import HeardEvents, HeardText, HeardWhole
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.forms import Form, Part, Upload
from tollhouse.domain.models import Ask, Leg
from tollhouse.domain.pricing import Usage
from tollhouse.domain.recordings import LEAST_RATE, recording
from tollhouse.domain.tasks import Task
from tollhouse.ports import Relay

PLAIN = b"text/plain; charset=utf-8"
FORMATS = {
    "json": b"",
    "text": PLAIN,
    "srt": PLAIN,
    "vtt": PLAIN,
    "verbose_json": b"",
    "diarized_json": b"",
}
"""What a caller is told that it gets; nothing where that is JSON."""

DEAREST_TOKENS_A_SECOND = 32
"""Of those who bill what they hear by the token: held for."""

TOKENS_A_SECOND = 10
"""As OpenAI's own models count: owed where nobody tells."""


class OpenAIHearing(OpenAIManners):
    """Implements Dialect."""

    def __init__(self, task: Task) -> None:
        self.name = f"openai_{task}"
        self._task = task

    def peek(self, body: Form) -> Ask:
        model = openai_form.model(body)
        file = _file(body)
        is_stream = self._is_stream(body)
        media = b"" if is_stream else _media(body)
        heard = recording(file.head, file.size)
        most_s = heard.most_s + _referred_s(body)
        return Ask(
            model=model,
            is_stream=is_stream,
            wants_usage=True,
            input_bytes=openai_form.text_bytes(body),
            messages=1,
            images=0,
            choices=1,
            max_output=None,
            predicted_bytes=0,
            unpriced_features=(),
            task=self._task,
            tokens=heard.likely_s * TOKENS_A_SECOND,
            added_tokens=most_s * DEAREST_TOKENS_A_SECOND,
            most=Usage(seconds=most_s),
            likely=Usage(seconds=heard.likely_s),
            expects_usage=not media,
            media=media,
        )

    def outgoing(self, body: Form, ask: Ask, leg: Leg) -> Upload:  # noqa: ARG002 - as the port has it
        return body.with_text("model", leg.target.model)

    def relay(self, ask: Ask) -> Relay:
        if ask.is_stream:
            return HeardEvents(ask)
        return HeardText(ask) if ask.media else HeardWhole(ask)

    def _is_stream(self, form: Form) -> bool:
        if self._task is Task.TRANSLATIONS:
            openai_form.never_streams(form)
        return openai_form.flag(form, "stream")


def _file(form: Form) -> Part:
    """The recording, and no other file: nobody would know what else is billed."""
    files = [part for part in form.parts if part.is_file]
    if len(files) != 1 or files[0].name != "file" or not files[0].size:
        raise FieldInvalid(
            "`file` must be the one file of the form, with a recording.", param="file"
        )
    return files[0]


def _media(form: Form) -> bytes:
    wished = form.text("response_format") or "json"
    if wished not in FORMATS:
        raise FieldInvalid(
            f"`response_format` is one of {', '.join(FORMATS)}.", param="response_format"
        )
    return FORMATS[wished]


def _referred_s(form: Form) -> int:
    """Of samples of the speakers, which come as data URLs."""
    return sum(len(each) // LEAST_RATE for each in form.texts("known_speaker_references"))
