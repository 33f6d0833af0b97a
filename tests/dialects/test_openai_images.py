from __future__ import annotations

import json
from typing import Any

import pytest

from tollhouse.dialects.openai_images import OpenAIImages
from tollhouse.domain.errors import FieldInvalid, UpstreamBroke
from tollhouse.domain.pricing import Usage
from tollhouse.domain.tasks import Task
from tollhouse.ports import Relay

LINK = {"url": "https://images.example/1.png"}
WITHIN = {"b64_json": "AAAA"}

pytestmark = pytest.mark.req("OT-49", "B-20")


@pytest.mark.parametrize(("members", "count"), [({}, 1), ({"n": 4}, 4), ({"n": None}, 1)])
def test_as_many_images_are_held_as_are_asked_for(members: dict[str, Any], count: int) -> None:
    ask = OpenAIImages().peek(_body(**members))

    assert (ask.most, ask.choices, ask.task) == (Usage(images=count), count, Task.IMAGES)


@pytest.mark.parametrize(
    ("members", "variant"),
    [
        ({}, ""),
        ({"size": None, "quality": None}, ""),
        ({"size": "auto", "quality": "auto"}, ""),
        ({"size": "1024x1792"}, "1024x1792"),
        ({"size": "1024x1792", "quality": "standard"}, "1024x1792"),
        ({"size": "1024x1792", "quality": "hd"}, "hd-1024x1792"),
        ({"quality": "high"}, "high"),
    ],
)
def test_size_and_quality_name_a_price(members: dict[str, Any], variant: str) -> None:
    assert OpenAIImages().peek(_body(**members)).variant == variant


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *(("prompt", wrong) for wrong in (None, "", 1, ["a"])),
        *(("n", wrong) for wrong in (0, 11, "1", True)),
        *(("size", wrong) for wrong in (1024, "big", "0x0", "1x1@x", "1024x1024\n", "999999x1")),
        *(("quality", wrong) for wrong in (1, "", "HD", "hd-1", "a@b")),
        *(("stream", True), ("model", None)),
    ],
)
def test_a_member_of_a_wrong_kind_is_refused_by_name(name: str, wrong: Any) -> None:
    with pytest.raises(FieldInvalid) as refused:
        OpenAIImages().peek(_body(**{name: wrong}))

    assert refused.value.param == name


@pytest.mark.parametrize(
    ("answer", "usage"),
    [
        ({"data": [LINK, WITHIN]}, Usage(images=2)),
        ({"data": [LINK]}, Usage(images=1)),
        (
            {"data": [WITHIN], "usage": {"input_tokens": 7, "output_tokens": 900}},
            Usage(input=7, output=900, images=1),
        ),
        ({"data": [WITHIN], "usage": {"input_tokens": "x"}}, Usage(images=1)),
        (
            {"data": [WITHIN], "usage": {"input_tokens": -1, "output_tokens": 10**13}},
            Usage(images=1),
        ),
        ({"data": [WITHIN], "usage": None}, Usage(images=1)),
    ],
)
def test_what_was_made_is_counted_and_passes_as_it_came(answer: Any, usage: Usage) -> None:
    raw = json.dumps(answer, indent=1).encode()
    relay = _fed(raw)

    assert relay.finish() == raw
    assert relay.usage == usage


@pytest.mark.req("S-71")
@pytest.mark.parametrize(
    "data",
    [
        *(None, [], [{}], [LINK] * 3, [{"url": None}], [{"url": 1}], [{"b64_json": 1}]),
        *([{"url": "javascript:alert(1)"}], [{"url": "file:///etc/passwd"}], ["x"]),
    ],
)
def test_what_is_no_image_does_not_pass(data: Any) -> None:
    with pytest.raises(UpstreamBroke):
        _fed(json.dumps({"data": data}).encode()).finish()


def _body(**members: Any) -> bytes:
    return json.dumps({"model": "m", "prompt": "a toll house", **members}).encode()


def _fed(answer: bytes) -> Relay:
    relay = OpenAIImages().relay(OpenAIImages().peek(_body(n=2)))
    relay.feed(answer)
    return relay
