"""OpenAI moderations: what is said or shown is judged; nothing is produced."""

from __future__ import annotations

from typing import Any

from msgspec import Raw, Struct

from tollhouse.dialects import openai_api
from tollhouse.dialects.openai_api import OpenAIEndpoint
from tollhouse.dialects.openai_inputs import MOST_INPUTS
from tollhouse.dialects.openai_whole import WholeAnswer, decoder
from tollhouse.domain.errors import FieldInvalid, UpstreamBroke
from tollhouse.domain.models import Ask
from tollhouse.domain.tasks import Task
from tollhouse.ports import Relay

USUAL_MODEL = "omni-moderation-latest"
"""For a caller who names none, as OpenAI has it."""


class OpenAIModerations(OpenAIEndpoint):
    """Implements Dialect."""

    name = "openai_moderations"

    def peek(self, body: bytes) -> Ask:
        fields = openai_api.parse(body)
        judged, images, image_bytes = _weighed(fields.get("input"))
        openai_api.never_streams(fields)
        return Ask(
            model=_model(fields),
            is_stream=False,
            wants_usage=False,
            input_bytes=len(body) - image_bytes,
            messages=judged,
            images=images,
            choices=1,
            max_output=0,
            predicted_bytes=0,
            unpriced_features=(),
            task=Task.MODERATIONS,
            expects_usage=False,
        )

    def relay(self, ask: Ask) -> Relay:
        return WholeAnswer(ask.model, lambda body: _read(body, ask.messages))


class _Result(Struct, gc=False):
    flagged: bool
    categories: dict[str, Raw]


class _Results(Struct, gc=False):
    results: list[_Result]


_decode = decoder(_Results)


def _model(fields: dict[str, Any]) -> str:
    found = fields.get("model")
    if found is None:
        return USUAL_MODEL
    if not isinstance(found, str) or not found:
        raise FieldInvalid("`model` must be the name of a model.", param="model")
    return found


def _weighed(given: Any) -> tuple[int, int, int]:
    """How many results there will be, how many images come in, and the bytes of those that came inside the body."""
    if isinstance(given, str) and given:
        return 1, 0, 0
    if isinstance(given, list) and 0 < len(given) <= MOST_INPUTS:
        if all(isinstance(each, str) for each in given):
            return len(given), 0, 0
        if all(isinstance(each, dict) for each in given):
            return 1, *openai_api.images(given)
    raise FieldInvalid(
        f"`input` must be a text, up to {MOST_INPUTS} texts, or a list of parts with texts and images.",
        param="input",
    )


def _read(body: bytes, expected: int) -> None:
    """A judgement for each input. Raises UpstreamBroke."""
    if len(_decode(body).results) != expected:
        raise UpstreamBroke(private="not as many results as there were inputs")
