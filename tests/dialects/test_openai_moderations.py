from __future__ import annotations

import json
from typing import Any

import pytest

from tollhouse.dialects.openai_moderations import USUAL_MODEL, OpenAIModerations
from tollhouse.domain.errors import FieldInvalid, UpstreamBroke
from tollhouse.domain.models import Leg
from tollhouse.domain.snapshot import Target
from tollhouse.domain.tasks import Task

LEG = Leg(Target("up", "openai", "m-real"), None, 1, 0, 0)
RESULT = {"flagged": False, "categories": {"hate": False}, "category_scores": {"hate": 0.1}}
PICTURE = "data:image/png;base64," + "A" * 500

pytestmark = pytest.mark.req("OT-48")


@pytest.mark.parametrize(
    ("given", "results", "images"),
    [
        ("a", 1, 0),
        (["a", "b"], 2, 0),
        (
            [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": PICTURE}}],
            1,
            1,
        ),
    ],
)
def test_texts_are_judged_each_and_parts_together(given: Any, results: int, images: int) -> None:
    body = _body(input=given)

    ask = OpenAIModerations().peek(body)

    assert (ask.messages, ask.images, ask.task) == (results, images, Task.MODERATIONS)
    assert ask.input_bytes == len(body) - images * len(PICTURE)
    assert (ask.max_output, ask.expects_usage) == (0, False)


@pytest.mark.parametrize("given", [None, "", [], 1, {}, ["a", {"text": "b"}], ["a"] * 2049])
def test_what_cannot_be_judged_is_refused(given: Any) -> None:
    with pytest.raises(FieldInvalid) as refused:
        OpenAIModerations().peek(_body(input=given))

    assert refused.value.param == "input"


def test_who_names_no_model_gets_openais_own_and_the_target_is_told_its_name() -> None:
    body = b'{"input":"a"}'

    ask = OpenAIModerations().peek(body)

    assert ask.model == USUAL_MODEL
    assert json.loads(OpenAIModerations().outgoing(body, ask, LEG)) == {
        "input": "a",
        "model": "m-real",
    }


def test_so_many_texts_are_judged_at_once() -> None:
    assert OpenAIModerations().peek(_body(input=["a"] * 2048)).messages == 2048


def test_a_judgement_is_no_stream() -> None:
    with pytest.raises(FieldInvalid) as refused:
        OpenAIModerations().peek(_body(stream=True))

    assert refused.value.param == "stream"


@pytest.mark.parametrize("wrong", ["", 1, []])
def test_a_model_that_is_no_name_is_refused(wrong: Any) -> None:
    with pytest.raises(FieldInvalid):
        OpenAIModerations().peek(_body(model=wrong))


def test_a_judgement_for_each_passes_as_it_came() -> None:
    answer = json.dumps({"id": "x", "results": [RESULT, RESULT]}, indent=2).encode()

    assert _finished(answer) == answer


@pytest.mark.req("S-71")
@pytest.mark.parametrize(
    "answer",
    [
        *(
            {},
            {"results": []},
            {"results": [RESULT]},
            {"results": [RESULT] * 3},
            {"results": {"a": 1}},
        ),
        {"results": [{"categories": {}}] * 2},
        {"results": [{**RESULT, "flagged": "no"}] * 2},
    ],
)
def test_what_is_no_judgement_does_not_pass(answer: Any) -> None:
    with pytest.raises(UpstreamBroke):
        _finished(json.dumps(answer).encode())


def _body(**members: Any) -> bytes:
    return json.dumps({"model": "m", "input": "a", **members}).encode()


def _finished(answer: bytes) -> bytes:
    relay = OpenAIModerations().relay(OpenAIModerations().peek(_body(input=["a", "b"])))
    relay.feed(answer)
    return relay.finish()
