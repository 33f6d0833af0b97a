from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.dialects.openai_completions import USUAL_OUTPUT, OpenAICompletions
from tollhouse.domain.errors import FieldInvalid, UpstreamBroke, UpstreamFailed
from tollhouse.domain.models import Leg
from tollhouse.domain.pricing import Usage
from tollhouse.domain.snapshot import Target
from tollhouse.domain.tasks import Task
from tollhouse.ports import Relay

LEG = Leg(Target("up", "openai", "m-real", "max_completion_tokens"), None, 1, 7, 0)
USAGE = {"prompt_tokens": 4, "completion_tokens": 2}

pytestmark = pytest.mark.req("OL-30")


@pytest.mark.parametrize(
    ("members", "prompts", "tokens", "choices"),
    [
        ({"prompt": "a"}, 1, 0, 1),
        ({"prompt": ["a", "b"], "n": 3}, 2, 0, 6),
        ({"prompt": [1, 2, 3], "n": 2, "best_of": 5}, 1, 3, 5),
        ({"prompt": [[1], [2, 3]]}, 2, 3, 2),
        ({"prompt": [0, 2**31 - 1]}, 1, 2, 1),
    ],
)
def test_each_prompt_may_have_several_answers(
    members: Any, prompts: int, tokens: int, choices: int
) -> None:
    ask = OpenAICompletions().peek(_body(**members))

    assert (ask.messages, ask.tokens, ask.choices) == (prompts, tokens, choices)
    assert ask.task is Task.COMPLETIONS


def test_who_does_not_say_how_much_gets_what_openai_gives() -> None:
    assert OpenAICompletions().peek(_body()).max_output == USUAL_OUTPUT == 16
    assert OpenAICompletions().peek(_body(max_tokens=None)).max_output == 16
    assert OpenAICompletions().peek(_body(max_tokens=300)).max_output == 300


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *(("prompt", wrong) for wrong in (None, "", [], [""], 1, {"a": 1}, ["a", 1])),
        *(("max_tokens", wrong) for wrong in (0, -1, "9", 1.5)),
        *(("n", wrong) for wrong in (0, 129, True)),
        *(("stream", 1), ("stop", ["x"] * 129), ("logprobs", 1000), ("stream_options", [])),
    ],
)
def test_a_member_of_a_wrong_kind_is_refused_by_name(name: str, wrong: Any) -> None:
    with pytest.raises(FieldInvalid) as refused:
        OpenAICompletions().peek(
            _body(stream=True, **{name: wrong}) if name != "stream" else _body(stream=wrong)
        )

    assert refused.value.param == name


@pytest.mark.req("P-7")
def test_a_dearer_tier_is_named() -> None:
    ask = OpenAICompletions().peek(_body(service_tier="priority"))

    assert ask.unpriced_features == ("service_tier",)
    assert OpenAICompletions().peek(_body()).unpriced_features == ()


def test_usage_is_shown_in_a_stream_alone() -> None:
    wished = {"stream_options": {"include_usage": True}}

    assert OpenAICompletions().peek(_body(stream=True, **wished)).wants_usage
    assert not OpenAICompletions().peek(_body(**wished)).wants_usage


def test_model_bound_and_usage_are_set_and_nothing_else() -> None:
    body = _body(stream=True, suffix="z", echo=True, stream_options={"x": 1})

    sent = json.loads(OpenAICompletions().outgoing(body, OpenAICompletions().peek(body), LEG))

    assert sent == {
        **json.loads(body),
        "model": "m-real",
        "max_tokens": 7,
        "stream_options": {"x": 1, "include_usage": True},
    }


@pytest.mark.parametrize(
    ("leg", "is_stream"),
    [(LEG, False), (replace(LEG, target=replace(LEG.target, asks_usage=False)), True)],
)
def test_usage_is_asked_for_in_a_stream_of_who_tells_it(leg: Leg, is_stream: bool) -> None:
    body = _body(stream=is_stream)

    sent = OpenAICompletions().outgoing(body, OpenAICompletions().peek(body), leg)

    assert "stream_options" not in json.loads(sent)


