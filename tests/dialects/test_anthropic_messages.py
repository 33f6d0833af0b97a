from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.dialects import strict_json
from tollhouse.dialects.anthropic_messages import AnthropicMessages
from tollhouse.dialects.anthropic_relay import StreamRelay, WholeRelay
from tollhouse.dialects.anthropic_tools import DESCRIBED_TOKENS, PREAMBLE_TOKENS, TOOLSET_TOKENS
from tollhouse.dialects.fields import REFUSED
from tollhouse.domain.errors import FieldInvalid, FieldRefused, ThreadUnsupported
from tollhouse.domain.models import Ask, Leg
from tollhouse.domain.snapshot import Target

MESSAGES = [{"role": "user", "content": "hello"}]
LEG = Leg(Target("up", "anthropic", "claude-real", "max_tokens"), None, 1, 77, 0)
PICTURE = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": "A" * 5000},
}
LINKED = {"type": "image", "source": {"type": "url", "url": "https://example.com/x.png"}}
PAGES = {
    "type": "document",
    "source": {"type": "base64", "media_type": "application/pdf", "data": "J" * 9000},
}
LOOK = {"name": "look", "input_schema": {"type": "object"}}

_further = st.dictionaries(
    st.text(min_size=1).filter(
        lambda name: (
            name not in REFUSED | {"model", "max_tokens", "messages", "stream", "thread"}
            and name not in {"system", "tools", "stop_sequences", "output_config", "output_format"}
        )
    ),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ).filter(lambda value: not (isinstance(value, str) and "\0" in value)),  # those are refused
    max_size=5,
)


def test_an_ask_is_read_as_far_as_a_decision_needs_it() -> None:
    body = _body(stream=True, tools=[LOOK])

    ask = _peek(body)

    assert (ask.model, ask.is_stream, ask.max_output) == ("m", True, 9)
    assert (ask.choices, ask.messages, ask.input_bytes) == (1, 1, len(body))
    assert (ask.images, ask.documents, ask.predicted_bytes) == (0, 0, 0)
    assert (ask.tools, ask.unpriced_features) == ({"look"}, ())
    assert not ask.may_keep_long


@pytest.mark.req("OT-44")
@pytest.mark.parametrize("bound", [None, -1, True, 1.5, "9", 2**53 + 1])
def test_who_does_not_say_how_much_may_come_out_is_told_so(bound: Any) -> None:
    with pytest.raises(FieldInvalid) as refused:
        _peek(_body(max_tokens=bound))

    assert refused.value.param == "max_tokens"


def test_nothing_may_come_out_of_a_call_that_only_fills_the_cache() -> None:
    assert _peek(_body(max_tokens=0)).max_output == 0


@pytest.mark.parametrize(
    "members",
    [
        {"messages": None},
        {"messages": 7},
        {"messages": {"role": "user"}},
        {"messages": []},
        {"messages": ["hello"]},
        {"messages": [{"content": "hello"}]},
        {"messages": [{"role": "developer", "content": "hello"}]},
        {"messages": [{"role": ["user"], "content": "hello"}]},
        {"messages": [{"role": "user"}]},
        {"messages": [{"role": "user", "content": 1}]},
        {"model": None},
        {"model": ""},
        {"stream": "yes"},
        {"system": 1},
        {"tools": {}},
        {"tools": ["look"]},
        {"stop_sequences": "x"},
        {"stop_sequences": ["x"] * 129},
        {"model": "a\0b"},
        {"tools": [{"name": "look", "input_schema": {"$ref": "https://example.com/x"}}]},
    ],
    ids=str,
)
def test_what_no_client_sends_is_refused_by_its_name(members: dict[str, Any]) -> None:
    with pytest.raises(FieldInvalid) as refused:
        _peek(_body(**members))

    assert refused.value.param == next(iter(members))


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_member_that_would_steer_is_refused(name: str) -> None:
    with pytest.raises(FieldRefused):
        _peek(_body(**{name: "x"}))


