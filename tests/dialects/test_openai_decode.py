from __future__ import annotations

import json
from typing import Any

import pytest

from tollhouse.dialects import openai_decode
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
    Part,
    Reasoning,
    Refusal,
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
from tollhouse.domain.errors import FieldInvalid

ASKED = [{"role": "user", "content": "hello"}]
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
SEALED_WITH_A_THOUGHT = {
    "type": "reasoning.encrypted",
    "format": "tollhouse",
    "data": '{"dialect":"other","raw":{},"text":"hm"}',
}
NEW = {"new": 1}
SOUND = {"type": "input_audio", "input_audio": {"format": "mp3", "data": "AAAA"}}
SCHEMA = {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {}}}


@pytest.mark.req("P-15")
@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("hi", [Text("hi")]),
        (None, []),
        ([], []),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], [Text("a"), Text("b")]),
        (
            [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
            [Text("a", Mark("1h"))],
        ),
        (
            [{"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}}],
            [Image(url="https://x/y.png", detail="low")],
        ),
        (
            [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}],
            [Image("image/png", "AAAA")],
        ),
        ([{"type": "image_url", "image_url": "https://x/"}], [Image(url="https://x/")]),
        (
            [{"type": "image_url", "image_url": {"url": "https://x/", "detail": "auto"}}],
            [Image(url="https://x/")],
        ),
        (
            [{"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}],
            [Audio("mp3", "AAAA")],
        ),
        (
            [
                {
                    "type": "file",
                    "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"},
                }
            ],
            [File("a.pdf", "application/pdf", "AAAA")],
        ),
        ([{"type": "file", "file": {"file_id": "file-1"}}], [File(id="file-1")]),
    ],
)
def test_what_a_user_says_is_read_part_by_part(content: Any, parts: list[Part]) -> None:
    conversation = _decoded(messages=[{"role": "user", "content": content, "name": "anna"}])

    assert conversation.messages == (Message(Role.USER, tuple(parts), "anna"),)
    assert conversation.unsaid == ()


@pytest.mark.req("P-15")
@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ({"content": "a"}, [Text("a")]),
        ({"content": None, "refusal": "no"}, [Refusal("no")]),
        ({"content": [{"type": "refusal", "refusal": "no"}]}, [Refusal("no")]),
        ({"tool_calls": [CALL]}, [ToolCall("c1", "f", '{"a":1}')]),
        (
            {"content": "a", "reasoning_content": "hm", "tool_calls": [CALL, {**CALL, "id": "c2"}]},
            [
                Reasoning("hm"),
                Text("a"),
                ToolCall("c1", "f", '{"a":1}'),
                ToolCall("c2", "f", '{"a":1}'),
            ],
        ),
        ({"content": "a", "reasoning": "hm"}, [Reasoning("hm"), Text("a")]),
        (
            {"content": "a", "reasoning_content": "hm", "reasoning": "hm"},
            [Reasoning("hm"), Text("a")],
        ),
        ({"content": "a", "reasoning_details": [SEALED_WITH_A_THOUGHT]}, [Text("a")]),
        ({"content": "a", "reasoning_details": ["x", 7, None]}, [Text("a")]),
        (
            {"content": "a", "reasoning_details": [{**SEALED_WITH_A_THOUGHT, "format": "x"}]},
            [
                Reasoning(
                    "",
                    State(
                        "openai_chat",
                        {"reasoning_details": [{**SEALED_WITH_A_THOUGHT, "format": "x"}]},
                    ),
                ),
                Text("a"),
            ],
        ),
        *(
            (
                {"content": "a", "reasoning_details": [{"format": "tollhouse", "data": x}]},
                [Text("a")],
            )
            for x in (None, 7, "", "{", '{"x":' + "[" * 100_000)
        ),
        ({"tool_calls": [{"function": {"name": "f"}}]}, [ToolCall("", "f", "")]),
        ({"tool_calls": [{"id": "c1"}]}, []),
        ({"content": None, "annotations": [{"url_citation": {"url": "https://x/"}}]}, []),
        (
            {
                "content": [{"type": "refusal", "refusal": "no"}],
                "annotations": [{"url_citation": {"url": "https://x/"}}],
            },
            [Refusal("no")],
        ),
        (
            {"content": "a", "reasoning": "hm", "reasoning_details": [{"type": "x", "data": "?"}]},
            [
                Reasoning(
                    "hm", State("openai_chat", {"reasoning_details": [{"type": "x", "data": "?"}]})
                ),
                Text("a"),
            ],
        ),
        (
            {
                "content": "a",
                "annotations": [
                    {
                        "type": "url_citation",
                        "url_citation": {
                            "url": "https://x/",
                            "title": "X",
                            "start_index": 0,
                            "end_index": 1,
                        },
                    }
                ],
            },
            [Text("a", citations=(Citation("https://x/", "X", start=0, end=1),))],
        ),
        ({"content": "a", "audio": None, "annotations": [], "function_call": None}, [Text("a")]),
    ],
)
def test_what_a_model_said_is_read_part_by_part(message: dict[str, Any], parts: list[Part]) -> None:
    conversation = _decoded(messages=[*ASKED, {"role": "assistant", **message}])

    assert conversation.messages[1] == Message(Role.ASSISTANT, tuple(parts))
    assert conversation.unsaid == ()


