from __future__ import annotations

import json

import pytest

from fuzz.bodies import LEG
from journeys.recordings import file, form, read, text
from tollhouse.dialects.openai_retouching import MOST_SHOWN, OpenAIRetouching
from tollhouse.domain.errors import FieldInvalid, UpstreamBroke
from tollhouse.domain.models import Ask
from tollhouse.domain.pricing import Usage

EDITS = OpenAIRetouching("openai_edits", is_told=True)
VARIATIONS = OpenAIRetouching("openai_variations", is_told=False)
MODEL, PROMPT, IMAGE = text("model", "painter"), text("prompt", "a toll"), file(b"x", "image")


def peek(*parts: bytes, dialect: OpenAIRetouching = EDITS) -> Ask:
    return dialect.peek(read(form(*parts)))


@pytest.mark.req("B-20")
def test_an_edit_is_paid_for_by_images_and_size_and_what_is_shown_is_held_for() -> None:
    shown = [file(b"x", "image[]"), file(b"y", "image[]"), file(b"z", "mask")]

    ask = peek(
        MODEL, PROMPT, *shown, text("n", 2), text("size", "1024x1792"), text("quality", "hd")
    )

    assert (ask.model, ask.task, ask.images) == ("painter", "images", 3)
    assert (ask.most, ask.variant, ask.choices) == (Usage(images=2), "hd-1024x1792", 2)


def test_so_many_images_go_in_at_once() -> None:
    shown = [file(b"x", "image[]")] * MOST_SHOWN

    assert peek(MODEL, PROMPT, *shown, file(b"z", "mask")).images == MOST_SHOWN + 1


def test_whom_the_form_calls_its_user_is_named() -> None:
    assert peek(MODEL, PROMPT, IMAGE, text("user", "u")).named == ("u",)
    assert peek(MODEL, PROMPT, IMAGE).named == ()


def test_a_variation_is_told_nothing() -> None:
    assert peek(MODEL, IMAGE, dialect=VARIATIONS).most == Usage(images=1)


@pytest.mark.parametrize(
    ("parts", "param"),
    [
        ((PROMPT, IMAGE), "model"),
        ((MODEL, IMAGE), "prompt"),
        ((MODEL, PROMPT), "image"),
        ((MODEL, PROMPT, file(b"x", "mask")), "image"),
        ((MODEL, PROMPT, *[file(b"x", "image[]")] * (MOST_SHOWN + 1)), "image"),
        ((MODEL, PROMPT, IMAGE, file(b"x", "file")), "file"),
        ((MODEL, PROMPT, IMAGE, text("n", 0)), "n"),
        ((MODEL, PROMPT, IMAGE, text("n", 11)), "n"),
        ((MODEL, PROMPT, IMAGE, text("n", "0010")), "n"),
        ((MODEL, PROMPT, IMAGE, text("n", "\u0661")), "n"),
        ((MODEL, PROMPT, IMAGE, text("size", "large")), "size"),
        ((MODEL, PROMPT, IMAGE, text("stream", "true")), "stream"),
    ],
)
def test_what_is_missing_or_wrong_is_named(parts: tuple[bytes, ...], param: str) -> None:
    with pytest.raises(FieldInvalid) as refused:
        peek(*parts)

    assert refused.value.param == param


async def test_only_the_name_of_the_model_changes_on_the_way() -> None:
    upload = EDITS.outgoing(read(form(PROMPT, MODEL, IMAGE)), peek(MODEL, PROMPT, IMAGE), LEG)

    sent = b"".join([piece async for piece in upload.pieces()])

    assert sent == form(PROMPT, text("model", LEG.target.model), IMAGE)


def test_more_images_than_were_asked_for_are_no_answer() -> None:
    relay = EDITS.relay(peek(MODEL, PROMPT, IMAGE))
    relay.feed(json.dumps({"data": [{"b64_json": "AA"}] * 2}).encode())

    with pytest.raises(UpstreamBroke):
        relay.finish()
