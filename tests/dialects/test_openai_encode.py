from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tollhouse.dialects import openai_decode, openai_encode
from tollhouse.domain.conversation import (
    Audio,
    Choose,
    Citation,
    Conversation,
    File,
    Image,
    Mark,
    Message,
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

HELLO = Message(Role.USER, (Text("hello"),))
HOME = State("openai_chat", {"reasoning_details": [{"type": "x", "data": "?"}]})
AWAY = State("elsewhere", {"signature": "s"})


def test_the_plan_says_the_model_and_the_bound() -> None:
    said, unsaid = openai_encode.encode(Conversation((HELLO,)), _leg("openai", "max_tokens", 7))

    assert json.loads(said) == {
        "model": "m-real",
        "messages": [{"role": "user", "content": "hello"}],
        "max_tokens": 7,
    }
    assert unsaid == ()


@pytest.mark.req("R-9")
def test_usage_is_asked_of_every_stream() -> None:
    said, _ = _said(Conversation((HELLO,), is_stream=True))

    assert (said["stream"], said["stream_options"]) == (True, {"include_usage": True})


@pytest.mark.req("P-15")
def test_usage_is_not_asked_of_those_who_refuse_to_be() -> None:
    leg = _leg("mistral", "max_tokens", 10)
    unasked = replace(leg, target=replace(leg.target, asks_usage=False))

    said, _ = openai_encode.encode(Conversation((HELLO,), is_stream=True), unasked)

    assert "stream_options" not in json.loads(said)


def test_what_was_read_is_said_again() -> None:
    body = {
        "model": "m-real",
        "messages": [
            {"role": "system", "content": "be brief"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "a"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                    {"type": "image_url", "image_url": {"url": "https://x/", "detail": "low"}},
                    {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
                    {
                        "type": "file",
                        "file": {
                            "filename": "a.pdf",
                            "file_data": "data:application/pdf;base64,AA",
                        },
                    },
                ],
                "name": "anna",
            },
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{"}}
                ],
                "reasoning_content": "hm",
            },
            {"role": "tool", "tool_call_id": "c1", "content": "42"},
            {"role": "assistant", "content": None, "refusal": "no"},
            {"role": "assistant", "content": ""},
        ],
        "max_tokens": 10,
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "f",
                    "description": "d",
                    "parameters": {"type": "object"},
                    "strict": True,
                },
            }
        ],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "parallel_tool_calls": False,
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}},
        "temperature": 0.5,
        "stop": ["a"],
        "reasoning_effort": "low",
        "n": 2,
        "user": "anna",
    }

    said, unsaid = _said(openai_decode.decode(json.dumps(body).encode()))

    assert said == body
    assert unsaid == ()


@pytest.mark.req("P-15")
def test_what_a_tool_showed_follows_the_results() -> None:
    results = Message(
        Role.TOOL,
        (
            ToolResult("c1", (Text("see"), Image("image/png", "AAAA"))),
            ToolResult("c2", (Image(url="https://x/"),)),
        ),
    )

    said, unsaid = _said(Conversation((results, HELLO)))

    assert said["messages"] == [
        {"role": "tool", "tool_call_id": "c1", "content": "see"},
        {"role": "tool", "tool_call_id": "c2", "content": ""},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "image_url", "image_url": {"url": "https://x/"}},
            ],
        },
        {"role": "user", "content": "hello"},
    ]
    assert unsaid == ()


@pytest.mark.req("P-15")
@pytest.mark.parametrize(
    ("kind", "content", "details", "unsaid"),
    [
        ("openai", None, HOME.raw["reasoning_details"], ("messages.reasoning",)),
        ("openai-compatible", "hm", HOME.raw["reasoning_details"], ()),
    ],
)
def test_thoughts_go_home_to_servers_that_take_them(
    kind: str, content: str | None, details: Any, unsaid: tuple[str, ...]
) -> None:
    thought = Message(Role.ASSISTANT, (Reasoning("hm", HOME), Text("a")))

    said, found = _said(Conversation((HELLO, thought)), kind)

    answer = said["messages"][1]
    assert (answer.get("reasoning_content"), answer["reasoning_details"]) == (content, details)
    assert found == unsaid


@pytest.mark.parametrize("details", [None, 7, "x", {"type": "x"}])
def test_a_seal_that_a_caller_made_up_harms_nobody(details: Any) -> None:
    made_up = State("openai_chat", {"reasoning_details": details})
    thought = Message(Role.ASSISTANT, (Reasoning("", made_up), Text("a")))

    said, _ = _said(Conversation((HELLO, thought)))

    assert said["messages"][1] == {"role": "assistant", "content": "a"}