def test_what_is_no_stream_keeps_its_options() -> None:
    body = _body(stream_options={"x": 1})

    sent = OpenAICompletions().outgoing(body, OpenAICompletions().peek(body), LEG)

    assert json.loads(sent)["stream_options"] == {"x": 1}


def test_a_choice_may_have_no_text() -> None:
    chunk = _event("").replace(b'"text": ""', b'"text": null')
    assert b"null" in chunk

    assert _relay(stream=True).feed(chunk) == chunk


@pytest.mark.req("R-9", "R-10")
@given(st.integers(1, 60))
def test_a_stream_passes_whole_events_however_it_was_cut(size: int) -> None:
    stream = (
        _event("hi")
        + b": ping\n\n"
        + _event('"name"')
        + _event("", "stop")
        + _usage()
        + b"data: [DONE]\n\n"
    )
    relay, out = _relay(stream=True), b""

    for at in range(0, len(stream), size):
        out += relay.feed(stream[at : at + size])
    out += relay.finish()

    assert out == _event("hi") + _event('"name"') + _event("", "stop") + b"data: [DONE]\n\n"
    assert relay.usage == Usage(4, 2)


@pytest.mark.req("R-10")
def test_an_end_without_a_reason_gets_one() -> None:
    relay = _relay(stream=True, n=2)

    out = relay.feed(_event("hi") + b"data: [DONE]\n\n")

    made = json.loads(out.split(b"\n\n")[1].removeprefix(b"data: "))
    assert [choice["finish_reason"] for choice in made["choices"]] == ["stop", "stop"]
    assert made["choices"][1]["text"] == ""
    assert made["object"] == "text_completion"


@pytest.mark.req("R-10", "S-71")
@pytest.mark.parametrize(
    ("stream", "failure"),
    [
        (b"data: {\n\n", UpstreamBroke),
        (b'data: {"choices":[{"text":{"a":1}}]}\n\n', UpstreamBroke),
        (b'data: {"choices":[{"text":7}]}\n\n', UpstreamBroke),
        (b'data: {"error":{"message":"x"}}\n\n', UpstreamFailed),
    ],
)
def test_what_is_no_text_ends_the_stream(stream: bytes, failure: type[Exception]) -> None:
    relay = _relay(stream=True)

    assert relay.feed(stream) == b""

    assert isinstance(relay.failure, failure)


@pytest.mark.req("R-10")
def test_half_a_stream_has_no_end() -> None:
    relay = _relay(stream=True)
    relay.feed(_event("half of it"))

    with pytest.raises(UpstreamBroke):
        relay.finish()
    assert relay.counted_output() == 4


def test_an_answer_in_one_piece_passes_as_it_came() -> None:
    answer = json.dumps({"choices": [{"text": 'hi "name"', "index": 0}], "usage": USAGE}).encode()
    relay = _relay()
    relay.feed(answer)

    assert relay.finish() == answer
    assert relay.usage == Usage(4, 2)
    assert relay.counted_output() == 3


@pytest.mark.req("S-71")
@pytest.mark.parametrize(
    "answer", [b"{}", b'{"choices":{}}', b'{"choices":[{"text":[]}]}', b'{"choices":[1]}', b"x"]
)
def test_what_is_no_answer_does_not_pass(answer: bytes) -> None:
    relay = _relay()
    relay.feed(answer)

    with pytest.raises(UpstreamBroke):
        relay.finish()


def _body(**members: Any) -> bytes:
    return json.dumps({"model": "m", "prompt": "once", **members}).encode()


def _relay(**members: Any) -> Relay:
    return OpenAICompletions().relay(OpenAICompletions().peek(_body(**members)))


def _event(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "text": text, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


def _usage() -> bytes:
    return b"data: " + json.dumps({"choices": [], "usage": USAGE}).encode() + b"\n\n"
