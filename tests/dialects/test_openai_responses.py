from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.dialects import strict_json
from tollhouse.dialects.fields import REFUSED
from tollhouse.dialects.openai_responses import OpenAIResponses
from tollhouse.dialects.responses_ask import BOUND, KEPT_ELSEWHERE
from tollhouse.dialects.responses_relay import ResponseStream, WholeResponse
from tollhouse.domain.errors import (
    FieldInvalid,
    FieldRefused,
    JsonDuplicateKey,
    NotTranslatable,
    RateLimited,
)
from tollhouse.domain.homes import Home, Thought
from tollhouse.domain.models import Leg
from tollhouse.domain.pricing import Price
from tollhouse.domain.snapshot import Target

SAID = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}
SEARCH = {"type": "web_search", "external_web_access": False}
LOOK = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}
PRICE = Price(1, "m", 1, 1, 0, 0)
OURS = {*KEPT_ELSEWHERE, "model", "input", BOUND, "stream", "tools", "include"}

_further = st.dictionaries(
    st.text(min_size=1).filter(lambda name: name not in REFUSED | OURS),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ),
    max_size=5,
)


def test_an_ask_is_read_as_far_as_a_decision_needs_it() -> None:
    body = _body(stream=True, max_output_tokens=9, input=[SAID, SAID], instructions="be brief")

    ask = OpenAIResponses().peek(body)

    assert (ask.model, ask.is_stream, ask.wants_usage) == ("m", True, True)
    assert (ask.choices, ask.max_output, ask.messages) == (1, 9, 3)
    assert (ask.input_bytes, ask.images, ask.unpriced_features) == (len(body), 0, ())


@pytest.mark.req("R-5")
def test_null_is_as_good_as_absent() -> None:
    optional = ("stream", BOUND, "tools", "previous_response_id", "background", "service_tier")

    ask = OpenAIResponses().peek(_body(**dict.fromkeys(optional)))

    assert (ask.is_stream, ask.max_output, ask.tools, ask.unpriced_features) == (
        *(False, None, frozenset()),
        (),
    )


@pytest.mark.req("R-8")
def test_each_tool_is_known_by_its_name_or_by_its_kind() -> None:
    tools = [
        LOOK,
        {"type": "custom", "name": "apply"},
        {"type": "namespace", "name": "eyes", "tools": [{"type": "function", "name": "see"}]},
        {"type": "local_shell"},
        SEARCH,
    ]
    later = {"type": "additional_tools", "role": "developer", "tools": [{**LOOK, "name": "late"}]}
    found = {"type": "tool_search_output", "tools": [{**LOOK, "name": "found"}]}

    ask = OpenAIResponses().peek(_body(tools=tools, input=[later, found, SAID]))

    assert ask.tools == {
        *(
            "look",
            "apply",
            "apply()",
            "see",
            "eyes.see",
            "eyes__see",
            "late",
            "found",
            ":local_shell",
            ":web_search",
        ),
    }


def test_images_count_as_images_wherever_they_stand() -> None:
    picture = "data:image/png;base64," + "A" * 5000
    items = [
        {"role": "user", "content": [{"type": "input_image", "image_url": picture}]},
        {
            "type": "function_call_output",
            "call_id": "c",
            "output": [{"type": "input_image", "image_url": "https://example.com/x.png"}],
        },
        {
            "type": "computer_call_output",
            "call_id": "c",
            "output": {"type": "computer_screenshot", "image_url": picture},
        },
    ]
    body = _body(input=items)

    ask = OpenAIResponses().peek(body)

    assert (ask.images, ask.input_bytes) == (3, len(body) - 2 * len(picture))


@pytest.mark.req("P-7", "OT-9")
@pytest.mark.parametrize(
    ("member", "feature"),
    [
        ({"service_tier": "priority"}, "service_tier"),
        *(({"tools": [{"type": kind}]}, "tools") for kind in ("file_search", "code_interpreter")),
        *(({"tools": [{"type": kind}]}, "tools") for kind in ("image_generation", "mcp", "new")),
        ({"tools": [{"type": "shell", "environment": {"type": "container_auto"}}]}, "tools"),
        ({"tools": [SEARCH], "tool_choice": {"type": "web_search"}}, "tool_choice"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "x"}]}]},
            "input",
        ),
        ({"input": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "input"),
        ({"input": [{"type": "tool_search_output", "tools": [SEARCH]}]}, "input"),
    ],
)
def test_what_is_billed_apart_is_named(member: dict[str, Any], feature: str) -> None:
    assert OpenAIResponses().peek(_body(**member)).unpriced_features == (feature,)


