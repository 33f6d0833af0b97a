"""What a body in Ollama's API asks for, as far as a decision needs it, and what leaves in its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tollhouse.dialects.ollama_chat import OllamaChat
from tollhouse.dialects.ollama_embed import OllamaEmbeddings
from tollhouse.dialects.ollama_generate import OllamaGenerate
from tollhouse.domain.errors import FieldInvalid, FieldRefused, Refusal
from tollhouse.domain.models import Ask, Leg
from tollhouse.domain.snapshot import Target

LEG = Leg(Target("up", "ollama", "m-real"), None, 1, 7, 0)
HELLO = [{"role": "user", "content": "hello"}]
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


@pytest.mark.req("R-16", "OL-38")
@pytest.mark.parametrize(
    ("stream", "expected"), [({}, True), ({"stream": True}, True), ({"stream": False}, False)]
)
def test_an_answer_streams_unless_it_is_asked_not_to(
    stream: dict[str, Any], expected: bool
) -> None:
    assert _chat(**stream).is_stream is expected
    assert _generate(**stream).is_stream is expected


@pytest.mark.req("OL-36")
@pytest.mark.parametrize(
    ("num_predict", "bound"),
    [
        *[(5, 5), (5.0, 5), (2**31 - 1, 2**31 - 1)],
        *[(0, None), (-1, None), (-2, None), (None, None)],
    ],
)
def test_the_bound_is_num_predict_where_it_bounds(num_predict: Any, bound: int | None) -> None:
    assert _chat(options={"num_predict": num_predict}).max_output == bound
    assert _generate(options={"num_predict": num_predict}).max_output == bound


@pytest.mark.req("R-16")
@pytest.mark.parametrize(
    ("name", "otherwise"), [("m", "m:latest"), ("m:latest", "m"), ("m:7b", "m:7b:latest")]
)
def test_a_name_is_known_with_and_without_its_usual_tag(name: str, otherwise: str) -> None:
    ask = _chat(model=name)

    assert (ask.model, ask.otherwise) == (name, otherwise)


def test_images_are_counted_as_images_and_not_as_text() -> None:
    plain = _chat()
    image = "iVBORw0KGgo" * 100

    seen = _chat(messages=[{**HELLO[0], "images": [image, image]}])

    assert seen.images == 2
    assert seen.input_bytes < plain.input_bytes + 50
    assert _generate(images=[image]).images == 1


def test_tools_are_known_by_their_names_also_where_the_function_stands_alone() -> None:
    assert _chat(tools=[TOOL, {"name": "fetch", "parameters": {}}]).tools == {"look", "fetch"}


@pytest.mark.req("R-16")
@pytest.mark.parametrize(
    ("keep_alive", "word"),
    [
        (None, "load"),
        ("5m", "load"),
        (-1, "load"),
        (0, "unload"),
        ("0", "unload"),
        ("0s", "unload"),
    ],
)
def test_a_call_without_words_only_loads_a_model_or_lets_it_go(keep_alive: Any, word: str) -> None:
    assert _chat(messages=[], keep_alive=keep_alive).idle == word
    assert _chat(messages=None, keep_alive=keep_alive).idle == word
    assert _generate(prompt="", keep_alive=keep_alive).idle == word
    assert _chat(keep_alive=keep_alive).idle is None
    assert _generate(keep_alive=keep_alive).idle is None


@pytest.mark.req("OL-1")
@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"model": ""}, "model"),
        ({"model": 1}, "model"),
        ({"messages": "hello"}, "messages"),
        ({"messages": {}}, "messages"),
        ({"messages": ["hello"]}, "messages"),
        ({"messages": [{"role": "root", "content": "x"}]}, "messages"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "messages"),
        ({"messages": [{"content": "x"}]}, "messages"),
        ({"messages": [{**HELLO[0], "images": "x"}]}, "images"),
        ({"messages": [{**HELLO[0], "images": [1]}]}, "images"),
        ({"stream": "yes"}, "stream"),
        ({"options": []}, "options"),
        ({"options": {"num_predict": "5"}}, "options.num_predict"),
        ({"options": {"num_predict": []}}, "options.num_predict"),
        ({"options": {"num_predict": True}}, "options.num_predict"),
        ({"options": {"num_predict": 1.5}}, "options.num_predict"),
        ({"options": {"num_predict": 2**31}}, "options.num_predict"),
        ({"options": {"stop": ["x"] * 129}}, "stop"),
        ({"tools": {}}, "tools"),
        ({"tools": [1]}, "tools"),
        ({"tools": [{"function": {}}]}, "tools"),
        ({"tools": [{"function": "look"}]}, "tools"),
        ({"tools": [{"function": {"name": ["look"]}}]}, "tools"),
        ({"tools": [{"name": "a", "parameters": {"$ref": "http://x/y"}}]}, "tools"),
        ({"format": {"properties": {"a": {"$ref": "file:///x"}}}}, "format"),
        ({"top_logprobs": 129}, "top_logprobs"),
        ({"top_logprobs": -1}, "top_logprobs"),
        ({"top_logprobs": "5"}, "top_logprobs"),
        ({"top_logprobs": 1.5}, "top_logprobs"),
        ({"top_logprobs": True}, "top_logprobs"),
    ],
)
def test_what_is_no_body_of_this_api_is_refused_by_name(wrong: dict[str, Any], param: str) -> None:
    with pytest.raises(FieldInvalid) as refused:
        _chat(**wrong)

    assert refused.value.param == param


@pytest.mark.parametrize(
    ("said", "inputs"),
    [({"prompt": "x"}, ["x"]), ({"prompt": ""}, []), ({"prompt": None}, []), ({}, [])],
)
def test_the_older_path_of_embeddings_has_one_text_or_none(
    said: dict[str, Any], inputs: list[str]
) -> None:
    assert OllamaEmbeddings().inputs(said) == inputs


@pytest.mark.parametrize("wished", [0, 1, 128, None])
def test_so_many_likelier_words_may_be_asked_for(wished: int | None) -> None:
    assert _chat(top_logprobs=wished).model == "m"


@pytest.mark.req("OL-1")
def test_a_reference_to_elsewhere_is_seen_however_it_is_written() -> None:
    body = _body(messages=HELLO, format={"REF": "http://x/y"}).replace(b"REF", b"\\u0024ref")

    with pytest.raises(FieldInvalid) as refused:
        OllamaChat().peek(body)

    assert refused.value.param == "format"


@pytest.mark.req("OL-1")
@pytest.mark.parametrize("wrong", [{"prompt": 1}, {"system": []}, {"raw": "x"}, {"images": {}}])
def test_a_prompt_is_judged_alike(wrong: dict[str, Any]) -> None:
    with pytest.raises(FieldInvalid):
        _generate(**wrong)


@pytest.mark.req("S-27")
@pytest.mark.parametrize("member", ["template", "api_base", "chat_template", "extra_headers"])
def test_nobody_steers_the_gateway_or_a_template(member: str) -> None:
    with pytest.raises(FieldRefused):
        _chat(**{member: "{{ range .Messages }}x{{ end }}"})
    with pytest.raises(FieldRefused):
        _generate(**{member: "{{ .Prompt }}{{ .Prompt }}"})


def test_an_empty_template_is_what_some_clients_always_send() -> None:
    assert _generate(template="", system="", context=[], suffix=None).model == "m"


@pytest.mark.parametrize("body", [b"", b"[]", b'{"model":"m","model":"n"}', b'{"a":NaN}', b"{}x"])
def test_the_parse_is_the_strict_one(body: bytes) -> None:
    for dialect in (OllamaChat(), OllamaGenerate()):
        with pytest.raises(Refusal):
            dialect.peek(body)


@pytest.mark.req("B-1", "R-5")
@pytest.mark.parametrize(
    "options", ["", ',"options":null', ',"options":{"num_ctx":4096, "x":[1, 2]}']
)
def test_all_that_leaves_is_what_came_but_for_the_name_and_the_bound(options: str) -> None:
    body = f'{{"model":"m","messages":[{{"role":"user", "content":"é"}}],"keep_alive":-1{options}}}'.encode()
    dialect = OllamaChat()

    outgoing = dialect.outgoing(body, dialect.peek(body), LEG)

    expected = json.loads(body)
    expected["model"] = "m-real"
    expected["options"] = {**(expected.get("options") or {}), "num_predict": 7}
    assert json.loads(outgoing) == expected
    assert '[{"role":"user", "content":"é"}]'.encode() in outgoing


def test_the_bound_of_the_plan_replaces_the_callers() -> None:
    body = _body(messages=HELLO, options={"num_predict": 900, "seed": 1})

    outgoing = OllamaChat().outgoing(body, OllamaChat().peek(body), LEG)

    assert json.loads(outgoing)["options"] == {"num_predict": 7, "seed": 1}


def _chat(**members: Any) -> Ask:
    return OllamaChat().peek(_body(**{"messages": HELLO, **members}))


def _generate(**members: Any) -> Ask:
    return OllamaGenerate().peek(_body(**{"prompt": "hello", **members}))


def _body(**members: Any) -> bytes:
    return json.dumps({"model": "m", **members}).encode()