@pytest.mark.req("R-6")
@pytest.mark.parametrize("kind", ["create", "continue"])
def test_a_thread_is_refused_before_a_conversation_is_lost(kind: str) -> None:
    with pytest.raises(ThreadUnsupported) as refused:
        _peek(_body(thread={"type": kind}, messages=[]))

    assert refused.value.param == "thread"
    assert _peek(_body(thread=None)).model == "m"


def test_images_and_documents_are_held_for_as_such_and_not_as_text() -> None:
    seen = [{"type": "tool_result", "tool_use_id": "t", "content": [PICTURE, LINKED]}]
    inside = {"type": "document", "source": {"type": "content", "content": [PICTURE]}}
    body = _body(messages=[{"role": "user", "content": [PICTURE, PAGES, inside, *seen]}])

    ask = _peek(body)

    assert (ask.images, ask.documents) == (4, 1)
    assert ask.input_bytes == len(body) - 3 * 5000 - 9000


@pytest.mark.req("P-3")
def test_what_only_looks_like_an_image_is_text() -> None:
    call = {"type": "tool_use", "id": "t", "name": "look", "input": {"content": [PICTURE]}}
    text = {"type": "document", "source": {"type": "text", "data": "A" * 5000}}
    odd = {"type": "text", "text": "x", "source": PICTURE["source"]}
    body = _body(messages=[{"role": "assistant", "content": [call, text, odd]}])

    ask = _peek(body)

    assert (ask.images, ask.documents, ask.input_bytes) == (0, 0, len(body))


@pytest.mark.req("P-3", "P-15")
@pytest.mark.parametrize(
    ("members", "feature"),
    [
        ({"service_tier": "priority"}, "service_tier"),
        ({"speed": "fast"}, "speed"),
        ({"inference_geo": "us"}, "inference_geo"),
        ({"container": "c_1"}, "container"),
        ({"mcp_servers": [{"url": "https://example.com"}]}, "mcp_servers"),
        ({"fallbacks": "default"}, "fallbacks"),
        ({"compaction": {"type": "x"}}, "compaction"),
        ({"billing_policy": {"bill_to": "user_profile"}}, "billing_policy"),
        ({"context_management": {"edits": [{"type": "compact_20260112"}]}}, "context_management"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools"),
        ({"tools": [LOOK, {"type": "code_execution_20250825", "name": "x"}]}, "tools"),
        ({"tools": [{"type": 7, "name": "x"}]}, "tools"),
    ],
    ids=str,
)
def test_what_is_billed_apart_is_named(members: dict[str, Any], feature: str) -> None:
    assert _peek(_body(**members)).unpriced_features == (feature,)


@pytest.mark.req("P-3")
@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "source": {"type": "file", "file_id": "f"}},
        {"type": "document", "source": {"type": "file", "file_id": "f"}},
        {"type": "container_upload", "file_id": "f"},
    ],
    ids=str,
)
def test_a_file_that_goes_by_its_id_has_no_bound(block: dict[str, Any]) -> None:
    body = _body(messages=[{"role": "user", "content": [block]}])

    assert _peek(body).unpriced_features == ("messages",)