@pytest.mark.req("R-8")
@pytest.mark.parametrize(
    "tool",
    [
        *(LOOK, SEARCH, {"type": "custom", "name": "x"}, {"type": "local_shell"}),
        {"type": "namespace", "name": "n", "tools": [LOOK]},
        {"type": "shell", "environment": {"type": "local"}},
        {"type": "tool_search"},
    ],
)
def test_the_tools_that_agents_send_have_no_price_of_their_own(tool: dict[str, Any]) -> None:
    assert OpenAIResponses().peek(_body(tools=[tool])).unpriced_features == ()


@pytest.mark.req("R-6")
@pytest.mark.parametrize(
    "member",
    [
        {"conversation": "conv_1"},
        {"conversation": {"id": "conv_1"}},
        {"background": True},
        {"prompt": {"id": "pmpt_1"}},
        {"input": [{"type": "item_reference", "id": "msg_1"}]},
        {"input": [{"type": "item_reference", "id": f"msg_{'0' * 32}_0"}]},
        {"input": [{"type": "item_reference", "id": f"rs_{'0' * 48}"}]},
        {"input": [{"type": "item_reference"}]},
        {"input": [{"id": "msg_1"}]},
        {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}]},
        {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "file-1"}]}]},
        {"tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]},
        {"tools": [{"type": "code_interpreter", "container": "cntr_1"}]},
        {"tools": [{"type": "code_interpreter", "container": {"file_ids": ["file-1"]}}]},
    ],
)
def test_what_counts_on_state_at_the_provider_is_refused_by_name(member: dict[str, Any]) -> None:
    with pytest.raises(FieldRefused) as refused:
        OpenAIResponses().peek(_body(**member))

    assert [refused.value.param] == list(member)


@pytest.mark.req("R-6", "P-15")
def test_a_thought_of_ours_that_is_named_by_its_id_is_left_behind_and_named() -> None:
    """The AI SDK sends no more of it, as it takes us for OpenAI, which keeps it."""
    reference = {"type": "item_reference", "id": f"rs_{'0a' * 16}_3"}
    body = _body(input=[{"role": "user", "content": "x"}, reference])

    OpenAIResponses().peek(body)
    said = OpenAIResponses().decode(body)

    assert said.unsaid == ("input.item_reference",)
    assert len(said.messages) == 1


def test_a_schema_may_speak_of_files_and_containers() -> None:
    properties = {"file_id": {"type": "string"}, "container": "x"}

    ask = OpenAIResponses().peek(_body(tools=[{**LOOK, "parameters": {"properties": properties}}]))

    assert ask.tools == {"look"}


@pytest.mark.req("S-13", "S-65")
@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_member_that_would_steer_is_refused_by_name(name: str) -> None:
    with pytest.raises(FieldRefused) as refused:
        OpenAIResponses().peek(_body(**{name: None}))

    assert refused.value.param == name


@pytest.mark.req("R-5")
@pytest.mark.parametrize(
    "member",
    [
        *({"input": value} for value in (None, "", [], {}, 1, ["x"], [None], [[]], [{}])),
        *({"input": [{"type": kind}]} for kind in (1, None, "message", [])),
        *({"input": [{"role": role, "content": "x"}]} for role in (1, None, "tool", "\u0455ystem")),
        {"input": [{"type": "additional_tools", "tools": []}]},
        {"model": ""},
        {"model": None},
        {"stream": "yes"},
        *({BOUND: value} for value in (True, 0, -1, 1.0, "1", 2**53 + 1)),
        *({"tools": value} for value in ({}, "x", [1])),
        {"tools": [{"type": "namespace", "name": "n", "tools": {}}]},
        {"top_logprobs": 129},
        {"instructions": "a\0b"},
        {"text": {"format": {"type": "json_schema", "schema": {"$ref": "https://example.com"}}}},
        {"tools": [{**LOOK, "parameters": {"$ref": "file:///etc"}}]},
    ],
)
def test_what_is_not_of_the_dialect_is_refused_by_name(member: dict[str, Any]) -> None:
    with pytest.raises((FieldInvalid, FieldRefused)) as refused:
        OpenAIResponses().peek(_body(**member))

    assert [refused.value.param] == list(member)


