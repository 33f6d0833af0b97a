"""What is said to AWS Bedrock, as its own description has it, and what of it hangs on the model's family."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest

from tollhouse.dialects.converse_encode import encode
from tollhouse.dialects.converse_models import has_cache_points, is_claude
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

CLAUDE = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
LLAMA = "meta.llama3-3-70b-instruct-v1:0"
PROFILE = "arn:aws:bedrock:eu-central-1:123456789012:application-inference-profile/abcdefghijkl"
HELLO = Message(Role.USER, (Text("hello"),))
LOOK = Tool("look", "Looks.", {"properties": {}})
CALLED = (
    HELLO,
    Message(Role.ASSISTANT, (ToolCall("call_1", "look", '{"at":1}'),)),
    Message(Role.TOOL, (ToolResult("call_1", (Text("42"),)),)),
)
MOST = 500


def test_a_bound_on_output_is_always_told() -> None:
    body, unsaid = said(Conversation((HELLO,)))

    assert body == {
        "messages": [{"role": "user", "content": [{"text": "hello"}]}],
        "inferenceConfig": {"maxTokens": MOST},
    }
    assert unsaid == ()


def test_the_system_stands_apart_and_turns_of_one_role_are_one() -> None:
    brief = Message(Role.DEVELOPER, (Text("be brief"),))

    body, unsaid = said(Conversation((brief, HELLO, HELLO)))

    assert body["system"] == [{"text": "be brief"}]
    assert body["messages"] == [{"role": "user", "content": [{"text": "hello"}] * 2}]
    assert unsaid == ()


def test_what_the_system_says_later_is_said_before_and_named() -> None:
    body, unsaid = said(Conversation((HELLO, Message(Role.SYSTEM, (Text("be brief"),)))))

    assert body["system"] == [{"text": "be brief"}]
    assert unsaid == ("messages.system.place",)


def test_an_image_of_the_system_has_no_place() -> None:
    system = Message(Role.SYSTEM, (Text("see"), Image("image/png", "aQ==")))

    body, unsaid = said(Conversation((system, HELLO)))

    assert body["system"] == [{"text": "see"}]
    assert unsaid == ("messages.image",)


def test_texts_without_a_word_are_left_out() -> None:
    assert content(Text(""), Text(" \n"), Text("hi")) == [{"text": "hi"}]


@pytest.mark.parametrize(
    ("media", "form"),
    [
        ("image/png", "png"),
        ("image/jpeg", "jpeg"),
        ("image/gif", "gif"),
        ("image/webp", "webp"),
    ],
)
def test_an_image_goes_by_its_bytes(media: str, form: str) -> None:
    image = {"format": form, "source": {"bytes": "aQ=="}}

    assert content(Image(media, "aQ==")) == [{"image": image}]


def test_an_image_of_another_type_is_named() -> None:
    assert named(Image("image/tiff", "aQ==")) == ("messages.image",)


def test_what_lies_in_a_bucket_goes_by_its_place_and_what_lies_elsewhere_is_named() -> None:
    there = {"s3Location": {"uri": "s3://bucket/a.webp"}}

    assert content(Image(url="s3://bucket/a.webp")) == [
        {"image": {"format": "webp", "source": there}}
    ]
    assert named(Image(url="https://example.com/a.webp")) == ("messages.image.url",)
    assert named(File(url="https://example.com/a.pdf")) == ("messages.file",)
    assert named(File(id="file-1")) == ("messages.file.id",)


def test_documents_have_names_of_their_own_in_letters_that_are_taken() -> None:
    blocks = content(
        File("q3 report.pdf", "application/pdf", "aQ=="),
        File("q3_report.pdf", "application/pdf", "aQ=="),
        File("ärger.csv", data="aQ=="),
        File(data="aQ=="),
    )

    told = [(it["document"]["name"], it["document"]["format"]) for it in blocks]
    assert told == [
        ("q3 report", "pdf"),
        ("q3 report 2", "pdf"),
        ("rger", "csv"),
        ("document", "pdf"),
    ]
    assert named(File("ärger.csv", data="aQ==")) == ("messages.file.name",)


def test_a_file_of_text_goes_by_its_bytes() -> None:
    (block,) = content(File("notes.txt", text="buy milk"))

    source = {"bytes": base64.b64encode(b"buy milk").decode()}
    assert block["document"] == {"format": "txt", "name": "notes", "source": source}


def test_a_sound_goes_by_its_bytes_if_its_form_is_taken() -> None:
    sound = {"format": "wav", "source": {"bytes": "aQ=="}}

    assert content(Audio("wav", "aQ==")) == [{"audio": sound}]
    assert named(Audio("g711", "aQ==")) == ("messages.audio",)


def test_calls_and_results_are_told_by_their_ids() -> None:
    body, unsaid = said(Conversation(CALLED, tools=(LOOK,)))

    spec = {
        "name": "look",
        "description": "Looks.",
        "inputSchema": {"json": {"type": "object", "properties": {}}},
    }
    assert body["toolConfig"] == {"tools": [{"toolSpec": spec}]}
    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "content": [{"toolUse": {"toolUseId": "call_1", "name": "look", "input": {"at": 1}}}],
        },
        {
            "role": "user",
            "content": [{"toolResult": {"toolUseId": "call_1", "content": [{"text": "42"}]}}],
        },
    ]
    assert unsaid == ()


@pytest.mark.parametrize("given", ["call|1", "x" * 65, "", "ä", "a b"])
def test_a_call_and_its_result_go_by_the_same_id_that_is_taken(given: str) -> None:
    called = Message(Role.ASSISTANT, (ToolCall(given, "look", "{}"),))
    result = Message(Role.TOOL, (ToolResult(given, (Text("42"),)),))

    body, _ = said(Conversation((HELLO, called, result), tools=(LOOK,)))

    ids = [
        body["messages"][1]["content"][0]["toolUse"]["toolUseId"],
        body["messages"][2]["content"][0]["toolResult"]["toolUseId"],
    ]
    assert ids[0] == ids[1]
    assert re.fullmatch(r"[a-zA-Z0-9_.:-]{1,64}", ids[0])


def test_ids_that_differ_in_one_letter_that_is_not_taken_stay_apart() -> None:
    calls = (ToolCall("a|1", "look", "{}"), ToolCall("a/1", "look", "{}"))

    blocks = content(*calls, role=Role.ASSISTANT)

    assert blocks[0]["toolUse"]["toolUseId"] != blocks[1]["toolUse"]["toolUseId"]


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (ToolChoice(Choose.AUTO), {"auto": {}}),
        (ToolChoice(Choose.SOME), {"any": {}}),
        (ToolChoice(Choose.ONE, "look"), {"tool": {"name": "look"}}),
    ],
)
def test_a_choice_is_told(choice: ToolChoice, told: dict[str, Any]) -> None:
    body, unsaid = said(Conversation((HELLO,), tools=(LOOK,), tool_choice=choice))

    assert (body["toolConfig"]["toolChoice"], unsaid) == (told, ())


def test_to_forbid_tools_is_to_offer_none() -> None:
    none = ToolChoice(Choose.NONE)

    body, unsaid = said(Conversation((HELLO,), tools=(LOOK,), tool_choice=none))

    assert "toolConfig" not in body
    assert unsaid == ()


def test_where_calls_stand_in_the_messages_tools_cannot_be_forbidden() -> None:
    none = ToolChoice(Choose.NONE)

    body, unsaid = said(Conversation(CALLED, tools=(LOOK,), tool_choice=none))

    assert [it["toolSpec"]["name"] for it in body["toolConfig"]["tools"]] == ["look"]
    assert "toolChoice" not in body["toolConfig"]
    assert unsaid == ("tool_choice",)


def test_where_calls_stand_in_the_messages_their_tools_are_told() -> None:
    body, _ = said(Conversation(CALLED, tool_choice=ToolChoice(Choose.AUTO)))

    (told,) = body["toolConfig"]["tools"]
    assert (told["toolSpec"]["name"], list(body["toolConfig"])) == ("look", ["tools"])


def test_marks_are_points_for_families_that_have_a_cache() -> None:
    mark = Mark("1h")
    talk = Conversation(
        (
            Message(Role.SYSTEM, (Text("be brief", Mark()),)),
            Message(Role.USER, (Text("hello", mark),)),
        ),
        tools=(Tool("look", mark=Mark("7d")),),
    )

    body, unsaid = said(talk)

    long, short = ({"cachePoint": {"type": "default", **ttl}} for ttl in ({"ttl": "1h"}, {}))
    assert body["system"][1:] == [short]
    assert body["messages"][0]["content"][1:] == [long]
    assert body["toolConfig"]["tools"][1:] == [short]
    assert unsaid == ()


@pytest.mark.parametrize("model", [LLAMA, PROFILE])
def test_marks_are_named_for_others(model: str) -> None:
    body, unsaid = said(Conversation((Message(Role.USER, (Text("a", Mark()),)),)), model)

    assert body["messages"][0]["content"] == [{"text": "a"}]
    assert unsaid == ("messages.text.mark",)


def test_a_mark_within_a_result_stands_behind_it() -> None:
    result = ToolResult("call_1", (Text("42", Mark()),))

    body, unsaid = said(Conversation((*CALLED[:2], Message(Role.TOOL, (result,))), tools=(LOOK,)))

    assert [list(block) for block in body["messages"][2]["content"]] == [
        ["toolResult"],
        ["cachePoint"],
    ]
    assert unsaid == ("messages.text.mark", "messages.toolresult.mark.place")


@pytest.mark.parametrize(
    ("model", "unsaid"), [(CLAUDE, ()), (LLAMA, ("messages.toolresult.is_error",))]
)
def test_that_a_tool_went_wrong_is_told_where_it_is_taken(
    model: str, unsaid: tuple[str, ...]
) -> None:
    result = ToolResult("call_1", (Text("no"),), is_error=True)

    body, left = said(
        Conversation((*CALLED[:2], Message(Role.TOOL, (result,))), tools=(LOOK,)), model
    )

    status = body["messages"][2]["content"][0]["toolResult"].get("status")
    assert (status, left) == (None if unsaid else "error", unsaid)


def test_what_it_sealed_goes_home_as_it_came() -> None:
    signed = Reasoning("hm", State("bedrock_converse", {"signature": "c2ln"}))
    redacted = Reasoning("", State("bedrock_converse", {"redactedContent": "aGlkZGVu"}))

    blocks = content(signed, redacted, role=Role.ASSISTANT)

    assert blocks == [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
        {"reasoningContent": {"redactedContent": "aGlkZGVu"}},
    ]


def test_what_another_sealed_goes_nowhere() -> None:
    thought = Reasoning("hm", State("anthropic_messages", {"signature": "c2ln"}))

    assert named(thought, role=Role.ASSISTANT) == (
        "messages.reasoning",
        "messages.reasoning.state",
    )


def test_claude_is_told_how_to_think_in_members_of_its_own() -> None:
    sampling = Sampling(temperature=0.5, top_p=0.5, top_k=40)
    thinking = Thinking(effort="high", budget_tokens=499)

    small, unsaid = said(Conversation((HELLO,), sampling=sampling, thinking=thinking))
    body, _ = said(Conversation((HELLO,), thinking=Thinking(budget_tokens=2048)), most=4096)

    assert small["additionalModelRequestFields"] == {"thinking": {"type": "adaptive"}}
    assert small["outputConfig"] == {"effort": "high"}
    assert small["inferenceConfig"] == {"maxTokens": MOST}
    assert set(unsaid) == {
        "thinking.budget_tokens",
        "sampling.temperature",
        "sampling.top_p",
        "sampling.top_k",
    }
    thinks = {"thinking": {"type": "enabled", "budget_tokens": 2048}}
    assert body["additionalModelRequestFields"] == thinks


def test_others_are_told_how_hard_to_think_and_no_more() -> None:
    body, unsaid = said(
        Conversation((HELLO,), thinking=Thinking(effort="low", budget_tokens=2048)), LLAMA
    )
    _, off = said(Conversation((HELLO,), thinking=Thinking(is_on=False)), LLAMA)

    assert body["outputConfig"] == {"effort": "low"}
    assert "additionalModelRequestFields" not in body
    assert (unsaid, off) == (("thinking.budget_tokens",), ("thinking.is_on",))


def test_claude_may_be_told_not_to_think_and_then_how_to_draw() -> None:
    body, unsaid = said(
        Conversation((HELLO,), sampling=Sampling(temperature=0.5), thinking=Thinking(is_on=False))
    )

    assert body["additionalModelRequestFields"] == {"thinking": {"type": "disabled"}}
    assert body["inferenceConfig"]["temperature"] == 0.5
    assert unsaid == ()


def test_how_to_draw_is_told_as_far_as_there_are_words_for_it() -> None:
    sampling = Sampling(1.5, 0.5, 40, 0.1, 0.1, 0.1, 7, ("END", " "))

    body, unsaid = said(Conversation((HELLO,), sampling=sampling), LLAMA)

    assert body["inferenceConfig"] == {
        "maxTokens": MOST,
        "temperature": 1.0,
        "topP": 0.5,
        "stopSequences": ["END"],
    }
    assert unsaid == tuple(
        f"sampling.{name}"
        for name in (
            *("top_k", "min_p", "frequency_penalty", "presence_penalty", "seed"),
            *("temperature", "stop"),
        )
    )


def test_claude_takes_one_of_temperature_and_top_p() -> None:
    body, unsaid = said(Conversation((HELLO,), sampling=Sampling(0.5, 0.5, 40)))

    assert body["inferenceConfig"] == {"maxTokens": MOST, "temperature": 0.5}
    assert body["additionalModelRequestFields"] == {"top_k": 40}
    assert unsaid == ("sampling.top_p",)


def test_a_schema_goes_as_a_text() -> None:
    schema = {"type": "object"}

    body, unsaid = said(Conversation((HELLO,), form=OutputForm(Form.SCHEMA, "n", schema)))
    _, left = said(Conversation((HELLO,), form=OutputForm(Form.JSON)))

    form = body["outputConfig"]["textFormat"]
    assert form["type"] == "json_schema"
    told = form["structure"]["jsonSchema"]
    assert (told["name"], json.loads(told["schema"])) == ("n", schema)
    assert (unsaid, left) == ((), ("form",))


def test_what_it_has_no_words_for_is_named() -> None:
    talk = Conversation(
        (Message(Role.USER, (Text("a"),), name="anna"),),
        tools=(LOOK,),
        has_parallel_calls=False,
        choices=2,
        user="anna",
    )

    assert said(talk)[1] == ("messages.name", "has_parallel_calls", "choices", "user")


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (CLAUDE, (True, True)),
        ("anthropic.claude-3-haiku-20240307-v1:0", (True, True)),
        ("arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-v2", (True, True)),
        (f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{CLAUDE}", (True, True)),
        ("us.amazon.nova-pro-v1:0", (False, True)),
        (LLAMA, (False, False)),
        (PROFILE, (False, False)),
        ("my-anthropic.claude", (False, False)),
    ],
)
def test_a_name_tells_the_family(model: str, expected: tuple[bool, bool]) -> None:
    assert (is_claude(model), has_cache_points(model)) == expected


def said(
    conversation: Conversation, model: str = CLAUDE, most: int = MOST
) -> tuple[dict[str, Any], tuple[str, ...]]:
    body, unsaid = encode(conversation, Leg(Target("up", "bedrock", model), None, 0, most, 0))
    return json.loads(body), unsaid


def content(*parts: Part, role: Role = Role.USER) -> list[dict[str, Any]]:
    body, _ = said(Conversation((Message(role, parts),)))
    return list(body["messages"][0]["content"])


def named(*parts: Part, role: Role = Role.USER) -> tuple[str, ...]:
    return said(Conversation((Message(role, parts),)))[1]
