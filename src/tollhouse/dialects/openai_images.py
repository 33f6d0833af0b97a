"""OpenAI's image generation: paid for by the image and its size, or by tokens where those are told."""

from __future__ import annotations

import re
from typing import Any

from msgspec import UNSET, Raw, Struct, UnsetType

from tollhouse.dialects import openai_api
from tollhouse.dialects.fields import model, named, whole
from tollhouse.dialects.openai_api import OpenAIEndpoint
from tollhouse.dialects.openai_events import NOTHING
from tollhouse.dialects.openai_usage import read_made
from tollhouse.dialects.openai_whole import WholeAnswer, decoder
from tollhouse.domain.errors import FieldInvalid, UpstreamBroke
from tollhouse.domain.models import Ask
from tollhouse.domain.pricing import Usage
from tollhouse.domain.tasks import Task
from tollhouse.ports import Relay

MOST_IMAGES = 10
SIZE = re.compile(r"auto|[1-9][0-9]{1,4}x[1-9][0-9]{1,4}")
QUALITY = re.compile(r"[a-z]{1,20}")
USUAL_QUALITIES = ("auto", "standard")


class OpenAIImages(OpenAIEndpoint):
    """Implements Dialect."""

    name = "openai_images"

    def peek(self, body: bytes) -> Ask:
        fields = openai_api.parse(body)
        prompt = fields.get("prompt")
        if not isinstance(prompt, str) or not prompt:
            raise FieldInvalid("`prompt` must be a text.", param="prompt")
        openai_api.never_streams(fields)
        count = whole(fields, "n", most=MOST_IMAGES) or 1
        return Ask(
            model=model(fields),
            is_stream=False,
            wants_usage=True,
            input_bytes=len(body),
            messages=1,
            images=0,
            choices=count,
            max_output=None,
            predicted_bytes=0,
            unpriced_features=(),
            task=Task.IMAGES,
            most=Usage(images=count),
            variant=variant(fields),
            named=named(fields),
        )

    def relay(self, ask: Ask) -> Relay:
        return WholeAnswer(ask.model, lambda body: read_images(body, ask.most.images))


class _Image(Struct, gc=False):
    url: str | UnsetType | None = UNSET
    b64_json: Raw = NOTHING


class _Images(Struct, gc=False):
    data: list[_Image]
    usage: Raw = NOTHING


_decode = decoder(_Images)


def variant(fields: dict[str, Any]) -> str:
    """What is billed at a price of its own: the size, after the quality if it is another than usual."""
    size, quality = fields.get("size"), fields.get("quality")
    for name, found, form in (("size", size, SIZE), ("quality", quality, QUALITY)):
        if found is not None and not (isinstance(found, str) and form.fullmatch(found)):
            raise FieldInvalid(f"`{name}` is not one that images have.", param=name)
    return "-".join(part for part in (quality, size) if part and part not in USUAL_QUALITIES)


def read_images(body: bytes, most: int) -> Usage:
    """What was made, as a link or within the answer. Raises UpstreamBroke."""
    found = _decode(body)
    if not 0 < len(found.data) <= most:
        raise UpstreamBroke(private="not as many images as were asked for")
    if not all(map(_is_image, found.data)):
        raise UpstreamBroke(private="an image is neither a link nor base64")
    return read_made(found.usage, len(found.data))


def _is_image(image: _Image) -> bool:
    if isinstance(image.url, str):
        return image.url.startswith(("https://", "http://", "data:image/"))
    return bytes(memoryview(image.b64_json)[:1]) == b'"'
