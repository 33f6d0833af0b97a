"""OpenAI Responses into a conversation and out of one, on both sides."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import Response

from dialects.response_events import (
    BEGINNING,
    COMPLETED,
    FAILED,
    HI,
    MESSAGE,
    STREAM,
    event,
    response,
)
from tollhouse.dialects.openai_responses import OpenAIResponses
from tollhouse.dialects.responses_names import custom, flat, text_of
from tollhouse.dialects.responses_state import OURS
from tollhouse.domain.conversation import (
    Choose,
    Citation,
    Conversation,
    File,
    Form,
    Image,
    Message,
    OutputForm,
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
from tollhouse.domain.deltas import (
    Argued,
    Began,
    Called,
    Cited,
    Counted,
    Declined,
    Delta,
    Said,
    Sealed,
    Stop,
    Stopped,
    Thought,
)
from tollhouse.domain.errors import Failure, FieldInvalid, UpstreamBroke, UpstreamFailed
from tollhouse.domain.models import Leg
from tollhouse.domain.pricing import Kinds, Usage
from tollhouse.domain.snapshot import Target

LEG = Leg(Target("up", "openai", "m-real"), None, 1, 7, 0)
SEALED = State("openai_responses", {"encrypted_content": "secret"})
FOREIGN = State("anthropic_messages", {"signature": "s"})
LOOK: dict[str, Any] = {"type": "function", "name": "look", "parameters": {"type": "object"}}
EYES = {"type": "namespace", "name": "mcp__eyes", "description": "d", "tools": [LOOK]}
PATCH = {"type": "custom", "name": "patch", "format": {"type": "grammar", "syntax": "lark"}}

END = Stopped(Stop.END)
SUMMARY = {"type": "summary_text", "text": "in short"}
THOUGHT = {"type": "reasoning_text", "text": "hm"}
NEW_SUMMARY = "input.summary.new"
REFUSED = {"type": "refusal", "refusal": "no"}

CONVERSATION = Conversation(
    messages=(
        Message(Role.SYSTEM, (Text("be brief"),)),
        Message(Role.DEVELOPER, (Text("in English"),)),
        Message(
            Role.USER,
            (
                Text("what is it?"),
                Image("image/png", "AA==", detail="low"),
                Image(url="https://x/y.png"),
                File("a.pdf", "application/pdf", "AA=="),
            ),
        ),
        Message(
            Role.ASSISTANT,
            (
                Reasoning("", SEALED),
                Text("let me see"),
                ToolCall("c1", "look", '{"at":1}'),
                ToolCall("c2", "look", "no json"),
            ),
        ),
        Message(Role.TOOL, (ToolResult("c1", (Text("blue"),)),)),
        Message(Role.TOOL, (ToolResult("c2", (Text("a"), Image(url="https://x/"))),)),
        Message(Role.ASSISTANT, (Refusal("no"),)),
    ),
    tools=(Tool("look", "sees", {"type": "object"}, is_strict=True),),
    tool_choice=ToolChoice(Choose.ONE, "look"),
    has_parallel_calls=True,
    form=OutputForm(Form.SCHEMA, "shape", {"type": "object"}, is_strict=True),
    sampling=Sampling(temperature=0.5, top_p=0.9),
    thinking=Thinking(effort="low"),
    is_stream=True,
    user="u",
)


@pytest.mark.req("P-12", "P-13", "R-8")
def test_a_conversation_comes_back_as_it_was_said() -> None:
    said, unsaid = OpenAIResponses().encode(CONVERSATION, LEG)

    assert OpenAIResponses().decode(said) == CONVERSATION
    assert unsaid == ()
    OpenAIResponses().peek(said)


def test_what_is_said_leaves_nothing_at_the_provider_and_keeps_the_bound() -> None:
    body = json.loads(OpenAIResponses().encode(CONVERSATION, LEG)[0])

    assert (body["model"], body["store"], body["max_output_tokens"]) == ("m-real", False, 7)
    assert body["include"] == ["reasoning.encrypted_content"]
    assert [item["type"] for item in body["input"][3:8]] == [
        *("reasoning", "message", "function_call", "function_call", "function_call_output"),
    ]


@pytest.mark.req("P-12")
def test_what_has_no_place_in_responses_is_named() -> None:
    strange = Conversation(
        messages=(
            Message(
                Role.ASSISTANT,
                (Reasoning("hm"), Reasoning("", FOREIGN), Text("a", citations=(Citation("u"),))),
                name="bob",
            ),
            Message(Role.TOOL, (ToolResult("c", (), is_error=True),)),
        ),
        sampling=Sampling(top_k=1, seed=2, stop=("x",)),
        thinking=Thinking(is_on=False),
        choices=2,
    )

    _, unsaid = OpenAIResponses().encode(strange, LEG)

    assert set(unsaid) == {
        *("messages.reasoning", "messages.reasoning.state", "messages.text.citations"),
        *("messages.name", "messages.toolresult.is_error", "sampling.top_k", "sampling.seed"),
        *("sampling.stop", "thinking.is_on", "choices"),
    }


@pytest.mark.req("R-8")
def test_tools_of_every_kind_are_said_as_functions_or_named() -> None:
    tools = [LOOK, EYES, PATCH, {"type": "web_search"}, {"type": "local_shell"}]

    said = _decoded(tools=tools, tool_choice={"type": "custom", "name": "patch"})

    assert [tool.name for tool in said.tools] == ["look", "mcp__eyes__look", "patch"]
    assert said.tools[2].parameters is not None
    assert said.tools[2].parameters["required"] == ["input"]
    assert said.tool_choice == ToolChoice(Choose.ONE, "patch")
    assert said.unsaid == ("tools.format", "tools.web_search", "tools.local_shell")


@pytest.mark.req("R-8")
def test_what_agents_send_back_is_one_message_a_side() -> None:
    said = _decoded(
        instructions="be brief",
        input=[
            {"role": "user", "content": "go"},
            {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "secret"},
            {
                "type": "message",
                "role": "assistant",
                "id": "msg",
                "phase": "commentary",
                "content": [{"type": "output_text", "text": "so", "annotations": []}],
            },
            {
                "type": "function_call",
                "id": "fc",
                "status": "completed",
                "call_id": "c1",
                "name": "look",
                "namespace": "mcp__eyes",
                "arguments": "{}",
            },
            {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "*** Begin"},
            {"type": "function_call_output", "call_id": "c1", "output": "blue"},
            {"type": "custom_tool_call_output", "call_id": "c2", "output": "done"},
            {"type": "web_search_call", "id": "ws", "status": "completed"},
        ],
    )

    assert said.messages == (
        Message(Role.SYSTEM, (Text("be brief"),)),
        Message(Role.USER, (Text("go"),)),
        Message(
            Role.ASSISTANT,
            (
                Reasoning("", SEALED),
                Text("so"),
                ToolCall("c1", "mcp__eyes__look", "{}"),
                ToolCall("c2", "patch", '{"input":"*** Begin"}'),
            ),
        ),
        Message(Role.TOOL, (ToolResult("c1", (Text("blue"),)),)),
        Message(Role.TOOL, (ToolResult("c2", (Text("done"),)),)),
    )
    assert said.unsaid == ("input.web_search_call",)


@pytest.mark.parametrize(
    ("item", "parts"),
    [
        ({"type": "function_call", "call_id": "c", "name": "f"}, [ToolCall("c", "f", "")]),
        (
            {"type": "custom_tool_call", "call_id": "c", "name": "f"},
            [ToolCall("c", "f", '{"input":""}')],
        ),
        ({"type": "reasoning", "summary": [SUMMARY], "content": [THOUGHT]}, [Reasoning("hm")]),
        ({"type": "reasoning", "summary": [SUMMARY]}, [Reasoning("in short")]),
        ({"type": "reasoning", "content": [{"type": "reasoning_text"}]}, [Reasoning("")]),
        ({"type": "function_call_output", "call_id": "c"}, [ToolResult("c", ())]),
        (
            {"type": "function_call_output", "call_id": "c", "name": "f", "namespace": "n"},
            [ToolResult("c", (), "n__f")],
        ),
        (
            {"type": "function_call_output", "call_id": "c", "namespace": "n"},
            [ToolResult("c", ())],
        ),
        (
            {"type": "function_call_output", "call_id": "c", "output": [REFUSED]},
            [ToolResult("c", ())],
        ),
        ({"role": "user", "content": [{"type": "video"}]}, []),
        (
            {"role": "user", "content": [{"type": "output_text", "text": "a", "logprobs": [1]}]},
            [Text("a")],
        ),
        ({"role": "user", "content": [{"type": "input_file", "file_url": "u"}]}, [File(url="u")]),
        (
            {"role": "user", "content": [{"type": "input_file", "file_data": "AA=="}]},
            [File(data="AA==")],
        ),
    ],
    ids=str,
)
def test_an_item_is_read_part_by_part(item: dict[str, Any], parts: list[Any]) -> None:
    (message,) = _decoded(input=[item]).messages

    assert list(message.parts) == parts


def test_tools_that_came_later_are_tools() -> None:
    later = {
        "type": "tool_search_output",
        "call_id": "c",
        "execution": "client",
        "tools": [{**LOOK, "defer_loading": True}],
    }

    said = _decoded(input=[{"role": "user", "content": "x"}, later])

    assert [tool.name for tool in said.tools] == ["look"]
    assert len(said.messages) == 1
    assert said.unsaid == ()


@pytest.mark.req("P-11")
@pytest.mark.parametrize("torn", ["", "{", "7", '{"x":' + "[" * 100_000, "\U0001f512"])
def test_a_seal_that_is_torn_is_left_out(torn: str) -> None:
    item = {"type": "reasoning", "content": [THOUGHT], "encrypted_content": OURS + torn}

    (message,) = _decoded(input=[item]).messages

    assert message.parts == (Reasoning("hm"),)


@pytest.mark.parametrize("arguments", ["{", "[]", '{"input":7}', '{"x":' + "[" * 100_000])
def test_arguments_that_are_no_text_of_a_custom_tool_are_the_text(arguments: str) -> None:
    assert text_of(arguments) == arguments


@pytest.mark.parametrize(
    ("given", "choice"),
    [
        ("auto", Choose.AUTO),
        ("none", Choose.NONE),
        ("required", Choose.SOME),
    ],
)
def test_a_choice_of_tools_is_read(given: str, choice: Choose) -> None:
    said = _decoded(tool_choice=given)

    assert said.tool_choice == ToolChoice(choice)
    assert said.unsaid == ()


@pytest.mark.parametrize(
    ("reasoning", "thinking"),
    [
        ({"effort": "none"}, Thinking(is_on=False)),
        ({"effort": "low", "summary": "auto", "generate_summary": "auto"}, Thinking(effort="low")),
        ({"effort": "utmost"}, None),
        ({}, None),
    ],
)
def test_how_hard_to_think_is_read(reasoning: Any, thinking: Thinking | None) -> None:
    assert _decoded(reasoning=reasoning).thinking == thinking


@pytest.mark.req("R-5")
@pytest.mark.parametrize(
    ("members", "unsaid"),
    [
        ({"unheard_of": 1}, ["unheard_of"]),
        ({"service_tier": "priority"}, ["service_tier"]),
        ({"store": False, "truncation": "disabled", "top_logprobs": 0}, []),
        ({"stream_options": {"include_obfuscation": False, "new": 1}}, ["stream_options.new"]),
        ({"input": [{"role": "user", "content": "x", "new": 1}]}, ["input.new"]),
        ({"input": [{"role": "user", "content": [{"type": "video"}]}]}, ["input.content.video"]),
        (
            {"input": [{"role": "user", "content": [{"type": "text", "text": "a", "new": 1}]}]},
            ["input.content.new"],
        ),
        (
            {"input": [{"type": "reasoning", "summary": [SUMMARY], "content": [THOUGHT]}]},
            [],
        ),
        (
            {
                "input": [
                    {"role": "user", "content": [{"type": "text", "text": "a", "logprobs": [1]}]}
                ]
            },
            [],
        ),
        ({"input": [{"type": "web_search_call", "action": {"a": 1}}]}, ["input.web_search_call"]),
        ({"input": [{"type": "reasoning", "summary": [{**SUMMARY, "new": 1}]}]}, [NEW_SUMMARY]),
        ({"tools": [{**EYES, "new": 1}]}, ["tools.new"]),
        ({"tools": [{**LOOK, "output_schema": {"a": 1}, "allowed_callers": ["x"]}]}, []),
        ({"tool_choice": {"type": "web_search"}}, ["tool_choice.web_search"]),
        ({"tool_choice": {"type": "function", "name": "f", "new": 1}}, ["tool_choice.new"]),
        ({"text": {"verbosity": "medium"}}, []),
        ({"text": {"verbosity": "low"}}, ["text.verbosity"]),
        ({"text": {"format": {"type": "grammar"}}}, ["text.format.grammar"]),
        ({"text": {"format": {"type": "text", "new": 1}}}, ["text.format.new"]),
        ({"reasoning": {"effort": "none"}}, []),
        ({"reasoning": {"effort": "utmost"}}, ["reasoning.effort"]),
        ({"reasoning": {"summary": "auto", "generate_summary": "auto"}}, []),
        ({"reasoning": {"new": 1}}, ["reasoning.new"]),
    ],
    ids=str,
)
def test_what_has_no_place_is_named(members: dict[str, Any], unsaid: list[str]) -> None:
    assert list(_decoded(**members).unsaid) == unsaid


@pytest.mark.req("P-13")
def test_what_another_dialect_sealed_comes_back_to_it() -> None:
    answer = _whole([Began(), Thought("hm"), Sealed(FOREIGN), Said("a"), Stopped(Stop.END)])

    said = _decoded(input=[{"role": "user", "content": "x"}, *answer["output"]])

    assert said.messages[1].parts == (Reasoning("hm", FOREIGN), Text("a"))


@pytest.mark.parametrize(
    "member",
    [
        {"input": [{"role": "user", "content": [{"type": "input_text"}]}]},
        {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
        {"input": [{"type": "function_call", "call_id": "c"}]},
        {"input": [{"type": "function_call_output", "output": "x"}]},
        {"tools": [{"type": "function"}]},
        {"tools": [{"type": "namespace", "name": "n", "tools": [{"name": "f"}]}]},
        {"input": [{"role": "oracle", "content": "x"}]},
        {"reasoning": {"effort": ["low"]}},
        {"tool_choice": "any"},
        {"text": {"format": {"type": "json_schema"}}},
        {"temperature": "hot"},
    ],
)
def test_what_is_not_of_the_dialect_is_refused_by_its_path(member: dict[str, Any]) -> None:
    with pytest.raises(FieldInvalid) as refused:
        _decoded(**member)

    assert refused.value.param is not None
    assert refused.value.param.startswith(next(iter(member)))


ANSWER: list[Delta] = [
    Began("resp_1", 1),
    Thought("hm"),
    Sealed(SEALED),
    Said("hi"),
    Said(" é\u2028"),
    Cited(Citation("https://x/", "X", start=0, end=1)),
    Declined("no"),
    Called(2, "c1", "look"),
    Called(3, "c2", "look"),
    Argued(2, '{"a"'),
    Argued(3, "{}"),
    Argued(2, ":1}"),
    Counted(Usage(7, 5, 2, 1, kinds=Kinds(reasoning=3))),
    Stopped(Stop.TOOLS),
]


@pytest.mark.req("R-8", "R-9")
def test_a_stream_has_the_events_in_order_under_one_id() -> None:
    events = _events(ANSWER)

    assert [each["type"].removeprefix("response.") for each in events] == [
        *("created", "in_progress"),
        *("output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta"),
        *("reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done"),
        *("output_item.added", "content_part.added", "output_text.delta", "output_text.delta"),
        *("output_text.annotation.added", "output_text.done", "content_part.done"),
        *("content_part.added", "refusal.delta", "refusal.done", "content_part.done"),
        *("output_item.done", "output_item.added", "output_item.added"),
        *["function_call_arguments.delta"] * 3,
        *("function_call_arguments.done", "output_item.done") * 2,
        "completed",
    ]
    assert [each["sequence_number"] for each in events] == list(range(len(events)))
    assert {each["response"]["id"] for each in events if "response" in each} == {"resp_call-1"}
    assert [each["output_index"] for each in events if each["type"].endswith("item.added")] == [
        *(0, 1, 2, 3),
    ]
    final = Response.model_validate(events[-1]["response"])
    assert (final.model, final.status, final.output_text) == ("m", "completed", "hi é\u2028")
    assert final.usage is not None
    assert (final.usage.input_tokens, final.usage.total_tokens) == (10, 15)
    assert final.usage.output_tokens_details.reasoning_tokens == 3
    done = [each["item"] for each in events if each["type"].endswith("item.done")]
    assert done == events[-1]["response"]["output"]


def test_a_whole_answer_is_the_end_of_its_stream() -> None:
    assert _whole(ANSWER) == _events(ANSWER)[-1]["response"]


@pytest.mark.req("P-12", "R-15")
@given(cuts=st.lists(st.integers(0, 5000), max_size=30))
def test_what_was_written_is_read_as_it_was_wherever_it_is_split(cuts: list[int]) -> None:
    written = _stream(ANSWER)

    read, failure = _read(_cut(written, cuts))

    assert failure is None
    assert _said(read) == _said([replace(ANSWER[0], id="resp_call-1", created=2), *ANSWER[1:]])


@pytest.mark.req("P-12")
def test_a_provider_that_sends_no_pieces_is_read_from_what_is_complete() -> None:
    output = [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        MESSAGE,
        {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
    ]
    ended = event("response.completed", 1, response=response("completed", output=output))

    read, failure = _read([BEGINNING.split(b"\n\n")[0] + b"\n\n" + ended])

    assert failure is None
    expected = [
        *(Thought("hm"), Said("hi you é"), Called(2, "c", "look"), Argued(2, "{}")),
        Stopped(Stop.TOOLS),
    ]
    assert read == [Began("resp_1", 1), *expected]
    whole, _ = _read([json.dumps(response("completed", output=output)).encode()], is_stream=False)
    assert whole == read


@pytest.mark.req("P-7", "P-12")
def test_a_stream_of_openais_is_read() -> None:
    read, failure = _read([STREAM])

    assert failure is None
    assert read == [
        Began("resp_1", 1),
        Said("hi"),
        Said(" you é"),
        Counted(Usage(4, 2, 3, 2, kinds=Kinds(reasoning=1))),
        Stopped(Stop.END),
    ]


@pytest.mark.parametrize(
    ("why", "stop"), [("max_output_tokens", Stop.LENGTH), ("content_filter", Stop.FILTERED)]
)
def test_an_answer_cut_short_says_why_on_both_sides(why: str, stop: Stop) -> None:
    details = {"incomplete_details": {"reason": why}}
    ended = event("response.incomplete", 5, response=response("incomplete", **details))

    read, _ = _read([BEGINNING + HI + ended])
    written = _events([Began(), Said("hi"), Stopped(stop)])[-1]

    assert read[-1] == Stopped(stop)
    assert written["type"] == "response.incomplete"
    assert written["response"]["incomplete_details"] == {"reason": why}


@pytest.mark.req("R-10", "S-58", "S-71")
@pytest.mark.parametrize(
    ("sent", "failure"),
    [
        (BEGINNING + HI + FAILED + COMPLETED, UpstreamFailed),
        (BEGINNING + HI + event("error", 5, message="canary") + COMPLETED, UpstreamFailed),
        (BEGINNING + HI + b"data: {\n\n" + COMPLETED, UpstreamBroke),
        (BEGINNING + HI + b'data: {"type":"response.completed"}\n\n', UpstreamBroke),
        (BEGINNING + HI, UpstreamBroke),
        (BEGINNING + HI + b"data: [DONE]\n\n", UpstreamBroke),
        (
            BEGINNING
            + HI
            + event("response.output_item.added", 5, item={"type": "local_shell_call"})
            + COMPLETED,
            UpstreamBroke,
        ),
    ],
)
def test_what_breaks_off_or_is_no_answer_fails_after_what_came(
    sent: bytes, failure: type[Failure]
) -> None:
    read, failed = _read([sent])

    assert failed is failure
    assert read == [Began("resp_1", 1), Said("hi")]


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (response("failed", error={"message": "canary"}), UpstreamFailed),
        (response("queued"), UpstreamBroke),
        ({"choices": []}, UpstreamBroke),
        ([], UpstreamBroke),
    ],
)
def test_what_is_no_whole_answer_is_none(answer: Any, failure: type[Failure]) -> None:
    assert _read([json.dumps(answer).encode()], is_stream=False) == ([], failure)


@pytest.mark.parametrize(
    ("output", "pieces"),
    [
        ([{"type": "function_call", "id": "fc"}], [Called(0, "fc", ""), Stopped(Stop.TOOLS)]),
        ([{"type": "function_call"}], [Called(0, "", ""), Stopped(Stop.TOOLS)]),
        (
            [{"type": "reasoning", "content": [{"text": "hm"}, {}], "summary": [SUMMARY]}],
            [Thought("hm\n\n"), END],
        ),
        ([{"type": "reasoning"}], [END]),
        ([{"type": "reasoning", "encrypted_content": "secret"}], [Sealed(SEALED), END]),
        ([{"type": "message"}], [END]),
        ([{"type": "message", "content": [{"text": "a"}, {"refusal": "no"}, {}]}],
         [Said("a"), Declined("no"), END]),
        (
            [{"type": "message", "content": [
                {"annotations": [{"type": "file_citation", "url": "u"}, {"type": "url_citation"}]}]}],
            [Cited(Citation(None)), END],
        ),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_complete_is_read_with_what_it_has(output: Any, pieces: list[Delta]) -> None:
    answer = {"output": output}
    ended = event("response.completed", 1, response=answer)

    assert _read([json.dumps(answer).encode()], is_stream=False)[0] == [Began(), *pieces]
    assert _read([ended])[0] == pieces


@pytest.mark.parametrize(
    ("answer", "stop"),
    [
        ({"status": "completed"}, Stop.END),
        ({"status": "incomplete"}, Stop.LENGTH),
        ({"incomplete_details": {}}, Stop.LENGTH),
        ({"incomplete_details": {"reason": "content_filter"}}, Stop.FILTERED),
        ({"status": "incomplete", "output": [{"type": "function_call"}]}, Stop.LENGTH),
    ],
)
def test_why_an_answer_ended_is_read(answer: dict[str, Any], stop: Stop) -> None:
    read, _ = _read([json.dumps({"output": [], **answer}).encode()], is_stream=False)

    assert read[-1] == Stopped(stop)


@pytest.mark.parametrize(
    ("events", "pieces"),
    [
        ([("reasoning_summary_part.added", {"summary_index": 0})], []),
        ([("reasoning_summary_part.added", {"summary_index": 1})], [Thought("\n\n")]),
        ([("reasoning_summary_part.done", {"summary_index": 1})], []),
        ([("reasoning_summary_text.delta", {"delta": "hm"})], [Thought("hm")]),
        ([("refusal.delta", {"delta": "no"})], [Declined("no")]),
        ([("unheard_of", {"annotation": {"type": "url_citation"}})], []),
        ([("unheard_of", {"item": {"type": "message", "content": [{"text": "a"}]}})], []),
        ([("completed", {"response": {}})], [END]),
        ([("output_text.annotation.added", {})], []),
        ([("output_text.annotation.added", {"annotation": {"type": "file_citation"}})], []),
        ([("output_item.added", {}), ("output_item.done", {})], []),
        ([("output_item.added", {"item": {"type": "function_call", "call_id": "c"}})] * 2,
         [Called(0, "c", "")]),
        ([("output_item.done", {"item": {"type": "message", "content": [{"text": "a"}]}})] * 2,
         [Said("a")]),
        ([("created", {"response": {}}), ("in_progress", {"response": {"id": "x"}})], [Began()]),
        ([("unheard_of", {"response": {"id": "x"}, "delta": "a"})], []),
    ],
    ids=str,
)  # fmt: skip
def test_events_may_say_little(events: list[tuple[str, Any]], pieces: list[Delta]) -> None:
    sent = [event(f"response.{name}", 1, **said) for name, said in events]

    read, _ = _read([b"".join(sent)])

    assert read == pieces


@pytest.mark.req("R-10")
@pytest.mark.parametrize(
    "told",
    [
        event("response.output_text.delta", 1, delta=7),
        event("response.output_text.delta", 1),
        event("response.refusal.delta", 1, delta=["a"]),
        event("response.created", 1),
        event("response.incomplete", 1),
        b"data: 7\n\n",
    ],
)
def test_a_piece_of_no_form_ends_the_answer(told: bytes) -> None:
    assert _read([told + COMPLETED]) == ([], UpstreamBroke)


@pytest.mark.req("S-58")
@pytest.mark.parametrize(
    "answer",
    [
        {"output": [], "error": {"message": "canary"}},
        {"output": [], "status": "failed"},
    ],
)
def test_an_answer_that_failed_is_none(answer: dict[str, Any]) -> None:
    assert _read([json.dumps(answer).encode()], is_stream=False) == ([], UpstreamFailed)
    told = event("response.in_progress", 1, response=answer, error=answer.get("error"))
    if "error" in answer:
        assert _read([told]) == ([], UpstreamFailed)


def test_usage_that_is_none_is_not_counted() -> None:
    answer = {"output": [], "usage": {"input_tokens": "many"}}

    read, _ = _read([json.dumps(answer).encode()], is_stream=False)

    assert read == [Began(), END]


@pytest.mark.req("R-8", "R-10")
@pytest.mark.parametrize("number", range(len(ANSWER)))
def test_a_failure_after_any_piece_ends_the_answer_that_began(number: int) -> None:
    writer = OpenAIResponses().writer(_ask(stream=True), "call-1", 2)
    told = writer.write(ANSWER[:number])

    told += writer.problem_event(UpstreamBroke(), "request-1")  # type: ignore[attr-defined]

    events = _parsed(told)
    assert (events[0]["type"], events[-1]["type"]) == ("response.created", "response.failed")
    assert [each["sequence_number"] for each in events] == list(range(len(events)))
    assert events[-1]["response"]["id"] == events[0]["response"]["id"]
    assert events[-1]["response"]["error"]["code"] == "upstream_broke"


@pytest.mark.req("R-8")
def test_calls_go_back_in_the_form_in_which_their_tools_were_offered() -> None:
    ask = _ask(tools=[LOOK, EYES, PATCH])
    deltas: list[Delta] = [
        Began(),
        Called(0, "c0", "look"),
        Called(1, "c1", "mcp__eyes__look"),
        Called(2, "c2", "patch"),
        Argued(2, '{"inp'),
        Argued(2, 'ut":"*** Begin"}'),
        Called(3, "c3", "patch"),
        Argued(3, "no json"),
        Stopped(Stop.TOOLS),
    ]
    writer = OpenAIResponses().writer(ask, "call-1", 2)
    writer.write(deltas)

    calls = json.loads(writer.finish())["output"]

    assert [(each["type"], each["name"], each.get("namespace")) for each in calls] == [
        ("function_call", "look", None),
        ("function_call", "look", "mcp__eyes"),
        ("custom_tool_call", "patch", None),
        ("custom_tool_call", "patch", None),
    ]
    assert [each.get("input") for each in calls[2:]] == ["*** Begin", "no json"]
    assert {"look", "mcp__eyes__look", "patch", custom("patch")} <= ask.tools


@given(st.text())
def test_the_text_for_a_custom_tool_survives_as_an_argument(text: str) -> None:
    item = {"type": "custom_tool_call", "call_id": "c", "name": "patch", "input": text}
    body = json.dumps({"model": "m", "input": [item]}).encode()
    (call,) = OpenAIResponses().decode(body).messages[0].parts

    assert isinstance(call, ToolCall)
    assert text_of(call.arguments) == text


def test_a_name_that_would_be_too_long_stays_alone() -> None:
    assert flat("n" * 60, "look") == "look"
    assert flat("ns_", "look") == "ns_look"
    assert flat(None, "look") == "look"


def _decoded(**members: Any) -> Conversation:
    body = json.dumps({"model": "m", "input": "x", **members}).encode()
    return OpenAIResponses().decode(body)


def _ask(*, stream: bool = False, tools: Sequence[Any] = ()) -> Any:
    body = {"model": "m", "input": "x", "stream": stream, "tools": [*tools]}
    return OpenAIResponses().peek(json.dumps(body).encode())


def _stream(deltas: Sequence[Delta]) -> bytes:
    writer = OpenAIResponses().writer(_ask(stream=True), "call-1", 2)
    return b"".join([writer.write([delta]) for delta in deltas]) + writer.finish()


def _events(deltas: Sequence[Delta]) -> list[dict[str, Any]]:
    return _parsed(_stream(deltas))


def _parsed(stream: bytes) -> list[dict[str, Any]]:
    """Each on one line of data for every reader, under the name of its type."""
    events = []
    for each in stream.decode().removesuffix("\n\n").split("\n\n"):
        name, data = each.splitlines()
        events.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {events[-1]['type']}"
    return events


def _whole(deltas: Sequence[Delta]) -> dict[str, Any]:
    writer = OpenAIResponses().writer(_ask(), "call-1", 2)
    assert writer.write(deltas) == b""
    found: dict[str, Any] = json.loads(writer.finish())
    return found


def _read(
    pieces: Sequence[bytes], *, is_stream: bool = True
) -> tuple[list[Delta], type[Failure] | None]:
    reader = OpenAIResponses().reader(is_stream=is_stream)
    read: list[Delta] = []
    for piece in pieces:
        read += reader.feed(piece)
    if not reader.is_over and reader.failure is None:
        read += reader.finish()
    return read, type(reader.failure) if reader.failure else None


def _said(deltas: Sequence[Delta]) -> list[Delta]:
    """What belongs together in one piece: where a text is cut says nothing. Counts may come early."""
    joined: list[Delta] = []
    for each in deltas:
        match each, joined[-1:]:
            case Said(text), [Said(before)]:
                joined[-1] = Said(before + text)
            case _:
                joined.append(each)
    return joined


def _cut(recorded: bytes, cuts: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted({min(cut, len(recorded)) for cut in cuts}), len(recorded)]
    return [recorded[start:end] for start, end in pairwise(edges)]
