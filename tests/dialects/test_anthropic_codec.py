"""Anthropic's messages read into a conversation and said from one; answers both ways."""

from __future__ import annotations

import base64
import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.dialects import anthropic_state
from tollhouse.dialects.anthropic_messages import AnthropicMessages
from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.domain.conversation import (
    Audio,
    Choose,
    Citation,
    Conversation,
    File,
    Form,
    Image,
    Mark,
    Message,
    OutputForm,
    Reasoning,
    Role,
    Sampling,
    State,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from tollhouse.domain.deltas import (
    Argued,
    Began,
    Called,
    Cited,
    Counted,
    Delta,
    Said,
    Sealed,
    Stop,
    Stopped,
    Thought,
)
from tollhouse.domain.errors import FieldInvalid, UpstreamBroke, UpstreamFailed
from tollhouse.domain.models import Leg
from tollhouse.domain.pricing import Kinds, Usage
from tollhouse.domain.snapshot import Target

CODEC = AnthropicMessages()
NAME = "anthropic_messages"
LEG = Leg(Target("up", "anthropic", "claude-real", "max_tokens"), None, 1, 2000, 0)
ASKED: dict[str, Any] = {
    "model": "claude-real",
    "max_tokens": 2000,
    "system": [{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "look", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
                {"type": "image", "source": {"type": "url", "url": "https://example.com/x.png"}},
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "JV=="},
                    "title": "a paper",
                },
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
                {"type": "document", "source": {"type": "url", "url": "https://example.com/x.pdf"}},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "c2ln+/=="},
                {"type": "redacted_thinking", "data": "ZGF0YQ=="},
                {
                    "type": "text",
                    "text": "as it says",
                    "citations": [{"type": "char_location", "cited_text": "words", "document_index": 1}],
                },
                {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": ["é", 1.5, None]}},
                {"type": "tool_use", "id": "toolu_2", "name": "wait", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "content": [{"type": "text", "text": "a cat"}],
                    "cache_control": {"type": "ephemeral"},
                },
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": [], "is_error": True},
                {"type": "text", "text": "and now?"},
            ],
        },
    ],
    "tools": [
        {
            "name": "look",
            "description": "Looks.",
            "input_schema": {"type": "object", "properties": {"at": {}}},
            "strict": True,
            "cache_control": {"type": "ephemeral"},
        },
        {"name": "wait", "input_schema": {"type": "object"}},
    ],
    "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
    "temperature": 0.5,
    "top_k": 7,
    "stop_sequences": ["END"],
    "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
    "metadata": {"user_id": "u-1"},
    "stream": True,
}  # fmt: skip


END_TURN = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
TOOL = {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use"}}
TOO_DEEP = "tollhouse." + base64.b64encode(b'{"x":' + b"[" * 100_000).decode()
NEW = {"new": 1}
CALLED = {"type": "tool_use", "id": "1", "name": "look", "input": {}}
PAPER = {"type": "document", "source": {"type": "url", "url": "u"}}
PICTURE = {"type": "image", "source": {"type": "url", "url": "u"}}
PASSAGES = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]


@pytest.mark.req("P-12", "P-13", "P-14", "P-15")
def test_a_body_that_is_read_and_said_again_says_the_same() -> None:
    conversation = _decode(ASKED)

    body, unsaid = CODEC.encode(conversation, LEG)

    assert json.loads(body) == ASKED
    assert (conversation.unsaid, unsaid) == ((), ())


def test_a_body_is_read_part_by_part() -> None:
    conversation = _decode(ASKED)

    system, asked, answered, given_back, more = conversation.messages
    assert system == Message(Role.SYSTEM, (Text("be brief", Mark()),))
    assert asked.parts[0] == Text("look", Mark("1h"))
    assert asked.parts[1:4] == (
        Image("image/png", "AA=="),
        Image(url="https://example.com/x.png"),
        File("a paper", "application/pdf", "JV=="),
    )
    assert answered.parts[0] == Reasoning("hm", State(NAME, {"signature": "c2ln+/=="}))
    assert answered.parts[3] == ToolCall("toolu_1", "look", '{"at":["é",1.5,null]}')
    assert given_back.role is Role.TOOL
    assert given_back.parts[1] == ToolResult("toolu_2", (), is_error=True)
    assert more == Message(Role.USER, (Text("and now?"),))
    assert conversation.tool_choice == ToolChoice(Choose.SOME)
    assert conversation.has_parallel_calls is False
    assert conversation.form == OutputForm(Form.SCHEMA, None, {"type": "object"}, True)
    assert conversation.sampling == Sampling(temperature=0.5, top_k=7, stop=("END",))
    assert (conversation.user, conversation.is_stream) == ("u-1", True)


