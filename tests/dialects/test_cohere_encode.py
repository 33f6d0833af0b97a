"""What is said to Cohere, as its own description has it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tollhouse.dialects.cohere_encode import encode
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

HELLO = Message(Role.USER, (Text("hello"),))
LOOK = Tool("look", "Looks.", {"properties": {}})
CALL = ToolCall("call_1", "look", '{"at":1}')


def test_model_bound_and_stream_are_always_told() -> None:
    body, unsaid = said(Conversation((HELLO,)))

    assert body == {
        "model": "command-a-03-2025",
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": 500,
        "stream": False,
    }
    assert unsaid == ()


def test_who_develops_is_the_system() -> None:
    body, _ = said(Conversation((Message(Role.DEVELOPER, (Text("be brief"),)), HELLO)))

    assert body["messages"][0] == {"role": "system", "content": "be brief"}


def test_images_go_by_bytes_or_url() -> None:
    blocks = content(
        Text("see"), Image("image/png", "aQ==", detail="low"), Image(url="https://example.com/a")
    )

    assert blocks == [
        {"type": "text", "text": "see"},
        {
            "type": "image_url",
            "image_url": {"url": "data:image/png;base64,aQ==", "detail": "low"},
        },
        {"type": "image_url", "image_url": {"url": "https://example.com/a"}},
    ]


def test_calls_have_their_plan_and_what_tools_showed_comes_after() -> None:
    called = Message(Role.ASSISTANT, (Reasoning("look first"), CALL))
    result = ToolResult("call_1", (Text("42"), Image("image/png", "aQ==")))

    body, unsaid = said(Conversation((HELLO, called, Message(Role.TOOL, (result,))), tools=(LOOK,)))

    function = {"name": "look", "arguments": '{"at":1}'}
    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "tool_plan": "look first",
            "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "42"},
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,aQ=="}}],
        },
    ]
    spec = {
        "name": "look",
        "description": "Looks.",
        "parameters": {"type": "object", "properties": {}},
    }
    assert body["tools"] == [{"type": "function", "function": spec}]
    assert unsaid == ()


def test_a_thought_that_led_to_no_call_is_named() -> None:
    thought = Reasoning("hm", State("anthropic_messages", {"signature": "c2ln"}))

    body, unsaid = said(Conversation((HELLO, Message(Role.ASSISTANT, (thought, Text("hi"))))))

    assert body["messages"][1] == {"role": "assistant", "content": "hi"}
    assert unsaid == ("messages.reasoning.state", "messages.reasoning")


@pytest.mark.parametrize(
    ("choice", "told", "unsaid"),
    [
        (None, None, ()),
        (ToolChoice(Choose.AUTO), None, ()),
        (ToolChoice(Choose.NONE), "NONE", ()),
        (ToolChoice(Choose.SOME), "REQUIRED", ()),
        (ToolChoice(Choose.ONE, "look"), "REQUIRED", ("tool_choice",)),
    ],
)
def test_a_choice_is_told_as_far_as_there_is_one(
    choice: ToolChoice | None, told: str | None, unsaid: tuple[str, ...]
) -> None:
    body, left = said(Conversation((HELLO,), tools=(LOOK,), tool_choice=choice))

    assert (body.get("tool_choice"), left) == (told, unsaid)


def test_tools_are_strict_all_or_none() -> None:
    strict = Tool("find", is_strict=True)

    all_, none_left = said(Conversation((HELLO,), tools=(strict,)))
    some, left = said(Conversation((HELLO,), tools=(strict, LOOK)))

    assert (all_["strict_tools"], none_left) == (True, ())
    assert ("strict_tools" in some, left) == (False, ("tools.is_strict",))


def test_figures_are_kept_within_what_is_taken() -> None:
    sampling = Sampling(0.5, 1.0, 40, 0.1, -1.0, 0.5, 7, ("a", "b", "c", "d", "e", "f"))

    body, unsaid = said(Conversation((HELLO,), sampling=sampling))

    told = {name: body[name] for name in ("temperature", "p", "k", "seed", "stop_sequences")}
    assert told == {
        "temperature": 0.5,
        "p": 0.99,
        "k": 40,
        "seed": 7,
        "stop_sequences": ["a", "b", "c", "d", "e"],
    }
    assert (body["frequency_penalty"], body["presence_penalty"]) == (0.0, 0.5)
    assert unsaid == (
        "sampling.top_p",
        "sampling.frequency_penalty",
        "sampling.min_p",
        "sampling.stop",
    )


@pytest.mark.parametrize(
    ("thinking", "told", "unsaid"),
    [
        (Thinking(is_on=False), {"type": "disabled"}, ()),
        (Thinking(budget_tokens=2048), {"type": "enabled", "token_budget": 2048}, ()),
        (Thinking(effort="low"), {"type": "enabled"}, ("thinking.effort",)),
    ],
)
def test_how_to_think_is_told(
    thinking: Thinking, told: dict[str, Any], unsaid: tuple[str, ...]
) -> None:
    body, left = said(Conversation((HELLO,), thinking=thinking))

    assert (body["thinking"], left) == (told, unsaid)


@pytest.mark.parametrize(
    ("form", "told"),
    [
        (OutputForm(Form.JSON), {"type": "json_object"}),
        (
            OutputForm(Form.SCHEMA, "n", {"type": "object"}),
            {"type": "json_object", "json_schema": {"type": "object"}},
        ),
    ],
)
def test_a_form_is_told(form: OutputForm, told: dict[str, Any]) -> None:
    body, unsaid = said(Conversation((HELLO,), form=form))

    assert (body["response_format"], unsaid) == (told, ())


@pytest.mark.parametrize(
    "file",
    [
        File("a.txt", text="buy milk"),
        File("a.txt", "text/plain", base64.b64encode(b"buy milk").decode()),
    ],
)
def test_a_file_of_text_is_told_in_words(file: File) -> None:
    body, unsaid = said(Conversation((Message(Role.USER, (file,)),)))

    assert (body["messages"][0]["content"], unsaid) == ("a.txt\n\nbuy milk", ())


@pytest.mark.parametrize(
    ("part", "unsaid"),
    [
        (File("a.pdf", "application/pdf", "aQ=="), "messages.file"),
        (File("a.txt", "text/plain", "%"), "messages.file"),
        (File(id="file-1"), "messages.file"),
        (Audio("wav", "aQ=="), "messages.audio"),
        (Text("a", Mark()), "messages.text.mark"),
    ],
)
def test_what_has_no_place_is_named(part: Part, unsaid: str) -> None:
    assert said(Conversation((Message(Role.USER, (Text("a"), part)),)))[1] == (unsaid,)


def test_what_it_has_no_words_for_is_named() -> None:
    result = ToolResult("call_1", (Text("no"),), is_error=True, mark=Mark())
    talk = Conversation(
        (Message(Role.USER, (Text("a"),), "anna"), Message(Role.TOOL, (result,))),
        tools=(Tool("look", mark=Mark()),),
        has_parallel_calls=False,
        choices=2,
        user="anna",
    )

    assert set(said(talk)[1]) == {
        *("messages.name", "messages.toolresult.is_error", "messages.toolresult.mark"),
        *("tools.mark", "has_parallel_calls", "choices", "user"),
    }


def said(conversation: Conversation) -> tuple[dict[str, Any], tuple[str, ...]]:
    leg = Leg(Target("up", "cohere", "command-a-03-2025"), None, 0, 500, 0)
    body, unsaid = encode(conversation, leg)
    return json.loads(body), unsaid


def content(*parts: Part) -> Any:
    return said(Conversation((Message(Role.USER, parts),)))[0]["messages"][0]["content"]
