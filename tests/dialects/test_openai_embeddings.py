from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.dialects.fields import REFUSED
from tollhouse.dialects.openai_embeddings import MOST_DIMENSIONS, OpenAIEmbeddings
from tollhouse.dialects.openai_inputs import MOST_INPUTS
from tollhouse.domain.errors import (
    FieldInvalid,
    FieldRefused,
    JsonDuplicateKey,
    UpstreamBroke,
    UpstreamFailed,
)
from tollhouse.domain.models import Leg
from tollhouse.domain.pricing import Usage
from tollhouse.domain.snapshot import Target
from tollhouse.domain.tasks import Task
from tollhouse.ports import Relay

LEG = Leg(Target("up", "openai-compatible", "m-real"), None, 1, 0, 0)
VECTOR = {"object": "embedding", "index": 0, "embedding": [0.5, -1]}
USAGE = {"prompt_tokens": 7, "total_tokens": 7}

pytestmark = pytest.mark.req("R-14", "OT-46")


@pytest.mark.parametrize(
    ("given", "inputs", "tokens"),
    [
        ("hello", 1, 0),
        (["hello", "world"], 2, 0),
        ([1, 2, 3], 1, 3),
        ([[1, 2], [3]], 2, 3),
        ([[7]] * MOST_INPUTS, MOST_INPUTS, MOST_INPUTS),
    ],
)
def test_texts_and_tokens_are_weighed(given: Any, inputs: int, tokens: int) -> None:
    body = _body(input=given)

    ask = OpenAIEmbeddings().peek(body)

    assert (ask.model, ask.task, ask.is_stream) == ("m", Task.EMBEDDINGS, False)
    assert (ask.messages, ask.tokens, ask.input_bytes) == (inputs, tokens, len(body))


def test_nothing_is_produced_so_nothing_is_held_for_it() -> None:
    ask = OpenAIEmbeddings().peek(_body())

    assert (ask.max_output, ask.predicted_bytes) == (0, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        *(None, "", [], {}, 7, True, [""], ["a", ""], ["a", 1], [1, "a"], [1, [2]], [[]], [[1], []]),
        *([[1], ["a"]], [1.5], [True], [-1], [2**31], [[-1]], [None], [{"text": "a"}]),
        ["a"] * (MOST_INPUTS + 1),
    ],
)  # fmt: skip
def test_what_is_neither_text_nor_tokens_is_refused(wrong: Any) -> None:
    with pytest.raises(FieldInvalid) as refused:
        OpenAIEmbeddings().peek(_body(input=wrong))

    assert refused.value.param == "input"


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        *(("model", wrong) for wrong in (None, "", 1, ["m"])),
        *(("dimensions", wrong) for wrong in (0, -1, 1.5, "8", True, MOST_DIMENSIONS + 1)),
        *(("encoding_format", wrong) for wrong in ("bytes", 1, ["float"], "")),
        *(("stream", wrong) for wrong in (True, "no")),
    ],
)
def test_a_member_of_a_wrong_kind_is_refused_by_name(name: str, wrong: Any) -> None:
    with pytest.raises(FieldInvalid) as refused:
        OpenAIEmbeddings().peek(_body(**{name: wrong}))

    assert refused.value.param == name


@pytest.mark.req("R-5")
def test_null_is_as_good_as_absent() -> None:
    body = _body(dimensions=None, encoding_format=None, user=None, stream=None)

    assert OpenAIEmbeddings().peek(body).task is Task.EMBEDDINGS


@pytest.mark.req("S-13", "S-65")
@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_member_that_would_steer_is_refused(name: str) -> None:
    with pytest.raises(FieldRefused):
        OpenAIEmbeddings().peek(_body(**{name: None}))


def test_a_member_that_comes_twice_is_refused() -> None:
    with pytest.raises(JsonDuplicateKey):
        OpenAIEmbeddings().peek(b'{"model":"m","model":"n","input":"x"}')


@pytest.mark.req("R-5")
def test_only_the_name_of_the_model_is_set() -> None:
    body = b'{"input": ["a",  "\\u00e9"], "x": [1.50, {"y":null}], "model": "m", "encoding_format":"base64"}'

    sent = OpenAIEmbeddings().outgoing(body, OpenAIEmbeddings().peek(body), LEG)

    assert json.loads(sent) == {**json.loads(body), "model": "m-real"}
    assert b'["a",  "\\u00e9"]' in sent
    assert b'[1.50, {"y":null}]' in sent


@given(st.integers(1, 40))
def test_an_answer_passes_as_it_came_however_it_was_cut(size: int) -> None:
    answer = json.dumps({"object": "list", "data": [VECTOR], "usage": USAGE}, indent=1).encode()
    relay = _relay()

    for at in range(0, len(answer), size):
        assert relay.feed(answer[at : at + size]) == b""

    assert relay.finish() == answer
    assert relay.usage == Usage(input=7)


@pytest.mark.req("R-19")
def test_the_model_bears_the_name_it_was_asked_by() -> None:
    relay = _fed({"data": [VECTOR], "model": "text-embedding-internal-7", "usage": USAGE})

    assert json.loads(relay.finish())["model"] == "m"


def test_base64_passes_too() -> None:
    relay = _fed({"data": [{**VECTOR, "embedding": "AAAAPw=="}], "usage": USAGE})

    assert b"AAAAPw==" in relay.finish()


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"total_tokens": 9}, Usage(input=9)),
        ({"prompt_tokens": 3, "total_tokens": 9}, Usage(input=3)),
        ({"prompt_tokens": 3, "completion_tokens": 50}, Usage(input=3)),
        ({"prompt_tokens": -3}, None),
        ({"prompt_tokens": 10**13}, None),
        ({"prompt_tokens": "3"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_usage_is_what_went_in(usage: Any, expected: Usage | None) -> None:
    relay = _fed({"data": [VECTOR], "usage": usage})

    relay.finish()

    assert relay.usage == expected
    assert relay.counted_output() == 0


@pytest.mark.req("S-71", "R-10")
@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"data":null}',
        b'{"data":{}}',
        b'{"data":[]}',
        b'{"data":[{"embedding":[1]},{"embedding":[2]}]}',
        b'{"data":[{"index":0}]}',
        b'{"data":[{"embedding":null}]}',
        b'{"data":[{"embedding":{"a":1}}]}',
        b'{"data":[{"embedding":[1]}]',
        b'{"data":[{"embedding":"\xff"}]}',
    ],
)
def test_what_is_no_answer_does_not_pass(answer: bytes) -> None:
    relay = _relay()
    relay.feed(answer)

    with pytest.raises(UpstreamBroke):
        relay.finish()


@pytest.mark.req("S-71")
def test_an_error_under_status_200_is_an_error() -> None:
    relay = _fed({"error": {"message": "out of memory on gpu-7", "type": "x"}, "data": [VECTOR]})

    with pytest.raises(UpstreamFailed) as failed:
        relay.finish()

    assert "gpu-7" not in failed.value.detail


def _body(**members: Any) -> bytes:
    return json.dumps({"model": "m", "input": "hello", **members}).encode()


def _relay() -> Relay:
    return OpenAIEmbeddings().relay(OpenAIEmbeddings().peek(_body()))


def _fed(answer: dict[str, Any]) -> Relay:
    relay = _relay()
    relay.feed(json.dumps(answer).encode())
    return relay