def test_a_result_belongs_to_its_call() -> None:
    result = {"role": "tool", "tool_call_id": "c1", "content": "42", "name": "f"}

    conversation = _decoded(messages=[*ASKED, {"role": "assistant", "tool_calls": [CALL]}, result])

    assert conversation.messages[2] == Message(Role.TOOL, (ToolResult("c1", (Text("42"),), "f"),))


def test_calls_from_before_calls_had_ids_are_given_some() -> None:
    call = {"role": "assistant", "content": None, "function_call": CALL["function"]}
    result = {"role": "function", "name": "f", "content": "42"}

    conversation = _decoded(messages=[*ASKED, call, result, call, result])

    ids = [message.parts[0] for message in conversation.messages[1:]]
    assert [getattr(part, "id", None) or getattr(part, "call_id", None) for part in ids] == [
        *["function_call_1"] * 2,
        *["function_call_2"] * 2,
    ]


@pytest.mark.parametrize("role", ["system", "developer"])
def test_instructions_stay_where_they_stood(role: str) -> None:
    conversation = _decoded(messages=[*ASKED, {"role": role, "content": "be brief"}])

    assert conversation.messages[1] == Message(Role(role), (Text("be brief"),))


@pytest.mark.req("P-15")
def test_tools_are_read_with_their_schemas_as_they_are() -> None:
    function = {"name": "f", "description": "d", "parameters": SCHEMA, "strict": True}

    conversation = _decoded(tools=[{"type": "function", "function": function}])

    assert conversation.tools == (Tool("f", "d", SCHEMA, is_strict=True),)


def test_a_tool_of_no_kind_is_a_function() -> None:
    assert _decoded(tools=[{"function": {"name": "f"}}]).tools == (Tool("f"),)


def test_functions_are_tools() -> None:
    conversation = _decoded(functions=[{"name": "f"}], function_call={"name": "f"})

    assert conversation.tools == (Tool("f"),)
    assert conversation.tool_choice == ToolChoice(Choose.ONE, "f")


@pytest.mark.parametrize(
    ("choice", "found"),
    [
        ("auto", ToolChoice(Choose.AUTO)),
        ("none", ToolChoice(Choose.NONE)),
        ("required", ToolChoice(Choose.SOME)),
        ({"type": "function", "function": {"name": "f"}}, ToolChoice(Choose.ONE, "f")),
    ],
)
def test_a_choice_of_tools_is_read(choice: Any, found: ToolChoice) -> None:
    conversation = _decoded(tool_choice=choice)

    assert conversation.tool_choice == found
    assert conversation.unsaid == ()


@pytest.mark.parametrize(
    ("form", "found"),
    [
        ({"type": "text"}, OutputForm(Form.TEXT)),
        ({"type": "json_object"}, OutputForm(Form.JSON)),
        (
            {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA, "strict": True}},
            OutputForm(Form.SCHEMA, "n", SCHEMA, is_strict=True),
        ),
    ],
)
def test_the_form_of_the_answer_is_read(form: Any, found: OutputForm) -> None:
    assert _decoded(response_format=form).form == found


def test_how_to_draw_is_read() -> None:
    drawn = {
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "min_p": 0.1,
        "seed": 7,
        "frequency_penalty": 1,
        "presence_penalty": -1,
        "stop": ["a", "b"],
    }

    conversation = _decoded(**drawn)

    assert conversation.sampling == Sampling(0.5, 0.9, 40, 0.1, 1, -1, 7, ("a", "b"))
    assert _decoded(stop="a").sampling.stop == ("a",)


@pytest.mark.parametrize(
    ("effort", "found"),
    [
        ("low", Thinking(effort="low")),
        ("xhigh", Thinking(effort="xhigh")),
        ("none", Thinking(is_on=False)),
    ],
)
def test_how_hard_to_think_is_read(effort: str, found: Thinking) -> None:
    conversation = _decoded(reasoning_effort=effort)

    assert conversation.thinking == found
    assert conversation.unsaid == ()


def test_the_rest_is_read() -> None:
    conversation = _decoded(n=3, user="anna", stream=True, parallel_tool_calls=False)

    assert (conversation.choices, conversation.user) == (3, "anna")
    assert _decoded().choices == 1
    assert conversation.is_stream
    assert conversation.has_parallel_calls is False