@pytest.mark.parametrize(
    ("members", "thinking"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, Thinking(budget_tokens=2048)),
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, Thinking()),
        ({"thinking": {"type": "between_tools"}}, Thinking()),
        ({"thinking": {"type": "disabled"}}, Thinking(is_on=False)),
        ({"output_config": {"effort": "max"}}, Thinking(effort="xhigh")),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, Thinking(effort="low")),
        ({"thinking": None, "output_config": None}, None),
    ],
)  # fmt: skip
def test_how_hard_to_think_is_read(members: dict[str, Any], thinking: Thinking | None) -> None:
    conversation = _decode({**_hello(), **members})

    assert conversation.thinking == thinking
    assert conversation.unsaid == ()


@pytest.mark.parametrize(
    ("given", "choice", "parallel"),
    [
        ({"type": "auto"}, ToolChoice(Choose.AUTO), None),
        ({"type": "auto", "name": "look"}, ToolChoice(Choose.AUTO), None),
        ({"type": "tool", "name": "look"}, ToolChoice(Choose.ONE, "look"), None),
        ({"type": "none", "disable_parallel_tool_use": False}, ToolChoice(Choose.NONE), True),
    ],
)
def test_which_tool_may_be_called_is_read(
    given: dict[str, Any], choice: ToolChoice, parallel: bool | None
) -> None:
    conversation = _decode({**_hello(), "tool_choice": given})

    assert (conversation.tool_choice, conversation.has_parallel_calls) == (choice, parallel)
    assert conversation.unsaid == ()


@pytest.mark.parametrize("config", [None, {}, {"effort": "low"}])
def test_the_form_of_the_answer_is_read_under_its_older_name(config: Any) -> None:
    form = {"type": "json_schema", "schema": {"type": "object"}}

    conversation = _decode({**_hello(), "output_format": form, "output_config": config})

    assert conversation.form == OutputForm(Form.SCHEMA, None, {"type": "object"}, True)


def test_a_form_that_is_no_schema_is_none() -> None:
    conversation = _decode({**_hello(), "output_config": {"format": {"type": "grammar"}}})

    assert conversation.form is None


def test_a_tool_that_the_provider_runs_is_left_out() -> None:
    tools = [{"type": "web_search_20250305", "name": "w"}, {"name": "look"}]

    assert _decode({**_hello(), "tools": tools}).tools == (Tool("look"),)


@pytest.mark.parametrize("user", [None, "u" * 64])
def test_a_user_is_named_as_others_take_it(user: str | None) -> None:
    assert _decode({**_hello(), "metadata": {"user_id": user}}).user == user


