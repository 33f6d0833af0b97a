from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.dialects import strict_json
from tollhouse.dialects.fields import REFUSED
from tollhouse.dialects.openai_chat import BOUNDS, OpenAIChat
from tollhouse.dialects.openai_relay import StreamRelay, WholeRelay
from tollhouse.domain.errors import FieldInvalid, FieldRefused
from tollhouse.domain.models import Leg
from tollhouse.domain.snapshot import Target

MESSAGES = [{"role": "user", "content": "hello"}]
SET = {"model", "max_tokens", "max_completion_tokens", "stream_options"}

_further = st.dictionaries(
    st.text(min_size=1).filter(
        lambda name: name not in REFUSED | SET | {"messages", "stream", "n"}
    ),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ).filter(lambda value: not (isinstance(value, str) and "\0" in value)),  # those are refused
    max_size=5,
)


def test_an_ask_is_read_as_far_as_a_decision_needs_it() -> None:
    body = _body(stream=True, stream_options={"include_usage": True}, n=3, max_tokens=9)

    ask = OpenAIChat().peek(body)

    assert (ask.model, ask.is_stream, ask.wants_usage) == ("m", True, True)
    assert (ask.choices, ask.max_output, ask.messages) == (3, 9, 1)
    assert (ask.input_bytes, ask.images, ask.predicted_bytes) == (len(body), 0, 0)
    assert ask.unpriced_features == ()


def test_of_two_bounds_the_smaller_one_holds() -> None:
    ask = OpenAIChat().peek(_body(max_tokens=9, max_completion_tokens=7))

    assert ask.max_output == 7


def test_null_is_as_good_as_absent() -> None:
    ask = OpenAIChat().peek(_body(stream=None, n=None, max_tokens=None, stream_options=None))

    assert (ask.is_stream, ask.choices, ask.max_output, ask.wants_usage) == (False, 1, None, False)


def test_an_image_within_the_body_counts_as_an_image_and_not_as_text() -> None:
    picture = "data:image/png;base64," + "A" * 5000
    parts = [
        {"type": "text", "text": "what is it?"},
        {"type": "image_url", "image_url": {"url": picture}},
        {"type": "image_url", "image_url": {"url": "https://example.com/x.png"}},
    ]
    body = _body(messages=[{"role": "user", "content": parts}])

    ask = OpenAIChat().peek(body)

    assert (ask.images, ask.input_bytes) == (2, len(body) - len(picture))


def test_a_long_link_that_is_no_image_stays_text() -> None:
    parts = [{"type": "image_url", "image_url": {"url": "data:text/plain," + "A" * 5000}}]
    body = _body(messages=[{"role": "user", "content": parts}])

    assert OpenAIChat().peek(body).input_bytes == len(body)


def test_a_prediction_may_be_billed_as_output() -> None:
    body = _body(prediction={"type": "content", "content": "x" * 100})

    assert OpenAIChat().peek(body).predicted_bytes == len(body)


@pytest.mark.req("P-7")
@pytest.mark.parametrize(
    ("member", "feature"),
    [
        ({"service_tier": "priority"}, "service_tier"),
        ({"audio": {"voice": "x"}}, "audio"),
        ({"modalities": ["audio"]}, "audio"),
        ({"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]}, "messages"),
        ({"web_search_options": {}}, "web_search_options"),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]}
                ]
            },
            "messages",
        ),
    ],
)
def test_what_is_billed_apart_is_named(member: dict[str, Any], feature: str) -> None:
    assert OpenAIChat().peek(_body(**member)).unpriced_features == (feature,)


@pytest.mark.parametrize("tier", [None, "auto", "default", "flex"])
def test_a_usual_tier_is_no_extra(tier: str | None) -> None:
    assert OpenAIChat().peek(_body(service_tier=tier)).unpriced_features == ()


@pytest.mark.parametrize("tier", [["priority"], {"a": 1}, 3])
def test_a_tier_of_a_wrong_type_has_no_price_and_breaks_nothing(tier: Any) -> None:
    assert OpenAIChat().peek(_body(service_tier=tier)).unpriced_features == ("service_tier",)


@pytest.mark.req("S-13", "S-65")
@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_member_that_would_steer_is_refused_by_name(name: str) -> None:
    with pytest.raises(FieldRefused) as refused:
        OpenAIChat().peek(_body(**{name: None}))

    assert refused.value.param == name


@pytest.mark.req("H-62")
@pytest.mark.parametrize("named", [{"type": "string"}, 7, None, "#/$defs/a"])
def test_a_member_that_is_called_ref_is_no_reference_to_elsewhere(named: Any) -> None:
    tool = {"function": {"name": "f", "parameters": {"properties": {"$ref": named}}}}

    OpenAIChat().peek(_body(tools=[tool]))


