"""A conversation as Gemini is asked it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tollhouse.dialects.gemini import Gemini
from tollhouse.dialects.gemini_state import FOREIGN, of_call, of_words
from tollhouse.domain.conversation import (
    Conversation,
    File,
    Form,
    Image,
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
    ToolResult,
)
from tollhouse.domain.models import Leg
from tollhouse.domain.snapshot import Target

HELLO = Message(Role.USER, (Text("hello"),))
SCHEMA = {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {}}}
CALLS = (ToolCall("a", "look", '{"at":1}'), ToolCall("b", "find", ""))


def test_roles_parts_and_what_the_system_says_have_their_places() -> None:
    said = _said(
        Message(Role.SYSTEM, (Text("be brief"),)),
        Message(Role.USER, (Text("see"), Image("image/webp", "eA=="))),
        Message(Role.ASSISTANT, (Text("so"), Text(""))),
        Message(Role.DEVELOPER, (Text("be kind"),)),
    )

    assert said["systemInstruction"] == {"parts": [{"text": "be brief"}, {"text": "be kind"}]}
    picture = {"inlineData": {"mimeType": "image/webp", "data": "eA=="}}
    assert said["contents"] == [
        {"role": "user", "parts": [{"text": "see"}, picture]},
        {"role": "model", "parts": [{"text": "so"}]},
    ]


@pytest.mark.req("B-4")
def test_the_bound_is_always_said() -> None:
    assert _said(HELLO)["generationConfig"] == {"maxOutputTokens": 500}


@pytest.mark.req("R-15")
def test_calls_and_their_results_are_one_turn_each_with_ids_and_names() -> None:
    said = _said(
        HELLO,
        Message(Role.ASSISTANT, CALLS),
        Message(Role.TOOL, (ToolResult("a", (Text("4"), Text("2"))),)),
        Message(Role.TOOL, (ToolResult("b", (Text("no"),), is_error=True),)),
        HELLO,
    )

    assert said["contents"][1:] == [
        {
            "role": "model",
            "parts": [
                {"functionCall": {"id": "a", "name": "look", "args": {"at": 1}}},
                {"functionCall": {"id": "b", "name": "find", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                _result("a", "look", output="4\n2"),
                _result("b", "find", error="no"),
            ],
        },
        {"role": "user", "parts": [{"text": "hello"}]},
    ]


def test_what_a_tool_showed_stands_behind_its_words() -> None:
    shown = Image("image/png", "eA==")
    result = ToolResult("a", (shown, Text("see")), name="look")

    parts = _said(HELLO, Message(Role.TOOL, (result,)))["contents"][1]["parts"]

    picture = {"inlineData": {"mimeType": "image/png", "data": "eA=="}}
    assert parts == [_result("a", "look", output="see"), picture]


@pytest.mark.req("P-15")
def test_each_signature_goes_home_to_its_place() -> None:
    thought = Reasoning("hm", of_words("d29yZHM="))
    signed = Reasoning("", of_call("Y2FsbA==", 1))

    parts = _answered(thought, signed, Text("so"), Text("be it"), *CALLS)

    assert [part.get("thoughtSignature") for part in parts] == [
        *(None, None, "d29yZHM=", None, "Y2FsbA=="),
    ]
    assert parts[0] == {"text": "hm", "thought": True}


@pytest.mark.req("P-15")
def test_calls_are_counted_over_all_that_the_model_said_in_a_row() -> None:
    """As some callers tell each part of an answer by itself."""
    first = Message(Role.ASSISTANT, (Reasoning("", of_call("YQ==", 0)), CALLS[0]))
    second = Message(Role.ASSISTANT, (Reasoning("", of_call("Yg==", 1)), CALLS[1]))

    (_, answer) = _said(HELLO, first, second)["contents"]

    assert [part["thoughtSignature"] for part in answer["parts"]] == ["YQ==", "Yg=="]


@pytest.mark.req("P-15")
def test_a_signature_without_words_keeps_its_place() -> None:
    parts = _answered(Reasoning("", of_words("d29yZHM=")))

    assert parts == [{"text": "", "thoughtSignature": "d29yZHM="}]


@pytest.mark.req("P-15")
@pytest.mark.parametrize(
    "state",
    [
        State("anthropic_messages", {"signature": "c2ln"}),
        State("gemini", {"signature": 7}),
        State("gemini", {"signature": "c2ln", "call": "x"}),
        State("gemini", {"signature": "c2ln", "call": 9}),
    ],
)
def test_a_state_without_a_place_stays_here_and_is_named(state: State) -> None:
    answer = Message(Role.ASSISTANT, (Reasoning("", state), Text("so"), *CALLS))

    body, unsaid = Gemini().encode(Conversation((HELLO, answer)), _leg("gemini-2.5-flash"))

    assert b"thoughtSignature" not in body
    assert unsaid == ("messages.reasoning.state",)


@pytest.mark.req("P-15")
@pytest.mark.parametrize(
    ("model", "has_one"),
    [
        ("gemini-2.5-pro", False),
        ("gemini-3-flash-preview", True),
        ("gemini-4-argon", True),
        ("gemini-flash-latest", True),
        ("gemma-3-27b-it", False),
    ],
)
def test_a_call_of_another_model_is_excused_where_signatures_are_wanted(
    model: str, has_one: bool
) -> None:
    first, second = _answered(*CALLS, model=model)

    assert first.get("thoughtSignature") == (FOREIGN if has_one else None)
    assert "thoughtSignature" not in second


@pytest.mark.parametrize(
    ("thinking", "model", "config", "unsaid"),
    [
        (None, "gemini-2.5-flash", None, ()),
        (Thinking(), "gemini-2.5-flash", {"thinkingBudget": -1}, ()),
        (Thinking(effort="low"), "gemini-2.5-pro", {"thinkingBudget": 1024}, ()),
        (Thinking(budget_tokens=99), "gemini-2.5-pro", {"thinkingBudget": 99}, ()),
        (Thinking(), "gemini-3-pro", {}, ()),
        (Thinking(effort="xhigh"), "gemini-3-pro", {"thinkingLevel": "high"}, ()),
        (Thinking(budget_tokens=99), "gemini-3-pro", {"thinkingBudget": 99}, ()),
        (
            Thinking(effort="low", budget_tokens=99),
            *("gemini-3-pro", {"thinkingLevel": "low"}, ("thinking.budget_tokens",)),
        ),
    ],
)
def test_how_hard_to_think_is_said_as_the_model_takes_it(
    thinking: Thinking | None, model: str, config: dict[str, Any] | None, unsaid: tuple[str, ...]
) -> None:
    body, named = Gemini().encode(Conversation((HELLO,), thinking=thinking), _leg(model))

    shown = None if config is None else {"includeThoughts": True, **config}
    assert json.loads(body)["generationConfig"].get("thinkingConfig") == shown
    assert named == unsaid


@pytest.mark.parametrize(
    ("model", "config", "unsaid"),
    [
        ("gemini-2.5-flash", {"thinkingBudget": 0}, ()),
        ("gemini-2.5-pro", {"thinkingBudget": 128}, ("thinking.is_on",)),
        ("gemini-3-flash", {"thinkingLevel": "minimal"}, ("thinking.is_on",)),
        ("gemini-3.1-pro", {"thinkingLevel": "low"}, ("thinking.is_on",)),
    ],
)
def test_who_cannot_but_think_is_told_to_think_little(
    model: str, config: dict[str, Any], unsaid: tuple[str, ...]
) -> None:
    conversation = Conversation((HELLO,), thinking=Thinking(is_on=False))

    body, named = Gemini().encode(conversation, _leg(model))

    assert json.loads(body)["generationConfig"]["thinkingConfig"] == config
    assert named == unsaid


@pytest.mark.req("P-15")
def test_a_schema_and_a_tools_parameters_go_out_as_they_came() -> None:
    form = OutputForm(Form.SCHEMA, schema=SCHEMA)
    tool = Tool("look", "Looks.", SCHEMA)

    body, unsaid = Gemini().encode(Conversation((HELLO,), (tool,), form=form), _leg())

    said = json.loads(body)
    declared = {"name": "look", "description": "Looks.", "parametersJsonSchema": SCHEMA}
    assert said["tools"] == [{"functionDeclarations": [declared]}]
    assert said["generationConfig"]["responseMimeType"] == "application/json"
    assert said["generationConfig"]["responseJsonSchema"] == SCHEMA
    assert unsaid == ()


@pytest.mark.parametrize(
    ("sampling", "said", "unsaid"),
    [
        (Sampling(seed=2**31), {}, ("sampling.seed",)),
        (Sampling(seed=-7), {"seed": -7}, ()),
        (Sampling(stop=tuple("abcdef")), {"stopSequences": list("abcde")}, ("sampling.stop",)),
    ],
)
def test_what_is_out_of_its_bounds_is_named(
    sampling: Sampling, said: dict[str, Any], unsaid: tuple[str, ...]
) -> None:
    body, named = Gemini().encode(Conversation((HELLO,), sampling=sampling), _leg())

    assert json.loads(body)["generationConfig"] == {"maxOutputTokens": 500, **said}
    assert named == unsaid


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://example.com/a.JPG?x=1.pdf", "image/jpeg"),
        ("gs://bucket/a.pdf", "application/pdf"),
        ("https://example.com/a", None),
    ],
)
def test_a_place_is_named_with_what_is_there_if_it_shows(url: str, kind: str | None) -> None:
    (part,) = _said(Message(Role.USER, (File(url=url),)))["contents"][0]["parts"]

    assert part == {"fileData": {"fileUri": url, **({"mimeType": kind} if kind else {})}}


def _said(*messages: Message) -> dict[str, Any]:
    body, _ = Gemini().encode(Conversation(messages), _leg())
    said: dict[str, Any] = json.loads(body)
    return said


def _answered(*parts: Any, model: str = "m") -> list[dict[str, Any]]:
    answer = Message(Role.ASSISTANT, parts)
    body, _ = Gemini().encode(Conversation((HELLO, answer)), _leg(model))
    said: list[dict[str, Any]] = json.loads(body)["contents"][1]["parts"]
    return said


def _result(call_id: str, name: str, **response: str) -> dict[str, Any]:
    return {"functionResponse": {"id": call_id, "name": name, "response": response}}


def _leg(model: str = "m") -> Leg:
    return Leg(Target("up", "gemini", model), None, 1000, 500, 0)