@pytest.mark.req("R-5")
@pytest.mark.parametrize(
    ("members", "unsaid"),
    [
        ({"unheard_of": 1}, ("unheard_of",)),
        ({"context_management": {"edits": [{}]}}, ("context_management",)),
        ({"cache_control": {"type": "ephemeral"}}, ("cache_control",)),
        ({"metadata": {"user_id": "x" * 65}}, ("metadata.user_id",)),
        ({"service_tier": "auto", "speed": "standard", "thread": None, "container": None}, ()),
        ({"service_tier": "priority"}, ("service_tier",)),
        ({"tools": [{"type": "web_search_20250305", "name": "w"}]}, ("tools.web_search_20250305",)),
        ({"tools": [{"name": "a", "defer_loading": True}]}, ("tools.defer_loading",)),
        ({"tools": [{"name": "a", "eager_input_streaming": True}]}, ()),
        ({"tools": [{"name": "a", "defer_loading": False, "allowed_callers": ["direct"]}]}, ()),
        ({"tools": [{"name": "a", "allowed_callers": ["code"]}]}, ("tools.allowed_callers",)),
        ({"tools": [{"name": "a", "new": 1}]}, ("tools.new",)),
        ({"messages": [{"role": "user", "content": "x", "mood": "good"}]}, ("messages.mood",)),
        ({"tool_choice": {"type": "auto", "new": 1}}, ("tool_choice.new",)),
        ({"thinking": {"type": "adaptive", "new": 1}}, ("thinking.new",)),
        ({"metadata": {"new": 1}}, ("metadata.new",)),
        ({"output_config": {"new": 1}}, ("output_config.new",)),
        ({"output_config": {"format": {"type": "grammar"}}}, ("output_config.format.grammar",)),
        (
            {"output_config": {"format": {"type": "json_schema", "new": 1}}},
            ("output_config.format.new",),
        ),
        ({"output_config": {"effort": "utmost"}}, ("output_config.effort",)),
        (
            {"messages": [{"role": "assistant", "content": [{"type": "server_tool_use"}]}]},
            ("messages.content.server_tool_use",),
        ),
        (
            {"messages": [{"role": "user", "content": [
                {"type": "image", "source": {"type": "file", "file_id": "f"}}]}]},
            ("messages.content.source.file",),
        ),
    ],
    ids=str,
)  # fmt: skip
def test_what_has_no_place_is_named(members: dict[str, Any], unsaid: tuple[str, ...]) -> None:
    assert _decode({**_hello(), **members}).unsaid == unsaid


@pytest.mark.parametrize(
    "members",
    [
        {"system": [{"type": "text"}]},
        {"messages": [{"role": "user", "content": [{"text": "x"}]}]},
        {"messages": [{"role": "user", "content": ["x"]}]},
        {"messages": [{"role": "user", "content": [{"type": "image"}]}]},
        {"messages": [{"role": "user", "content": [{"type": "tool_result"}]}]},
        {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "1"}]}]},
        {"messages": [{"role": "oracle", "content": "x"}]},
        {"tool_choice": {"type": "some"}},
        {"tool_choice": {"type": "tool"}},
        {"temperature": "hot"},
        {"stop_sequences": [1]},
        {"tools": [{"input_schema": {}}]},
    ],
    ids=str,
)
def test_what_is_not_of_the_form_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(FieldInvalid):
        _decode({**_hello(), **members})


def test_turns_of_one_role_are_one_and_the_system_stands_before_them() -> None:
    said = _encode(
        Message(Role.USER, (Text("a"),)),
        Message(Role.DEVELOPER, (Text("b"),)),
        Message(Role.USER, (Text("c"), Text(""))),
        Message(Role.ASSISTANT, (ToolCall("call 1", "look", ""),)),
        Message(Role.TOOL, (ToolResult("call 1", (Text("d"),)),)),
        Message(Role.TOOL, (ToolResult("", (Text("e"),)),)),
        unsaid=("messages.system.place",),
    )

    assert said["system"] == [{"type": "text", "text": "b"}]
    user, assistant, results = said["messages"]
    assert [block["text"] for block in user["content"]] == ["a", "c"]
    assert assistant["content"] == [
        {"type": "tool_use", "id": "call_1", "name": "look", "input": {}}
    ]
    assert [block["tool_use_id"] for block in results["content"]] == ["call_1", "_"]


@pytest.mark.req("R-15")
@pytest.mark.parametrize("written", ["not json", "[1]", '{"a":', "1"])
def test_arguments_that_are_no_object_are_passed_under_a_name_of_their_own(written: str) -> None:
    said = _encode(Message(Role.ASSISTANT, (ToolCall("1", "look", written),)))

    assert said["messages"][0]["content"][0]["input"] == {"_not_an_object": written}


