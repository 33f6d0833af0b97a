"""Single things that calls ask and answers say, each as small as it can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

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
    Stop,
    Stopped,
    Thought,
)
from tollhouse.domain.pricing import Kinds, Usage

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQKJSVFT0YK"
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEA"
SCHEMA = {
    "type": "object",
    "properties": {"a": {"$ref": "#/$defs/a"}},
    "required": ["a"],
    "additionalProperties": False,
    "$defs": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
}
HELLO = Message(Role.USER, (Text("hello"),))
LOOK = Tool("look", "Looks.", {"type": "object", "properties": {"at": {"type": "string"}}})
CALLS = (ToolCall("call_a1", "look", '{"at":"x"}'), ToolCall("call_b2", "look", '{"at":"y"}'))


def _asked(*parts: Part) -> Conversation:
    return Conversation((Message(Role.USER, parts),))


def _answered(*parts: Part) -> Conversation:
    return Conversation((HELLO, Message(Role.ASSISTANT, parts), HELLO))


def _called(*results: ToolResult) -> Conversation:
    called = Message(Role.ASSISTANT, CALLS[: len(results)])
    return Conversation((HELLO, called, Message(Role.TOOL, results)), tools=(LOOK,))


def _choosing(choose: Choose, name: str | None = None) -> Conversation:
    return Conversation((HELLO,), tools=(LOOK,), tool_choice=ToolChoice(choose, name))


def _result(number: int, *parts: Text | Image, is_error: bool = False) -> ToolResult:
    return ToolResult(CALLS[number].id, parts or (Text("42"),), is_error=is_error)


ASKED: Mapping[str, Conversation] = {
    "words of user and model": _answered(Text("hi")),
    "system's words": Conversation((Message(Role.SYSTEM, (Text("be brief"),)), HELLO)),
    "developer's words": Conversation((Message(Role.DEVELOPER, (Text("be brief"),)), HELLO)),
    "name of who speaks": Conversation((Message(Role.USER, (Text("hello"),), "anna"),)),
    "image, its bytes": _asked(Text("see"), Image("image/png", PNG)),
    "image, its URL": _asked(Text("see"), Image(url="https://example.com/a.png")),
    "how closely to look at it": _asked(Text("see"), Image("image/png", PNG, detail="low")),
    "audio": _asked(Text("hear"), Audio("wav", WAV)),
    "file, its bytes": _asked(Text("read"), File("a.pdf", "application/pdf", PDF)),
    "file, its URL": _asked(Text("read"), File(url="https://example.com/a.pdf")),
    "file, its id at the provider": _asked(Text("read"), File(id="file-1")),
    "tools": Conversation((HELLO,), tools=(LOOK, Tool("find", "Finds.", SCHEMA))),
    "strict tools": Conversation((HELLO,), tools=(Tool("find", "Finds.", SCHEMA, is_strict=True),)),
    "calls and results": _called(_result(0)),
    "parallel calls and results": _called(_result(0), _result(1, Text("43"))),
    "image in a result": _called(_result(0, Text("see"), Image("image/png", PNG))),
    "result that is an error": _called(_result(0, is_error=True)),
    "no tool, please": _choosing(Choose.NONE),
    "any tool, please": _choosing(Choose.SOME),
    "this tool, please": _choosing(Choose.ONE, "look"),
    "one call at a time": Conversation((HELLO,), tools=(LOOK,), has_parallel_calls=False),
    "thoughts given back": _answered(Reasoning("hm"), Text("hi")),
    "refusal given back": _answered(Refusal("I will not.")),
    "citations given back": _answered(
        Text("hi", citations=(Citation("https://example.com/", "Example", start=0, end=2),))
    ),
    "cache mark on a text": _asked(Text("long", Mark()), Text("short")),
    "cache mark on a tool": Conversation((HELLO,), tools=(replace(LOOK, mark=Mark()),)),
    "JSON as the answer": Conversation((HELLO,), form=OutputForm(Form.JSON)),
    "JSON of a schema": Conversation((HELLO,), form=OutputForm(Form.SCHEMA, schema=SCHEMA)),
    "temperature": Conversation((HELLO,), sampling=Sampling(temperature=0.5)),
    "top_p": Conversation((HELLO,), sampling=Sampling(top_p=0.5)),
    "top_k": Conversation((HELLO,), sampling=Sampling(top_k=40)),
    "min_p": Conversation((HELLO,), sampling=Sampling(min_p=0.5)),
    "frequency penalty": Conversation((HELLO,), sampling=Sampling(frequency_penalty=0.5)),
    "presence penalty": Conversation((HELLO,), sampling=Sampling(presence_penalty=0.5)),
    "seed": Conversation((HELLO,), sampling=Sampling(seed=7)),
    "texts to stop at": Conversation((HELLO,), sampling=Sampling(stop=("END", "###"))),
    "how hard to think": Conversation((HELLO,), thinking=Thinking(effort="high")),
    "tokens to think in": Conversation((HELLO,), thinking=Thinking(budget_tokens=2048)),
    "not to think": Conversation((HELLO,), thinking=Thinking(is_on=False)),
    "several answers": Conversation((HELLO,), choices=2),
    "who the user is": Conversation((HELLO,), user="anna"),
}


def _said(*pieces: Delta, stop: Stop = Stop.END, sequence: str | None = None) -> Sequence[Delta]:
    return (Began("x", 1), *pieces, Stopped(stop, sequence), Counted(Usage(9, 5)))


TALK = (Said("hi "), Said("there"))
TURNS = (
    *(Called(0, "call_a1", "look"), Argued(0, '{"at"'), Called(1, "call_b2", "find")),
    *(Argued(1, '{"a":'), Argued(0, ':"x"}'), Argued(1, "1}")),
)

ANSWERED: Mapping[str, Sequence[Delta]] = {
    "words": _said(*TALK),
    "thoughts": _said(Thought("hm"), *TALK),
    "refusal in the model's words": _said(Declined("I will "), Declined("not.")),
    "that they are a refusal": _said(Declined("I will "), Declined("not.")),
    "citations of pages": _said(
        *TALK, Cited(Citation("https://example.com/", "Example", start=0, end=2))
    ),
    "call of a tool": _said(*TURNS[:2], Argued(0, ":1}"), stop=Stop.TOOLS),
    "parallel calls": _said(Said("look"), *TURNS, stop=Stop.TOOLS),
    "cut at the bound": _said(*TALK, stop=Stop.LENGTH),
    "stopped at a text": _said(*TALK, stop=Stop.SEQUENCE),
    "which text that was": _said(*TALK, stop=Stop.SEQUENCE, sequence="END"),
    "filtered": _said(*TALK, stop=Stop.FILTERED),
    "refused": _said(*TALK, stop=Stop.REFUSED),
    "tokens read and written": _said(*TALK),
    "tokens of the cache": (*_said(*TALK)[:-1], Counted(Usage(9, 5, 4, 2))),
    "tokens of thoughts": (
        *_said(Thought("hm"), *TALK)[:-1],
        Counted(Usage(9, 5, kinds=Kinds(reasoning=3))),
    ),
}

SHOWN_BY: Mapping[str, str] = {
    "words": "said",
    "thoughts": "thought",
    "refusal in the model's words": "said",
    "that they are a refusal": "declined",
    "citations of pages": "cited",
    "call of a tool": "calls",
    "parallel calls": "calls",
    "cut at the bound": "stop.length",
    "stopped at a text": "stop.sequence",
    "which text that was": "sequence",
    "filtered": "stop.filtered",
    "refused": "stop.refused",
    "tokens read and written": "usage",
    "tokens of the cache": "usage.cache",
    "tokens of thoughts": "usage.reasoning",
}
"""Where each of them is heard."""
