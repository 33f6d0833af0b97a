"""A conversation as `/api/chat` is asked it, and what cannot be said of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tollhouse.dialects.ollama_chat import OllamaChat
from tollhouse.domain.conversation import (
    Audio,
    Choose,
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
from tollhouse.domain.models import Leg
from tollhouse.domain.snapshot import Target

LEG = Leg(Target("up", "ollama", "m-real"), None, 1, 7, 0)
HELLO = Message(Role.USER, (Text("hello"),))
LOOK = Tool("look", "Looks.", {"type": "object", "properties": {"at": {"type": "string"}}})


def test_a_question_is_asked_with_its_bound_and_nothing_made_up() -> None:
    assert _said(Conversation((HELLO,))) == {
        "model": "m-real",
        "messages": [{"role": "user", "content": "hello"}],
        "stream": False,
        "options": {"num_predict": 7},
    }


@pytest.mark.req("OL-36")
def test_sampling_stands_in_the_options() -> None:
    sampling = Sampling(temperature=0.0, top_p=0.5, top_k=3, min_p=0.1, seed=7, stop=("a", "b"))

    assert _said(Conversation((HELLO,), sampling=sampling))["options"] == {
        "temperature": 0.0,
        "top_p": 0.5,
        "top_k": 3,
        "min_p": 0.1,
        "seed": 7,
        "stop": ["a", "b"],
        "num_predict": 7,
    }


@pytest.mark.req("R-15")
def test_a_turn_with_tools_keeps_its_calls_and_results() -> None:
    conversation = Conversation(
        (
            Message(Role.DEVELOPER, (Text("Be brief."), Text("Be kind."))),
            HELLO,
            Message(Role.ASSISTANT, (Reasoning("Hm"), ToolCall("c1", "look", '{"at":"x"}'))),
            Message(Role.TOOL, (ToolResult("c1", (Text("a cat"), Image("image/png", "AA"))),)),
            Message(Role.ASSISTANT, (Refusal("No."),)),
        ),
        tools=(LOOK,),
        is_stream=True,
    )

    said = _said(conversation)

    call = {"index": 0, "name": "look", "arguments": {"at": "x"}}
    assert said["messages"] == [
        {"role": "system", "content": "Be brief.\nBe kind."},
        {"role": "user", "content": "hello"},
        *[
            {
                "role": "assistant",
                "content": "",
                "thinking": "Hm",
                "tool_calls": [{"id": "c1", "function": call}],
            }
        ],
        *[
            {
                "role": "tool",
                "content": "a cat",
                "images": ["AA"],
                "tool_call_id": "c1",
                "tool_name": "look",
            }
        ],
        {"role": "assistant", "content": "No."},
    ]
    assert said["stream"] is True
    assert said["tools"][0]["function"] == {
        "name": "look",
        "description": "Looks.",
        "parameters": LOOK.parameters,
    }


def test_to_forbid_tools_is_to_offer_none() -> None:
    conversation = Conversation((HELLO,), tools=(LOOK,), tool_choice=ToolChoice(Choose.NONE))

    assert "tools" not in _said(conversation)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (OutputForm(Form.TEXT), None),
        (OutputForm(Form.JSON), "json"),
        (OutputForm(Form.SCHEMA, "x", {"type": "object"}), {"type": "object"}),
    ],
)
def test_the_form_is_json_or_a_schema(form: OutputForm, said: Any) -> None:
    assert _said(Conversation((HELLO,), form=form)).get("format") == said


@pytest.mark.parametrize(
    ("thinking", "said"),
    [
        (Thinking(), True),
        (Thinking(is_on=False), False),
        (Thinking(effort="minimal"), "low"),
        (Thinking(effort="xhigh"), "high"),
    ],
)
def test_thinking_is_a_switch_or_one_of_three_words(thinking: Thinking, said: Any) -> None:
    assert _said(Conversation((HELLO,), thinking=thinking))["think"] == said


@pytest.mark.req("P-12")
@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"choices": 2}, "choices"),
        ({"user": "u"}, "user"),
        ({"has_parallel_calls": False}, "has_parallel_calls"),
        ({"tool_choice": ToolChoice(Choose.SOME)}, "tool_choice"),
        ({"tool_choice": ToolChoice(Choose.ONE, "look")}, "tool_choice"),
        ({"tools": (Tool("x", is_strict=True),)}, "tools.is_strict"),
        ({"tools": (Tool("x", mark=Mark()),)}, "tools.mark"),
        ({"thinking": Thinking(budget_tokens=100)}, "thinking.budget_tokens"),
    ],
)
def test_what_has_no_place_is_named(more: dict[str, Any], name: str) -> None:
    _, unsaid = OllamaChat().encode(Conversation((HELLO,), **more), LEG)

    assert unsaid == (name,)


@pytest.mark.req("P-12")
@pytest.mark.parametrize(
    ("part", "name"),
    [
        (Image(url="https://x/y.png"), "messages.image.url"),
        (Image("image/png", "AA", detail="high"), "messages.image.detail"),
        (Audio("mp3", "AA"), "messages.audio"),
        (File("x.pdf", data="AA"), "messages.file"),
        (Text("x", mark=Mark()), "messages.text.mark"),
        (Reasoning("x", State("anthropic", {"signature": "y"})), "messages.reasoning.state"),
        (ToolResult("c", (Text("x"),), is_error=True), "messages.toolresult.is_error"),
    ],
)
def test_a_part_that_has_no_place_is_named_once(part: Part, name: str) -> None:
    role = Role.TOOL if isinstance(part, ToolResult) else Role.USER

    _, unsaid = OllamaChat().encode(Conversation((Message(role, (part, part)),)), LEG)

    assert unsaid == (name,)


@pytest.mark.req("OL-39")
def test_what_is_said_reads_as_what_was_meant() -> None:
    chat = OllamaChat()
    meant = Conversation(
        (
            Message(Role.SYSTEM, (Text("Be brief."),)),
            Message(Role.USER, (Text("Look."), Image("image/png", "iVBORw0KGgoAAAANSUhEUgAA"))),
            Message(Role.ASSISTANT, (Text("I do."), ToolCall("c", "look", '{"at":"x"}'))),
            Message(Role.TOOL, (ToolResult("c", (Text("a cat"),), "look"),)),
        ),
        tools=(LOOK,),
        form=OutputForm(Form.SCHEMA, schema={"type": "object"}),
        sampling=Sampling(temperature=0.5, seed=1, stop=("x",)),
        thinking=Thinking(effort="low"),
    )

    body, unsaid = chat.encode(meant, LEG)

    assert unsaid == ()
    assert chat.decode(body) == meant


def _said(conversation: Conversation) -> dict[str, Any]:
    body, unsaid = OllamaChat().encode(conversation, LEG)
    assert unsaid == ()
    said = json.loads(body)
    assert isinstance(said, dict)
    return said