@pytest.mark.parametrize(
    ("conversation", "unsaid"),
    [
        ({"sampling": Sampling(seed=1, min_p=0.1, frequency_penalty=1.0, presence_penalty=1.0)},
         ("sampling.min_p", "sampling.frequency_penalty", "sampling.presence_penalty", "sampling.seed")),
        ({"sampling": Sampling(temperature=1.5)}, ("sampling.temperature",)),
        ({"sampling": Sampling(temperature=0.5, top_p=0.5)}, ("sampling.top_p",)),
        ({"sampling": Sampling(stop=(" ",))}, ("sampling.stop",)),
        ({"sampling": Sampling(temperature=0.5, top_k=1), "thinking": Thinking()},
         ("sampling.temperature", "sampling.top_k")),
        ({"thinking": Thinking(budget_tokens=10)}, ("thinking.budget_tokens",)),
        ({"form": OutputForm(Form.JSON)}, ("form",)),
        ({"choices": 2}, ("choices",)),
        ({"messages": (Message(Role.USER, (Audio("mp3", "AA=="),)),)}, ("messages.audio",)),
        ({"messages": (Message(Role.USER, (File(id="f"),)),)}, ("messages.file.id",)),
        ({"messages": (Message(Role.USER, (File(media_type="video/mp4", data="AA=="),)),)}, ("messages.file",)),
        ({"messages": (Message(Role.USER, (Text("x"),), "eve"),)}, ("messages.name",)),
        ({"messages": (Message(Role.ASSISTANT, (Reasoning("hm", State("other", {})),)),)},
         ("messages.reasoning", "messages.reasoning.state")),
        ({"messages": (Message(Role.ASSISTANT, (Text("x", citations=(Citation("https://e.com"),)),)),)},
         ("messages.text.citations",)),
    ],
    ids=str,
)  # fmt: skip
def test_what_anthropic_has_no_words_for_is_named(
    conversation: dict[str, Any], unsaid: tuple[str, ...]
) -> None:
    whole = {"messages": (Message(Role.USER, (Text("x"),)),), **conversation}

    assert CODEC.encode(Conversation(**whole), LEG)[1] == unsaid


@pytest.mark.parametrize(
    ("choice", "parallel", "said"),
    [
        (None, None, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice(Choose.AUTO), True, {"type": "auto", "disable_parallel_tool_use": False}),
        (ToolChoice(Choose.NONE), False, {"type": "none"}),
        (ToolChoice(Choose.ONE, "look"), None, {"type": "tool", "name": "look"}),
    ],
)
def test_which_tool_may_be_called_is_said(
    choice: ToolChoice | None, parallel: bool | None, said: Any
) -> None:
    conversation = Conversation(
        (Message(Role.USER, (Text("x"),)),),
        tools=(Tool("look"),),
        tool_choice=choice,
        has_parallel_calls=parallel,
    )

    body = json.loads(CODEC.encode(conversation, LEG)[0])

    assert body.get("tool_choice") == said
    assert body["tools"] == [{"name": "look", "input_schema": {"type": "object"}}]


@pytest.mark.parametrize(
    ("thinking", "said"),
    [
        (Thinking(budget_tokens=1500), {"thinking": {"type": "enabled", "budget_tokens": 1500}}),
        (Thinking(), {"thinking": {"type": "adaptive"}}),
        (Thinking(is_on=False), {"thinking": {"type": "disabled"}}),
        (Thinking(effort="minimal"), {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}),
    ],
)  # fmt: skip
def test_how_hard_to_think_is_said(thinking: Thinking, said: dict[str, Any]) -> None:
    body = json.loads(CODEC.encode(Conversation((), thinking=thinking), LEG)[0])

    assert said.items() <= body.items()


@pytest.mark.req("P-13")
def test_what_another_dialect_sealed_goes_out_as_a_signature_and_comes_home() -> None:
    state = State("openai_chat", {"reasoning_details": [{"data": "é", "index": 0}]})
    deltas: list[Delta] = [Began(), Thought("hm"), Sealed(state), Said("hi"), Stopped(Stop.END)]

    answer = json.loads(_written(deltas, is_stream=False))
    decoded = _decode(
        {**_hello(), "messages": [{"role": "assistant", "content": answer["content"]}]}
    )

    assert decoded.messages[0].parts == (Reasoning("hm", state), Text("hi"))