def test_a_name_that_comes_twice_is_refused() -> None:
    with pytest.raises(JsonDuplicateKey):
        OpenAIResponses().peek(b'{"model":"m","input":"x","input":"y"}')


@pytest.mark.req("P-18", "B-4", "S-1", "P-12")
@given(_further, st.booleans(), st.integers(1, 10**6))
def test_every_other_member_leaves_with_its_own_bytes_and_each_name_once(
    further: dict[str, Any], is_stream: bool, tokens: int
) -> None:
    body = _body(**{"include": ["reasoning.encrypted_content"], **further}, stream=is_stream)

    outgoing = _outgoing(body, _leg(tokens))

    before, after = strict_json.members(body), strict_json.members(outgoing)
    assert json.loads(bytes(after.pop("model"))) == "m-real"
    assert json.loads(bytes(after.pop(BOUND))) == tokens
    del before["model"]
    assert {k: bytes(v) for k, v in after.items()} == {k: bytes(v) for k, v in before.items()}


@pytest.mark.req("R-6")
def test_what_is_gone_on_from_leaves_under_the_name_its_provider_knows() -> None:
    dialect, body = OpenAIResponses(), _body(previous_response_id="resp_sealed")
    ask = dialect.peek(body)

    sent = dialect.outgoing(body, replace(ask, home=Home("up:m-real", "resp_1", 1)), _leg())

    assert ask.previous == "resp_sealed"
    assert json.loads(sent)["previous_response_id"] == "resp_1"


@pytest.mark.req("R-8", "P-12")
def test_a_thought_goes_home_as_it_came_and_every_other_member_keeps_its_bytes() -> None:
    raw = b'{"model":"m","input":[{"role" : "user","content":"1e0"}, %b]}'
    thought = b'{"type":"reasoning","id":"rs_1","encrypted_content":"%b","n":1.0}'
    body = raw % (thought % b"thr_a.own\\/")

    sent = _outgoing_with({"thr_a.own/": Thought("up", "own/")}, body)

    assert OpenAIResponses().peek(body).encrypted == ("thr_a.own/",)
    expected = raw.replace(b", %b", b",%b") % (thought % b"own/")
    assert bytes(strict_json.members(sent)["input"]) == bytes(
        strict_json.members(expected)["input"]
    )


@pytest.mark.req("R-8", "P-12")
def test_a_thought_of_another_provider_stays_behind_is_named_and_nothing_asks_for_it() -> None:
    own, other = "thr_a.own", "thr_b.other"
    items = [
        {**SAID, "type": None, "id": "msg_1"},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": other},
        {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "look", "arguments": ""},
        {"type": "function_call_output", "call_id": "c", "output": "blue"},
        {"type": "web_search_call", "id": "ws_1"},
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": own},
    ]
    thoughts = {own: Thought("up", "own"), other: Thought("elsewhere", "other")}
    body = _body(input=items)

    sent = json.loads(_outgoing_with(thoughts, body))["input"]

    assert [(each.get("type"), each.get("id")) for each in sent] == [
        *((None, None), ("function_call", None), ("function_call_output", None)),
        *(("web_search_call", "ws_1"), ("reasoning", None)),
    ]
    assert sent[-1]["encrypted_content"] == "own"
    ask = replace(OpenAIResponses().peek(body), thoughts=thoughts)
    assert OpenAIResponses().left_out(ask, _leg(price=PRICE)) == ("input.reasoning",)


def test_what_stands_for_a_conversation_is_not_left_behind() -> None:
    items = [{"type": "compaction", "encrypted_content": "thr_b.other"}, SAID]

    with pytest.raises(NotTranslatable):
        _outgoing_with({"thr_b.other": Thought("elsewhere", "other")}, _body(input=items))