@pytest.mark.req("R-5")
@pytest.mark.parametrize(
    ("members", "unsaid"),
    [
        ({"logit_bias": {"1": 1}, "metadata": {"a": "b"}}, ["logit_bias", "metadata"]),
        ({"messages": [{**ASKED[0], "content": [{"type": "video"}]}]}, ["messages.content.video"]),
        ({"messages": [{**ASKED[0], "mood": "good"}]}, ["messages.mood"]),
        ({"tools": [{"type": "custom", "custom": {"name": "c"}}]}, ["tools.custom"]),
        ({"tool_choice": {"type": "allowed_tools"}}, ["tool_choice.allowed_tools"]),
        ({"response_format": {"type": "grammar", "g": 1}}, ["response_format.grammar"]),
        ({"reasoning_effort": "utmost"}, ["reasoning_effort"]),
        ({"service_tier": "priority"}, ["service_tier"]),
        ({"stream_options": {"include_usage": True, "new": 1}}, ["stream_options.new"]),
        ({"tools": [{"function": {"name": "f"}, "new": 1}]}, ["tools.new"]),
        ({"tools": [{"function": {"name": "f", "new": 1}}]}, ["tools.function.new"]),
        ({"response_format": {"type": "text", "new": 1}}, ["response_format.new"]),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "new": 1}}},
            ["response_format.json_schema.new"],
        ),
    ],
)
def test_what_has_no_place_is_named(members: dict[str, Any], unsaid: list[str]) -> None:
    assert list(_decoded(**members).unsaid) == unsaid


@pytest.mark.req("R-5")
@pytest.mark.parametrize(
    ("part", "unsaid"),
    [
        ({"type": "text", "text": "a", **NEW}, "new"),
        (
            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", **NEW}},
            "cache_control.new",
        ),
        ({"type": "image_url", "image_url": {"url": "https://x/", **NEW}}, "image_url.new"),
        (
            {"type": "input_audio", "input_audio": {"format": "mp3", "data": "AA", **NEW}},
            "input_audio.new",
        ),
        ({"type": "file", "file": {"file_id": "f", **NEW}}, "file.new"),
    ],
)
def test_what_has_no_place_in_a_part_is_named(part: dict[str, Any], unsaid: str) -> None:
    conversation = _decoded(messages=[{"role": "user", "content": [part]}])

    assert conversation.unsaid == (f"messages.content.{unsaid}",)


@pytest.mark.req("R-5")
@pytest.mark.parametrize(
    ("message", "unsaid"),
    [
        ({"tool_calls": [{"id": "c1", "type": "custom", "custom": NEW}]}, "tool_calls.custom"),
        ({"tool_calls": [{"function": {"name": "f", **NEW}}]}, "tool_calls.function.new"),
        ({"function_call": {"name": "f", **NEW}}, "function_call.new"),
        ({"annotations": [{"type": "url_citation", **NEW}]}, "annotations.new"),
        (
            {"annotations": [{"url_citation": {"url": "https://x/", **NEW}}]},
            "annotations.url_citation.new",
        ),
    ],
)
def test_what_has_no_place_in_an_answer_is_named(message: dict[str, Any], unsaid: str) -> None:
    conversation = _decoded(messages=[{"role": "assistant", "content": "a", **message}])

    assert conversation.unsaid == (f"messages.{unsaid}",)


def test_a_part_of_no_known_kind_is_left_out() -> None:
    conversation = _decoded(messages=[{"role": "user", "content": [{"type": "video"}]}])

    assert conversation.messages == (Message(Role.USER, ()),)


@pytest.mark.req("R-5")
@pytest.mark.parametrize(
    "members",
    [
        {"max_tokens": 5, "max_completion_tokens": 6, "stream_options": {"include_usage": True}},
        {"service_tier": "auto", "store": False, "logprobs": False, "modalities": ["text"]},
        {"logit_bias": None, "tools": None, "tool_choice": None, "stop": None, "n": None},
        {"metadata": {}, "functions": []},
    ],
)
def test_what_says_nothing_is_not_missed(members: dict[str, Any]) -> None:
    assert _decoded(**members) == _decoded()


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [7]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0].type"),
        ({"messages": [*ASKED, {"role": "tool", "content": ""}]}, "messages[1].tool_call_id"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {}}]}]},
            "messages[0].tool_calls[0].function.name",
        ),
        ({"messages": [{"role": "oracle", "content": ""}]}, "messages[0].role"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tool_choice": "perhaps"}, "tool_choice"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        (
            {"messages": [{"role": "tool", "tool_call_id": "c1", "content": [SOUND]}]},
            "messages[0].content",
        ),
        ({"reasoning_effort": ["low"]}, "reasoning_effort"),
        ({"temperature": "hot"}, "temperature"),
        ({"stop": [1]}, "stop"),
    ],
)
def test_what_is_not_of_the_form_is_refused_by_its_path(
    members: dict[str, Any], param: str
) -> None:
    with pytest.raises(FieldInvalid) as caught:
        _decoded(**members)

    assert caught.value.param == param


def _decoded(**members: Any) -> Conversation:
    return openai_decode.decode(json.dumps({"model": "m", "messages": ASKED, **members}).encode())