@pytest.mark.req("P-11")
@pytest.mark.parametrize("raw", [{"reasoning_details": 5}, {"reasoning_details": "x"}, {}])
def test_a_seal_that_a_caller_made_up_harms_nobody(raw: dict[str, Any]) -> None:
    signature = anthropic_state.signature(State("openai_chat", raw))
    thought = {"type": "thinking", "thinking": "hm", "signature": signature}
    conversation = _decode({**_hello(), "messages": [{"role": "assistant", "content": [thought]}]})

    for codec in (OpenAIChat(), CODEC):
        body, _ = codec.encode(conversation, LEG)
        assert b"tollhouse." not in body


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "thinking"}, Reasoning("")),
        ({"type": "tool_use", "id": "1", "name": "look"}, ToolCall("1", "look", "{}")),
        (
            {"type": "text", "text": "x", "citations": [7]},
            Text("x", citations=(Citation(raw={}),)),
        ),
        (
            {"type": "text", "text": "x", "citations": [{"url": 7, "document_title": "t"}]},
            Text("x", citations=(Citation(None, "t", raw={"url": 7, "document_title": "t"}),)),
        ),
        (
            {"type": "search_result", "title": "t", "source": "s", "content": PASSAGES},
            File("t", text="a\n\nb", url="s"),
        ),
    ],
    ids=str,
)
def test_a_block_is_read_with_what_it_has(block: dict[str, Any], part: Any) -> None:
    (message,) = _decode({**_hello(), "messages": [{"role": "user", "content": [block]}]}).messages

    assert message.parts == (part,)


def test_a_block_of_no_known_kind_is_left_out() -> None:
    message = {"role": "assistant", "content": [{"type": "server_tool_use"}, PASSAGES[0]]}

    assert _decode({**_hello(), "messages": [message]}).messages[0].parts == (Text("a"),)


@pytest.mark.req("R-5")
@pytest.mark.parametrize(
    ("block", "unsaid"),
    [
        ({"type": "thinking", "thinking": "x", **NEW}, ["new"]),
        ({"type": "text", "text": "x", **NEW}, ["new"]),
        ({"type": "text", "text": "x", "cache_control": NEW}, ["cache_control.new"]),
        ({**CALLED, "caller": {"type": "direct"}}, []),
        ({**CALLED, "caller": {"type": "code"}}, ["caller.type"]),
        ({"type": "image", "source": {"type": "url", "url": "u", **NEW}}, ["source.new"]),
        ({"type": "document", "source": {"type": "url", "url": "u", **NEW}}, ["source.new"]),
        ({"type": "document", "source": {"type": "other"}}, ["source.other"]),
        ({**PAPER, "citations": {"enabled": True}}, ["citations.enabled"]),
        ({**PAPER, "citations": {"enabled": False}}, []),
        ({"type": "document", "source": {"type": "content", "content": PASSAGES}}, []),
        ({"type": "search_result", "citations": {"enabled": True}, "content": PASSAGES}, []),
        (
            {"type": "search_result", "content": [*PASSAGES, PICTURE]},
            ["content.image"],
        ),
    ],
    ids=str,
)
def test_what_has_no_place_in_a_block_is_named(block: dict[str, Any], unsaid: list[str]) -> None:
    conversation = _decode({**_hello(), "messages": [{"role": "user", "content": [block]}]})

    assert conversation.unsaid == tuple(f"messages.content.{name}" for name in unsaid)


def test_a_thought_without_a_seal_does_not_go_home() -> None:
    assert anthropic_state.block(Reasoning("hm")) is None
    assert anthropic_state.signature(State(NAME, {})) == ""


def test_citations_of_no_form_are_none() -> None:
    text = {"type": "text", "text": "x", "citations": 7}

    (message,) = _decode({**_hello(), "messages": [{"role": "user", "content": [text]}]}).messages

    assert message.parts == (Text("x"),)


@pytest.mark.parametrize(
    "signature", ["tollhouse.", "tollhouse.!", "tollhouse.\u00e9", "tollhouse.e30=", TOO_DEEP]
)
def test_a_seal_that_is_torn_is_left_out(signature: str) -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": signature}
    decoded = _decode({**_hello(), "messages": [{"role": "assistant", "content": [thought]}]})

    assert decoded.messages[0].parts == (Reasoning("hm"),)