@pytest.mark.parametrize("given", ["", 1, {}, ["resp_1"], True])
def test_what_is_gone_on_from_has_an_id(given: Any) -> None:
    with pytest.raises(FieldInvalid):
        OpenAIResponses().peek(_body(previous_response_id=given))


@pytest.mark.req("R-8", "P-7")
def test_a_search_that_has_no_price_is_left_out_and_the_other_tools_keep_their_bytes() -> None:
    body = _body(tools=[SEARCH, LOOK, {"type": "web_search_preview"}])

    priced = strict_json.members(_outgoing(body, _leg(price=PRICE)))
    free = strict_json.members(_outgoing(body, _leg()))

    ask = OpenAIResponses().peek(body)
    assert OpenAIResponses().left_out(ask, _leg(price=PRICE)) == (
        *("tools.web_search", "tools.web_search_preview"),
    )
    assert OpenAIResponses().left_out(ask, _leg()) == ()
    assert bytes(priced["tools"]) == b"[" + json.dumps(LOOK).encode() + b"]"
    assert bytes(free["tools"]) == bytes(strict_json.members(body)["tools"])


def test_a_stream_and_a_whole_answer_have_their_relays() -> None:
    dialect = OpenAIResponses()

    assert isinstance(dialect.relay(dialect.peek(_body(stream=True))), ResponseStream)
    assert isinstance(dialect.relay(dialect.peek(_body())), WholeResponse)


@pytest.mark.req("R-12")
def test_a_problem_has_the_shape_of_openais_and_a_stream_fails_as_a_response() -> None:
    dialect, problem = OpenAIResponses(), RateLimited("slowly")

    error = json.loads(dialect.problem(problem, "r-1"))["error"]
    told = dialect.problem_event(problem, "r-1")

    assert (error["message"], error["code"]) == ("slowly", "rate_limited")
    assert told.startswith(b"event: response.created\ndata: ")
    assert b'event: response.failed\ndata: {"type":"response.failed"' in told
    assert b'"error":{"code":"rate_limited","message":"slowly"}' in told


def test_a_reference_to_elsewhere_is_seen_however_it_is_written() -> None:
    body = _body(tools=[{**LOOK, "parameters": {"$ref": "file:///etc"}}])

    with pytest.raises(FieldInvalid):
        OpenAIResponses().peek(body.replace(b"$ref", b"\\u0024ref"))


@pytest.mark.parametrize(
    "item", [{}, {"type": "message", "id": "m", "content": "x"}, {"role": ["user"], "content": "x"}]
)
def test_an_item_without_a_role_names_nothing_that_is_kept(item: dict[str, Any]) -> None:
    with pytest.raises(FieldInvalid):
        OpenAIResponses().peek(_body(input=[item]))


@pytest.mark.parametrize(
    ("content", "images"),
    [
        (["x", 7], 0),
        ([{"type": "input_image", "image_url": {"url": "data:image/png;base64,AA"}}], 1),
    ],
)
def test_what_stands_beside_text_may_be_of_no_form(content: list[Any], images: int) -> None:
    ask = OpenAIResponses().peek(_body(input=[{"role": "user", "content": content}]))

    assert ask.images == images
    assert ask.unpriced_features == ()


def test_a_function_that_must_be_called_is_no_search() -> None:
    choice = {"type": "function", "name": "look"}

    assert OpenAIResponses().peek(_body(tool_choice=choice)).unpriced_features == ()


def test_tools_come_in_the_items_that_carry_them_and_in_no_others() -> None:
    item = {"role": "user", "content": "x", "tools": [LOOK]}

    assert OpenAIResponses().peek(_body(input=[item])).tools == frozenset()


def _outgoing(body: bytes, leg: Leg) -> bytes:
    dialect = OpenAIResponses()
    return dialect.outgoing(body, dialect.peek(body), leg)


def _outgoing_with(thoughts: dict[str, Thought], body: bytes) -> bytes:
    dialect = OpenAIResponses()
    return dialect.outgoing(body, replace(dialect.peek(body), thoughts=thoughts), _leg())


def _body(**members: Any) -> bytes:
    return json.dumps({"model": "m", "input": "hello", **members}).encode()


def _leg(tokens: int = 7, price: Price | None = None) -> Leg:
    return Leg(Target("up", "openai", "m-real"), price, 1, tokens, 0)
