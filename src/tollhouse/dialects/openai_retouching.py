"""OpenAI's edits and variations of images: a form with images in it, paid for like those that are made of words."""

from __future__ import annotations

from tollhouse.dialects import openai_form
from tollhouse.dialects.openai_api import OpenAIManners
from tollhouse.dialects.openai_images import MOST_IMAGES, read_images, variant
from tollhouse.dialects.openai_whole import WholeAnswer
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.forms import Form, Upload
from tollhouse.domain.models import Ask, Leg
from tollhouse.domain.pricing import Usage
from tollhouse.domain.tasks import Task
from tollhouse.ports import Relay

MOST_SHOWN = 16
COUNTS = frozenset(str(count + 1) for count in range(MOST_IMAGES))
FILES = ("image", "image[]", "mask")


class OpenAIRetouching(OpenAIManners):
    """Implements Dialect. An edit is told what to do, a variation is not."""

    def __init__(self, name: str, *, is_told: bool) -> None:
        self.name = name
        self._is_told = is_told

    def peek(self, body: Form) -> Ask:
        model = openai_form.model(body)
        if self._is_told and not body.text("prompt"):
            raise FieldInvalid("`prompt` must be a text.", param="prompt")
        openai_form.never_streams(body)
        count = _count(body)
        return Ask(
            model=model,
            is_stream=False,
            wants_usage=True,
            input_bytes=openai_form.text_bytes(body),
            messages=1,
            images=_shown(body),
            choices=count,
            max_output=None,
            predicted_bytes=0,
            unpriced_features=(),
            task=Task.IMAGES,
            most=Usage(images=count),
            variant=variant({"size": body.text("size"), "quality": body.text("quality")}),
            named=(user,) if (user := body.text("user")) else (),
        )

    def outgoing(self, body: Form, ask: Ask, leg: Leg) -> Upload:  # noqa: ARG002 - as the port has it
        return body.with_text("model", leg.target.model)

    def relay(self, ask: Ask) -> Relay:
        return WholeAnswer(ask.model, lambda body: read_images(body, ask.most.images))


def _count(form: Form) -> int:
    wished = form.text("n") or "1"
    if wished not in COUNTS:
        raise FieldInvalid(f"`n` must be a whole number from 1 to {MOST_IMAGES}.", param="n")
    return int(wished)


def _shown(form: Form) -> int:
    """How many images go in, with the mask."""
    names = [part.name for part in form.parts if part.is_file]
    if other := sorted(set(names) - set(FILES)):
        raise FieldInvalid("A file in the form is neither an image nor a mask.", param=other[0])
    if not 1 <= len(names) - names.count("mask") <= MOST_SHOWN:
        raise FieldInvalid(f"`image` must be a file, or up to {MOST_SHOWN}.", param="image")
    return len(names)