USAGE = Usage(9, 5, 4, 3, kinds=Kinds(reasoning=2))
PASSAGE = {"type": "x", "url": "https://e.com", "title": "E", "cited_text": "q"}
ANSWER: list[Delta] = [
    Began("msg_1"),
    Thought("h"),
    Thought("m"),
    Sealed(State(NAME, {"signature": "c2ln"})),
    Sealed(State(NAME, {"type": "redacted_thinking", "data": "eA=="})),
    Said("hello "),
    Said("you é\u2028"),
    Cited(Citation("https://e.com", "E", "q", raw=PASSAGE)),
    Called(0, "toolu_1", "look"),
    Argued(0, '{"at"'),
    Argued(0, ":1}"),
    Called(1, "toolu_2", "wait"),
    Argued(1, "{}"),
    Stopped(Stop.TOOLS),
    Counted(USAGE),
]  # fmt: skip


@pytest.mark.req("R-9", "R-15", "P-12", "P-13")
@pytest.mark.parametrize("is_stream", [True, False])
def test_an_answer_that_is_written_reads_as_the_same(is_stream: bool) -> None:
    written = _written(ANSWER, is_stream=is_stream)

    assert _read([written], is_stream=is_stream) == _joined(ANSWER)


@pytest.mark.req("R-9")
def test_the_events_stand_in_the_order_that_clients_need() -> None:
    events = _written([Began(), Said("hi"), Stopped(Stop.END)], is_stream=True)

    names = [line[7:] for line in events.decode().split("\n") if line.startswith("event: ")]
    start, block = [json.loads(line[6:]) for line in events.decode().split("\n")[1:5:3]]
    assert names == [
        *("message_start", "content_block_start", "content_block_delta", "content_block_stop"),
        *("message_delta", "message_stop"),
    ]
    assert start["message"]["content"] == []
    assert start["message"]["usage"] == {"input_tokens": 0, "output_tokens": 0}
    assert block["content_block"] == {"type": "text", "text": ""}
    assert b'"usage":{"input_tokens":0,"output_tokens":1}' in events


@pytest.mark.req("R-9", "P-8")
@given(cuts=st.lists(st.integers(0, 4000), max_size=30))
def test_splitting_an_answer_at_any_byte_changes_nothing(cuts: list[int]) -> None:
    written = _written(ANSWER, is_stream=True)
    places = sorted({0, *(min(cut, len(written)) for cut in cuts), len(written)})

    pieces = [written[start:end] for start, end in pairwise(places)]

    assert _read(pieces, is_stream=True) == _joined(ANSWER)


@pytest.mark.req("R-15", "P-12")
@given(st.lists(st.integers(0, 2), max_size=40), st.lists(st.booleans(), min_size=40, max_size=40))
def test_calls_whose_pieces_take_turns_are_told_one_after_the_other(
    turns: list[int], with_text: list[bool]
) -> None:
    whole = [json.dumps({"n": index, "s": '}"{' * index}) for index in range(3)]
    left, deltas = dict(enumerate(whole)), [Began()]
    deltas += [Called(index, f"t{index}", "look") for index in range(3)]
    for turn, says in zip([*turns, 0, 1, 2], [*with_text, False, False, False], strict=False):
        size = 4 if turn in turns else len(whole[turn])
        if left[turn]:
            deltas.append(Argued(turn, left[turn][:size]))
            left[turn] = left[turn][size:]
        if says:
            deltas.append(Said("x"))
    deltas += [Argued(index, rest) for index, rest in left.items() if rest]
    deltas.append(Stopped(Stop.TOOLS))

    for is_stream in (True, False):
        read = _read([_written(deltas, is_stream=is_stream)], is_stream=is_stream)
        calls = [each for each in read if isinstance(each, Called)]
        assert [(each.id, each.name) for each in calls] == [(f"t{i}", "look") for i in range(3)]
        argued = [json.loads(_arguments(read, each.index)) for each in calls]
        assert argued == [json.loads(text) for text in whole]
        said = "".join(each.text for each in read if isinstance(each, Said))
        assert len(said) == sum(isinstance(each, Said) for each in deltas)


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("end_turn", Stop.END),
        ("max_tokens", Stop.LENGTH),
        ("model_context_window_exceeded", Stop.LENGTH),
        ("stop_sequence", Stop.SEQUENCE),
        ("tool_use", Stop.TOOLS),
        ("pause_turn", Stop.PAUSED),
        ("refusal", Stop.REFUSED),
        ("news", Stop.END),
    ],
)
def test_why_an_answer_ended_is_read(reason: str, stop: Stop) -> None:
    body = {"type": "message", "content": [], "stop_reason": reason, "stop_sequence": "X"}

    (_, stopped) = _read([json.dumps(body).encode()], is_stream=False)

    assert stopped == Stopped(stop, "X")


