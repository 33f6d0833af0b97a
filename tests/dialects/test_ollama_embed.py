"""Ollama's embeddings: before a server of its own, and before a target that has OpenAI's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tollhouse.dialects.ollama_rephrased import EmbedAnywhere, EmbeddingsAnywhere
from tollhouse.dialects.openai_usage import MOST_TOKENS
from tollhouse.domain.errors import FieldInvalid, FieldRefused, UpstreamBroke, UpstreamFailed
from tollhouse.domain.models import Ask, Leg
from tollhouse.domain.pricing import Usage
from tollhouse.domain.snapshot import Target
from tollhouse.ports import Relay

LEG = Leg(Target("up", "openai", "m-real"), None, 1, 7, 0)
EMBED, EMBEDDINGS = EmbedAnywhere(), EmbeddingsAnywhere()
TWO = {"embeddings": [[1.0], [2.0]]}


@pytest.mark.req("OL-3")
@pytest.mark.parametrize(
    ("given", "messages", "idle"),
    [
        ("a", 1, None),
        (["a", "b"], 2, None),
        (["a"] * 2048, 2048, None),
        *((nothing, 0, "load") for nothing in (None, "", [], [""], {}, 0)),
    ],
)
def test_there_is_an_embedding_for_each_text(given: Any, messages: int, idle: str | None) -> None:
    ask = _ask(input=given)

    assert (ask.messages, ask.idle) == (messages, idle)


@pytest.mark.parametrize(
    ("member", "wrong"),
    [
        *(("input", wrong) for wrong in (7, {"a": 1}, [7], ["a", None], ["a"] * 2049)),
        *(("options", []), ("truncate", 1), ("dimensions", 0), ("model", "")),
    ],
)
def test_what_is_wrong_is_named(member: str, wrong: Any) -> None:
    with pytest.raises(FieldInvalid) as refused:
        _ask(**{member: wrong})

    assert refused.value.param == member


@pytest.mark.req("S-27")
def test_what_would_steer_the_gateway_is_refused() -> None:
    with pytest.raises(FieldRefused):
        _ask(api_base="http://evil.example")


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"prompt_eval_count": 4}, Usage(4)),
        ({"prompt_eval_count": 0}, Usage(0)),
        ({"prompt_eval_count": MOST_TOKENS}, Usage(MOST_TOKENS)),
        ({"prompt_eval_count": MOST_TOKENS + 1}, None),
        ({"prompt_eval_count": -1}, None),
        ({}, None),
    ],
)
def test_usage_is_what_is_told_if_it_can_be_believed(told: Any, usage: Usage | None) -> None:
    relay = EMBED.relay(_ask())

    answer = _answered(relay, {**TWO, **told})

    assert answer == {**TWO, **told}
    assert relay.usage == usage


@pytest.mark.parametrize(
    ("told", "shown"),
    [({**TWO, "model": "real"}, {**TWO, "model": "m"}), (TWO, TWO)],
)
def test_an_answer_bears_the_name_that_was_asked(told: Any, shown: Any) -> None:
    assert _answered(EMBED.relay(_ask()), told) == shown


def test_the_older_path_has_one_embedding() -> None:
    ask = EMBEDDINGS.peek(b'{"model":"m","prompt":"a"}')

    assert _answered(EMBEDDINGS.relay(ask), {"embedding": [1.0]}) == {"embedding": [1.0]}
    assert json.loads(EMBEDDINGS.acknowledgement(ask, 0)) == {"embedding": []}
    in_openais_words = EMBEDDINGS.rephrasings[0].relay(ask)
    assert _answered(in_openais_words, {"data": [{"embedding": [1.0]}]}) == {"embedding": [1.0]}


@pytest.mark.req("S-71")
@pytest.mark.parametrize(
    "told",
    [
        *(b"", b"[]", b"{}", b'{"embeddings":[[1]]}', b'{"embedding":[1]}', b'{"embeddings":[["x"],["y"]]}'),
        *(b'{"embeddings":[[1],[2],[3]]}', b'{"embeddings":[[1],[2]],"x":"\xff"}', b"[" * 2000),
    ],
)  # fmt: skip
def test_what_has_no_embedding_for_each_text_does_not_pass(told: bytes) -> None:
    with pytest.raises(UpstreamBroke):
        _passed(EMBED.relay(_ask()), told)


@pytest.mark.req("S-58")
@pytest.mark.parametrize("relaying", [EMBED, EMBED.rephrasings[0]])
def test_an_error_under_a_good_status_is_one(relaying: Any) -> None:
    with pytest.raises(UpstreamFailed):
        _passed(relaying.relay(_ask()), b'{"error":"secret","embeddings":[[1],[2]]}')


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, {}),
        ({"dimensions": 3}, {"dimensions": 3}),
        ({"dimensions": None, "truncate": True, "keep_alive": "5m"}, {}),
    ],
)
def test_openai_is_asked_in_its_own_words(given: Any, said: Any) -> None:
    body = _body(**given)

    told = json.loads(EMBED.rephrasings[0].outgoing(body, EMBED.peek(body), LEG))

    asked = {"model": "m-real", "input": ["a", "b"], "encoding_format": "float"}
    assert told == {**asked, **said}


@pytest.mark.req("R-5", "OL-47")
@pytest.mark.parametrize(
    ("given", "unsaid"),
    [
        ({"truncate": True, "dimensions": 3, "options": {}}, ()),
        ({"truncate": False}, ("truncate",)),
        ({"options": {"num_ctx": 9}}, ("options.num_ctx",)),
        ({"options": None, "keep_alive": "5m"}, ("keep_alive",)),
    ],
)
def test_what_openai_has_no_words_for_is_named(given: Any, unsaid: tuple[str, ...]) -> None:
    assert EMBED.rephrasings[0].unsaid(_body(**given)) == unsaid  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("data", "embeddings"),
    [
        ([{"embedding": [1]}, {"embedding": [2]}], [[1.0], [2.0]]),
        ([{"embedding": [2], "index": 1}, {"embedding": [1], "index": 0}], [[1.0], [2.0]]),
    ],
)
def test_openais_embeddings_are_put_in_order(data: Any, embeddings: Any) -> None:
    relay = EMBED.rephrasings[0].relay(_ask())

    told = _answered(relay, {"data": data, "usage": {"prompt_tokens": 4, "total_tokens": 4}})

    assert told == {"model": "m", "embeddings": embeddings, "prompt_eval_count": 4}
    assert relay.usage == Usage(4)


def test_usage_that_nobody_told_is_not_told_on() -> None:
    relay = EMBED.rephrasings[0].relay(_ask())

    assert "prompt_eval_count" not in _answered(relay, {"data": [{"embedding": [1]}] * 2})


@pytest.mark.req("S-71")
@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        [{"embedding": [1]}],
        [{"embedding": [1]}, {"embedding": "x"}],
        [{"embedding": [1], "index": 0}, {"embedding": [2], "index": 0}],
        [{"embedding": [1], "index": 0}, {"embedding": [2], "index": 2}],
    ],
)
def test_what_is_not_one_embedding_for_each_text_does_not_pass(data: Any) -> None:
    with pytest.raises(UpstreamBroke):
        _answered(EMBED.rephrasings[0].relay(_ask()), {"data": data})


def _body(**members: Any) -> bytes:
    return json.dumps({"model": "m", "input": ["a", "b"], **members}).encode()


def _ask(**members: Any) -> Ask:
    return EMBED.peek(_body(**members))


def _answered(relay: Relay, told: Any) -> Any:
    return json.loads(_passed(relay, json.dumps(told).encode()))


def _passed(relay: Relay, told: bytes) -> bytes:
    assert relay.feed(told) == b""
    return relay.finish()
