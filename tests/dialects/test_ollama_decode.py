"""What a call in Ollama's API says, in no dialect."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tollhouse.dialects.ollama_chat import OllamaChat
from tollhouse.dialects.ollama_generate import OllamaGenerate
from tollhouse.domain.conversation import (
    Conversation,
    Form,
    Image,
    Message,
    OutputForm,
    Reasoning,
    Role,
    Sampling,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)
from tollhouse.domain.errors import FieldInvalid, NotTranslatable

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(24)).decode()
HELLO = {"role": "user", "content": "hello"}
TEXT = {"arguments": '{"b":1}'}


@pytest.mark.req("OL-35")
def test_messages_keep_their_roles_and_words() -> None:
    said = _chat(
        messages=[
            {"role": "system", "content": "Be brief."},
            HELLO,
            {"role": "assistant", "content": "Hi"},
        ]
    )

    assert said.messages == (
        Message(Role.SYSTEM, (Text("Be brief."),)),
        Message(Role.USER, (Text("hello"),)),
        Message(Role.ASSISTANT, (Text("Hi"),)),
    )
    assert said.is_stream
    assert said.unsaid == ()


@pytest.mark.req("OL-35")
def test_a_prompt_is_what_a_user_says_after_its_system() -> None:
    said = _generate(system="Be brief.", prompt="hello", images=[PNG], stream=False)

    assert said.messages == (
        Message(Role.SYSTEM, (Text("Be brief."),)),
        Message(Role.USER, (Text("hello"), Image("image/png", PNG))),
    )
    assert not said.is_stream


@pytest.mark.req("OL-37")
@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\0\0\0\0WEBP", "image/webp"),
        (b"something", "image/jpeg"),
        (b"RIFF\0\0\0\0WAVE", "image/jpeg"),
        (b"RIFX\0\0\0\0WEBP", "image/jpeg"),
    ],
)
def test_what_an_image_is_its_first_bytes_say(start: bytes, kind: str) -> None:
    data = base64.b64encode(start + bytes(30)).decode()

    said = _chat(messages=[{**HELLO, "images": [data]}])

    assert said.messages[0].parts == (Text("hello"), Image(kind, data))


def test_what_is_torn_is_called_what_most_are() -> None:
    said = _chat(messages=[{**HELLO, "images": ["A"]}])

    assert said.messages[0].parts[1] == Image("image/jpeg", "A")


@pytest.mark.req("OL-37")
def test_a_data_url_says_itself_what_it_is() -> None:
    said = _chat(messages=[{**HELLO, "images": ["data:image/gif;base64,AAAA"]}])

    assert said.messages[0].parts[1] == Image("image/gif", "AAAA")


@pytest.mark.parametrize(
    "image", ["https://x/y.png", "", "not base64!", "data:text/html;base64,AA"]
)
def test_an_image_that_is_no_base64_is_refused(image: str) -> None:
    with pytest.raises(FieldInvalid):
        _chat(messages=[{**HELLO, "images": [image]}])


@pytest.mark.req("OL-37", "R-15")
def test_arguments_become_the_text_that_others_have() -> None:
    called = _asked({"function": {"name": "look", "arguments": {"at": ["é", 1]}}, "id": "c1"})

    said = _chat(messages=[HELLO, called])

    (call,) = said.messages[1].parts
    assert isinstance(call, ToolCall)
    assert (call.id, call.name) == ("c1", "look")
    assert json.loads(call.arguments) == {"at": ["é", 1]}


@pytest.mark.req("R-16")
def test_a_result_finds_its_call_by_id_by_name_or_by_order() -> None:
    first, second = {"function": {"name": "a"}}, {"function": {"name": "b"}}

    said = _chat(
        messages=[
            _asked(first, second),
            {"role": "tool", "content": "of b", "tool_name": "b"},
            {"role": "tool", "content": "of a", "tool_name": "a"},
            _asked(first, second),
            {"role": "tool", "content": "one"},
            {"role": "tool", "content": "two"},
            _asked({**first, "id": "x"}, {**second, "id": "y"}),
            {"role": "tool", "content": "of y", "tool_call_id": "y"},
        ]
    )

    ids = [part.id for it in said.messages for part in it.parts if isinstance(part, ToolCall)]
    results = [part for it in said.messages for part in it.parts if isinstance(part, ToolResult)]
    assert len(set(ids)) == 6
    assert [part.call_id for part in results] == [ids[1], ids[0], ids[2], ids[3], "y"]
    assert results[0] == ToolResult(ids[1], (Text("of b"),), "b")


def test_a_call_that_was_answered_by_its_id_waits_no_longer() -> None:
    said = _chat(
        messages=[
            _asked({"function": {"name": "a"}, "id": "x"}, {"function": {"name": "a"}, "id": "y"}),
            {"role": "tool", "content": "of x", "tool_call_id": "x"},
            {"role": "tool", "content": "of y"},
        ]
    )

    assert [message.parts[0] for message in said.messages[1:]] == [
        ToolResult("x", (Text("of x"),)),
        ToolResult("y", (Text("of y"),)),
    ]


@pytest.mark.parametrize(
    ("result", "part"),
    [
        ({"tool_call_id": "z", "content": "a"}, ToolResult("z", (Text("a"),))),
        ({"name": "f"}, ToolResult("call_0", (Text(""),), "f")),
    ],
)
def test_a_result_that_nobody_waits_for_is_one(result: dict[str, Any], part: ToolResult) -> None:
    said = _chat(messages=[{"role": "tool", **result}])

    assert said.messages == (Message(Role.TOOL, (part,)),)


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ({"role": "assistant"}, (Text(""),)),
        ({"role": "user", "images": [PNG]}, (Image("image/png", PNG),)),
        (
            {"role": "assistant", "tool_calls": [{"id": "x", "function": {"name": "a"}}]},
            (ToolCall("x", "a", "{}"),),
        ),
        (
            {"role": "assistant", "tool_calls": [{"id": "x", "function": {"name": "a"} | TEXT}]},
            (ToolCall("x", "a", '{"b":1}'),),
        ),
    ],
)
def test_a_message_says_no_more_than_stands_in_it(message: Any, parts: tuple[Any, ...]) -> None:
    said = _chat(messages=[message])

    assert said.messages[0].parts == parts
    assert _generate().messages == (Message(Role.USER, (Text(""),)),)


def test_thoughts_go_before_words() -> None:
    said = _chat(messages=[HELLO, {"role": "assistant", "content": "4", "thinking": "2+2"}])

    assert said.messages[1].parts == (Reasoning("2+2"), Text("4"))


@pytest.mark.req("OL-36", "OL-39")
def test_options_that_others_have_are_taken_and_no_others_are_made_up() -> None:
    said = _chat(options={"temperature": 0, "top_p": 0.5, "top_k": 3, "seed": 7, "stop": "END"})

    assert said.sampling == Sampling(temperature=0, top_p=0.5, top_k=3, seed=7, stop=("END",))
    assert said.unsaid == ()
    assert _chat().sampling == Sampling()


@pytest.mark.req("OL-47")
def test_what_only_ollama_heeds_is_named() -> None:
    said = _chat(
        options={
            "num_ctx": 4096,
            "mirostat": 1,
            "temperature": 1,
            "num_predict": 3,
            "num_gpu": None,
        },
        keep_alive="5m",
        logprobs=False,
        x=1,
        messages=[{**HELLO, "weight": 1}, {**HELLO, "weight": 2}],
    )

    assert said.unsaid == (
        *("messages.weight", "options.num_ctx", "options.mirostat", "keep_alive", "x"),
    )
    assert _generate(context=[1, 2]).unsaid == ("context",)


@pytest.mark.req("OL-47")
@pytest.mark.parametrize(
    ("members", "unsaid"),
    [
        ({"logprobs": True, "top_logprobs": 3}, ("logprobs", "top_logprobs")),
        ({"messages": [{"role": "tool", "new": 1}]}, ("messages.new",)),
        ({"tools": [{"function": {"name": "a", "new": 1}}]}, ("tools.function.new",)),
        ({"tools": [{"name": "a", "new": 1}]}, ("tools.new",)),
        (
            {"messages": [{"role": "assistant", "tool_calls": [
                {"type": "function", "new": 1, "function": {"name": "a", "index": 0, "new": 1}}]}]},
            ("messages.tool_calls.function.new", "messages.tool_calls.new"),
        ),
    ],
    ids=str,
)  # fmt: skip
def test_what_has_no_place_is_named(members: dict[str, Any], unsaid: tuple[str, ...]) -> None:
    assert _chat(**members).unsaid == unsaid


@pytest.mark.parametrize("member", ["raw", "suffix"])
def test_a_prompt_that_no_chat_can_say_is_refused(member: str) -> None:
    with pytest.raises(NotTranslatable):
        _generate(prompt="x", **{member: True if member == "raw" else "}"})


@pytest.mark.parametrize(
    ("written", "form"),
    [
        (None, None),
        ("", None),
        ("json", OutputForm(Form.JSON)),
        ({"type": "object"}, OutputForm(Form.SCHEMA, schema={"type": "object"})),
    ],
)
def test_a_format_is_json_or_a_schema(written: Any, form: OutputForm | None) -> None:
    assert _chat(format=written).form == form


@pytest.mark.parametrize(
    ("think", "thinking"),
    [
        (None, None),
        (True, Thinking()),
        (False, Thinking(is_on=False)),
        ("high", Thinking(effort="high")),
    ],
)
def test_thinking_is_a_switch_or_a_word(think: Any, thinking: Thinking | None) -> None:
    assert _chat(think=think).thinking == thinking


def test_a_tool_may_stand_alone() -> None:
    function = {"name": "look", "description": "Looks.", "parameters": {"type": "object"}}

    said = _chat(tools=[{"type": "function", "function": function}, function])

    assert said.tools == (Tool("look", "Looks.", {"type": "object"}),) * 2


def test_a_tool_that_is_described_with_nothing_is_not_described() -> None:
    assert _chat(tools=[{"name": "look", "description": ""}]).tools == (Tool("look"),)


@pytest.mark.parametrize(
    "wrong",
    [
        {"format": "xml"},
        {"format": 1},
        {"think": "very"},
        {"think": 1},
        {"options": {"temperature": "hot"}},
        {"options": {"seed": 1.5}},
        {"options": {"stop": [1]}},
        {"options": {"stop": 1}},
        {"messages": [{"role": "user", "content": ["x"]}]},
        {"messages": [{"role": "assistant", "tool_calls": {}}]},
        {"messages": [{"role": "assistant", "tool_calls": [{"function": {}}]}]},
        {"tools": [{"name": "x", "parameters": "y"}]},
        {"tools": [{"name": "x", "description": 1}]},
    ],
)
def test_what_cannot_be_read_is_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(FieldInvalid) as refused:
        _chat(**wrong)

    assert refused.value.param


def _asked(*calls: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": "", "tool_calls": list(calls)}


def _chat(**members: Any) -> Conversation:
    body = {"model": "m", "messages": [HELLO], **members}
    return OllamaChat().decode(json.dumps(body).encode())


def _generate(**members: Any) -> Conversation:
    return OllamaGenerate().decode(json.dumps({"model": "m", **members}).encode())