@pytest.mark.parametrize("stop", list(Stop))
def test_why_an_answer_ended_is_written(stop: Stop) -> None:
    answer = json.loads(_written([Began(), Stopped(stop, "X")], is_stream=False))

    assert answer["stop_reason"] in {
        *("end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal", "pause_turn"),
    }
    assert answer["stop_sequence"] == "X"


@pytest.mark.req("S-58", "R-10")
@pytest.mark.parametrize(
    ("recorded", "failure"),
    [
        (b"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"x_y\"}}\n\n", UpstreamFailed),
        (b"data: canary\n\n", UpstreamBroke),
        (b'data: {"type":"content_block_delta","index":0,"delta":{"text":"x"}}\n\n', UpstreamBroke),
        (b'data: {"type":"ping"}\n\n', UpstreamBroke),
        (b"", UpstreamBroke),
    ],
)  # fmt: skip
def test_a_stream_that_is_none_fails(recorded: bytes, failure: type[Exception]) -> None:
    reader = CODEC.reader(is_stream=True)

    reader.feed(recorded)
    reader.finish()

    assert isinstance(reader.failure, failure)


@pytest.mark.parametrize(
    ("block", "pieces"),
    [
        ({"type": "text"}, []),
        ({"type": "text", "text": ""}, []),
        ({"type": "thinking"}, []),
        ({"type": "thinking", "thinking": "hm"}, [Thought("hm")]),
        ({"type": "tool_use"}, [Called(0, "", ""), Argued(0, "{}")]),
        (
            {"type": "redacted_thinking"},
            [Sealed(State(NAME, {"type": "redacted_thinking", "data": ""}))],
        ),
        ({"type": "server_tool_use", "id": "s", "name": "w", "text": "x"}, []),
        ({}, []),
    ],
    ids=str,
)
def test_a_block_has_what_it_has(block: dict[str, Any], pieces: list[Delta]) -> None:
    whole = {"type": "message", "content": [block]}

    assert _read([json.dumps(whole).encode()], is_stream=False) == [
        *(Began(""), *pieces, Stopped(Stop.END)),
    ]
    assert _streamed(
        {"type": "content_block_start", "index": 0, "content_block": block}, END_TURN
    ) == [
        *(*pieces, Stopped(Stop.END)),
    ]


ALL = {
    "text": "a",
    "thinking": "hm",
    "signature": "s",
    "partial_json": "{}",
    "citation": {"url": "u"},
}


@pytest.mark.parametrize(
    ("kind", "pieces"),
    [
        ("text", [Said("a"), Cited(Citation("u", raw={"url": "u"}))]),
        ("thinking", [Thought("hm"), Sealed(State(NAME, {"signature": "s"}))]),
        ("tool_use", [Called(0, "", ""), Argued(0, "{}")]),
        ("server_tool_use", []),
    ],
)
def test_a_block_grows_by_what_is_of_its_kind(kind: str, pieces: list[Delta]) -> None:
    begun = {"type": "content_block_start", "index": 0, "content_block": {"type": kind}}
    nothing = {"type": "content_block_delta", "index": 0}

    read = _streamed(begun, nothing, {**nothing, "delta": ALL}, END_TURN)

    assert read == [*pieces, Stopped(Stop.END)]


@pytest.mark.parametrize(
    ("events", "pieces"),
    [
        ([{"type": "message_start"}], [Began("")]),
        ([{"type": "content_block_start", "index": 0}], []),
        ([{"type": "content_block_stop", "index": 7}], []),
        ([{"type": "message_delta"}], []),
        ([END_TURN, END_TURN], [Stopped(Stop.END)]),
        (
            [TOOL, {"type": "content_block_stop", "index": 0}, END_TURN],
            [Called(0, "", ""), Argued(0, "{}"), Stopped(Stop.END)],
        ),
        (
            [TOOL, END_TURN, {"type": "content_block_stop", "index": 0}],
            [Called(0, "", ""), Argued(0, "{}"), Stopped(Stop.END)],
        ),
    ],
    ids=str,
)
def test_events_may_say_little_and_an_answer_ends_once(
    events: list[dict[str, Any]], pieces: list[Delta]
) -> None:
    assert _streamed(*events, {"type": "message_stop"}) == pieces