@pytest.mark.parametrize("value", [True, 0, -1, 1.0, "1", [], 2**53 + 1])
@pytest.mark.parametrize("name", ["n", "max_tokens", "max_completion_tokens"])
def test_a_number_of_a_wrong_kind_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(FieldInvalid) as refused:
        OpenAIChat().peek(_body(**{name: value}))

    assert refused.value.param == name


@pytest.mark.req("P-18", "B-4", "S-1")
@given(_further, st.sampled_from(BOUNDS), st.booleans(), st.booleans(), st.integers(1, 10**6))
def test_every_other_member_leaves_with_its_own_bytes_and_each_name_once(
    further: dict[str, Any], bound: str, is_stream: bool, has_options: bool, tokens: int
) -> None:
    options = {"stream_options": {"include_usage": False, "x": [1]}} if has_options else {}
    body = _body(**further, stream=is_stream, max_tokens=5, max_completion_tokens=6, **options)
    chat = OpenAIChat()

    outgoing = chat.outgoing(body, _peeked(chat, body), _leg(bound, tokens))

    before, after = strict_json.members(body), strict_json.members(outgoing)
    assert json.loads(bytes(after.pop("model"))) == "m-real"
    assert json.loads(bytes(after.pop(bound))) == tokens
    if is_stream:
        asked = json.loads(bytes(after.pop("stream_options")))
        assert asked == {**options.get("stream_options", {}), "include_usage": True}
    assert {name: bytes(raw) for name, raw in after.items() if name != "stream_options"} == {
        name: bytes(raw) for name, raw in before.items() if name not in SET
    }
    names = [name for name, _ in json.loads(outgoing, object_pairs_hook=list)]
    assert len(names) == len(set(names))


def test_nested_bytes_are_not_touched() -> None:
    odd = b'{"model":"m","messages":[ {"role" : "user","content":"\\u0061\\/ \xc3\xa9"} ],"seed":1e2,"x":-0.0}'
    chat = OpenAIChat()

    outgoing = chat.outgoing(odd, chat.peek(odd), _leg("max_tokens", 7))

    assert outgoing == (
        b'{"model":"m-real","messages":[ {"role" : "user","content":"\\u0061\\/ \xc3\xa9"} ],'
        b'"seed":1e2,"x":-0.0,"max_tokens":7}'
    )


def test_without_a_stream_no_stream_options_are_made_up() -> None:
    body, chat = _body(), OpenAIChat()

    outgoing = json.loads(chat.outgoing(body, chat.peek(body), _leg("max_tokens", 7)))

    assert outgoing == {"model": "m-real", "messages": MESSAGES, "max_tokens": 7}


@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": True}}])
def test_whoever_refuses_to_be_asked_for_usage_is_not(options: dict[str, Any]) -> None:
    body, chat = _body(stream=True, **options), OpenAIChat()
    leg = Leg(Target("up", "mistral", "m-real", asks_usage=False), None, 1, 7, 0)

    outgoing = json.loads(chat.outgoing(body, chat.peek(body), leg))

    assert outgoing == {"model": "m-real", "messages": MESSAGES, "stream": True, "max_tokens": 7}


def test_a_stream_is_relayed_as_one() -> None:
    chat = OpenAIChat()

    assert isinstance(chat.relay(chat.peek(_body(stream=True))), StreamRelay)
    assert isinstance(chat.relay(chat.peek(_body())), WholeRelay)


@pytest.mark.req("S-74")
@pytest.mark.parametrize(
    ("members", "names"),
    [
        ({"tools": [{"type": "function", "function": {"name": "look"}}]}, {"look"}),
        ({"tools": [{"type": "custom", "custom": {"name": "run"}}, {"type": "x"}]}, {"run"}),
        ({"functions": [{"name": "old"}], "tools": None}, {"old"}),
        ({"tools": "x", "functions": {"name": "y"}}, set()),
        ({"tools": [None, {"function": []}, {"function": {"name": 7}}], "functions": [1]}, set()),
        ({}, set()),
    ],
)
def test_the_tools_that_a_caller_offers_are_known_by_name(
    members: dict[str, Any], names: set[str]
) -> None:
    assert OpenAIChat().peek(_body(**members)).tools == names


def _body(**members: Any) -> bytes:
    return json.dumps({"model": "m", "messages": MESSAGES, **members}).encode(
        errors="surrogatepass"
    )


def _peeked(chat: OpenAIChat, body: bytes) -> Any:
    """What callers make up may be an extra or of a wrong type; here only its bytes matter."""
    known = {name: raw for name, raw in strict_json.members(body).items() if name in _READ}
    return chat.peek(strict_json.join(known))


_READ = {"model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens"}


def _leg(bound: str, tokens: int) -> Leg:
    return Leg(Target("up", "openai-compatible", "m-real", bound), None, 1, tokens, 0)