@pytest.mark.req("P-15")
def test_a_state_of_another_dialect_goes_nowhere() -> None:
    thought = Message(Role.ASSISTANT, (Reasoning("", AWAY), Text("a")))

    said, unsaid = _said(Conversation((HELLO, thought)))

    assert said["messages"][1] == {"role": "assistant", "content": "a"}
    assert unsaid == ("messages.reasoning.state",)


@pytest.mark.req("P-15")
@pytest.mark.parametrize(
    ("part", "unsaid"),
    [
        (Text("a", Mark()), "messages.text.mark"),
        (Image(url="https://x/", mark=Mark()), "messages.image.mark"),
        (File(url="https://x/"), "messages.file.url"),
        (File("n", data="AA", mark=Mark()), "messages.file.mark"),
        (Refusal("no"), "messages.refusal"),
    ],
)
def test_what_a_user_cannot_say_is_named(part: Part, unsaid: str) -> None:
    _, found = _said(Conversation((Message(Role.USER, (part, Text("b"))),)))

    assert found == (unsaid,)


@pytest.mark.req("P-15")
@pytest.mark.parametrize(
    ("conversation", "unsaid"),
    [
        (Conversation((HELLO,), tools=(Tool("f", mark=Mark()),)), "tools.mark"),
        (Conversation((HELLO,), thinking=Thinking(is_on=False)), "thinking.is_on"),
        (Conversation((HELLO,), thinking=Thinking(budget_tokens=9)), "thinking.budget_tokens"),
        (
            Conversation((Message(Role.ASSISTANT, (Text("a", citations=(Citation("u"),)),)),)),
            "messages.text.citations",
        ),
        (Conversation((Message(Role.ASSISTANT, (Audio("mp3", "AA"),)),)), "messages.audio"),
        (
            Conversation((Message(Role.ASSISTANT, (ToolCall("c", "f", "{}", Mark()),)),)),
            "messages.toolcall.mark",
        ),
        (
            Conversation((Message(Role.TOOL, (ToolResult("c", (), mark=Mark()),)),)),
            "messages.toolresult.mark",
        ),
        (
            Conversation((Message(Role.TOOL, (ToolResult("c", (), is_error=True),)),)),
            "messages.toolresult.is_error",
        ),
        (Conversation((HELLO,), sampling=Sampling(top_k=4)), "sampling.top_k"),
        (Conversation((HELLO,), sampling=Sampling(min_p=0.4)), "sampling.min_p"),
    ],
)
def test_what_has_no_member_is_named(conversation: Conversation, unsaid: str) -> None:
    _, found = _said(conversation, "openai")

    assert found == (unsaid,)


@pytest.mark.parametrize(
    ("budget", "effort"), [(1, "low"), (4095, "low"), (4096, "medium"), (16_384, "high")]
)
def test_a_budget_of_thoughts_is_an_effort(budget: int, effort: str) -> None:
    said, _ = _said(Conversation((HELLO,), thinking=Thinking(budget_tokens=budget)))

    assert said["reasoning_effort"] == effort


@pytest.mark.parametrize(("kind", "role"), [("openai", "developer"), ("local", "system")])
def test_only_openai_knows_developers(kind: str, role: str) -> None:
    said, _ = _said(Conversation((Message(Role.DEVELOPER, (Text("a"),)),)), kind)

    assert said["messages"][0]["role"] == role


def test_a_file_of_text_is_said_as_text() -> None:
    file = File("notes.txt", "text/plain", text="buy milk")

    said, unsaid = _said(Conversation((Message(Role.USER, (file, Text("a"))),)))

    assert said["messages"][0]["content"][0] == {"type": "text", "text": "notes.txt\n\nbuy milk"}
    assert unsaid == ()


def test_without_tools_there_is_no_choice_of_them() -> None:
    said, _ = _said(
        Conversation((HELLO,), tool_choice=ToolChoice(Choose.AUTO), has_parallel_calls=True)
    )

    assert set(said) == {"model", "messages", "max_tokens"}


def _said(
    conversation: Conversation, kind: str = "openai-compatible"
) -> tuple[dict[str, Any], tuple[str, ...]]:
    said, unsaid = openai_encode.encode(conversation, _leg(kind, "max_tokens", 10))
    return json.loads(said), unsaid


def _leg(kind: str, bound: str, tokens: int) -> Leg:
    return Leg(Target("p", kind, "m-real", bound), None, 1, tokens, 0)