@pytest.mark.req("R-10")
def test_once_it_has_stopped_its_end_is_not_missed() -> None:
    assert _streamed(END_TURN) == [Stopped(Stop.END)]


@pytest.mark.req("S-58")
@pytest.mark.parametrize(
    ("whole", "failure"),
    [
        ({"type": "error"}, UpstreamFailed),
        ({"type": "error", "content": []}, UpstreamFailed),
        ({"type": "message", "content": [], "error": {"type": "x"}}, UpstreamFailed),
        ({"type": "message"}, UpstreamBroke),
        ({"content": []}, UpstreamBroke),
        ([], UpstreamBroke),
    ],
    ids=str,
)
def test_what_is_no_whole_answer_is_none(whole: Any, failure: type[Exception]) -> None:
    reader = CODEC.reader(is_stream=False)

    reader.feed(json.dumps(whole).encode())

    assert reader.finish() == ()
    assert isinstance(reader.failure, failure)


def test_what_went_in_is_known_before_anything_comes_out() -> None:
    usage = {"input_tokens": 9, "output_tokens": 1}
    begun = {"type": "message_start", "message": {"id": "m", "usage": usage}}

    deltas = CODEC.reader(is_stream=True).feed(b"data: " + json.dumps(begun).encode() + b"\n\n")

    assert list(deltas) == [Began("m"), Counted(Usage(9))]


def _streamed(*events: dict[str, Any]) -> list[Delta]:
    return _read(
        [b"data: " + json.dumps(event).encode() + b"\n\n" for event in events], is_stream=True
    )


def _hello() -> dict[str, Any]:
    return {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}


def _decode(body: dict[str, Any]) -> Conversation:
    return CODEC.decode(json.dumps(body).encode())


def _encode(*messages: Message, unsaid: tuple[str, ...] = ()) -> dict[str, Any]:
    body, left = CODEC.encode(Conversation(messages), LEG)
    assert left == unsaid
    said: dict[str, Any] = json.loads(body)
    return said


def _written(deltas: list[Delta], *, is_stream: bool) -> bytes:
    ask = CODEC.peek(json.dumps({**_hello(), "stream": is_stream}).encode())
    writer = CODEC.writer(ask, "1", 0)
    return b"".join([*(writer.write([delta]) for delta in deltas), writer.finish()])


def _read(pieces: list[bytes], *, is_stream: bool) -> list[Delta]:
    """What was read, adjoining texts in one, the last count at the end."""
    reader = CODEC.reader(is_stream=is_stream)
    deltas: list[Delta] = []
    for piece in pieces:
        deltas += reader.feed(piece)
    deltas += reader.finish()
    assert reader.failure is None
    return _joined(deltas)


def _joined(deltas: list[Delta]) -> list[Delta]:
    """Adjoining pieces of one kind as one, calls by their order, and the last count at the end."""
    joined: list[Delta] = []
    order: dict[int, int] = {}
    for delta in deltas:
        last = joined[-1] if joined else None
        match delta:
            case Said(text) if isinstance(last, Said):
                joined[-1] = Said(last.text + text)
            case Thought(text) if isinstance(last, Thought):
                joined[-1] = Thought(last.text + text)
            case Called(index):
                order[index] = len(order)
                joined.append(Called(order[index], delta.id, delta.name))
            case Argued(index, text) if isinstance(last, Argued) and last.index == order[index]:
                joined[-1] = Argued(last.index, last.fragment + text)
            case Argued(index, text):
                joined.append(Argued(order[index], text))
            case Counted():
                continue
            case _:
                joined.append(delta)
    counts = [delta for delta in deltas if isinstance(delta, Counted) and delta.usage.total]
    return [*joined, *counts[-1:]]


def _arguments(deltas: list[Delta], index: int) -> str:
    return "".join(
        each.fragment for each in deltas if isinstance(each, Argued) and each.index == index
    )