@pytest.mark.req("R-5")
@pytest.mark.parametrize(
    "members",
    [
        {"service_tier": "auto", "speed": "standard", "inference_geo": "global"},
        {"service_tier": "standard_only", "speed": None, "container": None, "mcp_servers": []},
        {"context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}},
        {"context_management": None, "metadata": {"user_id": '{"device":"x"}'}},
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
        {"tools": [{"type": "custom", **LOOK, "defer_loading": True, "cache_control": None}]},
        {"tools": [{"type": "memory_20250818", "name": "memory"}]},
        {"unheard_of": {"x": [1]}},
    ],
    ids=str,
)
def test_what_agents_send_every_day_is_not_billed_apart(members: dict[str, Any]) -> None:
    assert _peek(_body(**members)).unpriced_features == ()


@pytest.mark.req("P-3")
def test_what_a_provider_says_of_its_own_tools_is_held_for() -> None:
    bash = {"type": "bash_20250124", "name": "bash"}
    browser = {"type": "browser_toolset_20260801"}

    ask = _peek(_body(tools=[LOOK, bash, browser]))

    assert ask.added_tokens == PREAMBLE_TOKENS + DESCRIBED_TOKENS + TOOLSET_TOKENS
    assert ask.tools == {"look", "bash", "browser"}
    assert _peek(_body()).added_tokens == 0


@pytest.mark.req("P-3", "P-15")
@pytest.mark.parametrize("written", ["1h", "\\u0031h", "1\\u0068"])
def test_a_prompt_that_may_be_kept_for_an_hour_is_held_for_as_such(written: str) -> None:
    mark = f'"cache_control":{{"type":"ephemeral","ttl":"{written}"}}'
    body = _body(system=[{"type": "text", "text": "x"}])

    assert not _peek(body).may_keep_long
    assert _peek(body.replace(b'"text": "x"', b'"text": "x",' + mark.encode())).may_keep_long


@pytest.mark.req("P-13", "P-14", "P-15", "B-5")
@given(further=_further)
def test_what_leaves_is_what_came_but_for_model_and_bound(further: dict[str, Any]) -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "c2ln+/=="}
    marked = {"type": "text", "text": "é", "cache_control": {"type": "ephemeral", "ttl": "5m"}}
    messages = [
        {"role": "assistant", "content": [thought]},
        {"role": "user", "content": [marked]},
    ]
    body = _body(**further, messages=messages)

    sent = AnthropicMessages().outgoing(body, _peek(body), LEG)

    asked = json.loads(body)
    assert json.loads(sent) == {**asked, "model": "claude-real", "max_tokens": 77}
    assert list(json.loads(sent)) == list(asked)
    came, left = strict_json.members(body), strict_json.members(sent)
    assert all(
        bytes(left[name]) == bytes(came[name]) for name in {*asked} - {"model", "max_tokens"}
    )


def test_a_stream_is_relayed_as_one_and_a_whole_answer_as_one() -> None:
    dialect = AnthropicMessages()

    assert isinstance(dialect.relay(_peek(_body(stream=True))), StreamRelay)
    assert isinstance(dialect.relay(_peek(_body())), WholeRelay)


@pytest.mark.req("OT-55")
def test_a_sign_of_life_is_a_ping() -> None:
    assert AnthropicMessages().silence() == b'event: ping\ndata: {"type":"ping"}\n\n'


def test_a_reference_to_elsewhere_is_seen_however_it_is_written() -> None:
    body = _body(tools=[{**LOOK, "input_schema": {"$ref": "https://example.com/x"}}])

    with pytest.raises(FieldInvalid):
        _peek(body.replace(b"$ref", b"\\u0024ref"))


@pytest.mark.parametrize(
    "members",
    [
        {"stop_sequences": ["x"] * 128},
        {"max_tokens": 2**53},
        {"context_management": {"edits": ["x", 7, None]}},
        {"messages": [{"role": "user", "content": ["x", 7]}]},
        {"messages": [{"role": "user", "content": [{"type": "document", "source": "x"}]}]},
    ],
    ids=str,
)
def test_what_harms_nobody_is_let_through(members: dict[str, Any]) -> None:
    assert _peek(_body(**members)).unpriced_features == ()


@pytest.mark.parametrize(
    ("metadata", "named"),
    [
        ({"user_id": "u"}, ("u",)),
        ({"user_id": ""}, ()),
        ({"user_id": 7}, ()),
        ({}, ()),
        ("u", ()),
    ],
)
def test_a_user_is_whoever_has_a_name(metadata: Any, named: tuple[str, ...]) -> None:
    assert _peek(_body(metadata=metadata)).named == named


@pytest.mark.parametrize(
    "wrong", [{"name": ["look"]}, {"name": 7}, {"name": ""}, {"type": 7}, {"type": ""}]
)
def test_a_tool_without_a_name_is_not_known_by_one(wrong: dict[str, Any]) -> None:
    assert _peek(_body(tools=[LOOK, wrong])).tools == {"look"}


def _body(**members: Any) -> bytes:
    return json.dumps({"model": "m", "max_tokens": 9, "messages": MESSAGES, **members}).encode()


def _peek(body: bytes) -> Ask:
    return AnthropicMessages().peek(body)
