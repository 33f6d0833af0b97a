"""What a body of OpenAI Responses says, in no dialect."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from tollhouse.dialects import data_url, responses_names, responses_state
from tollhouse.dialects.responses_ask import BOUND, KEPT_ELSEWHERE
from tollhouse.dialects.responses_names import flat
from tollhouse.dialects.responses_tools import CARRYING_TOOLS
from tollhouse.dialects.taking import Taking
from tollhouse.domain.conversation import (
    Choose,
    Conversation,
    File,
    Form,
    Image,
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
from tollhouse.domain.models import PREVIOUS

ELSEWHERE = ("model", BOUND, PREVIOUS, *KEPT_ELSEWHERE)
"""What the plan says, and what was refused before."""

SAYS_NOTHING: dict[str, tuple[object, ...]] = {
    "service_tier": ("auto", "default"),
    "store": (False,),
    "top_logprobs": (0,),
    "truncation": ("disabled",),
    "include": (["reasoning.encrypted_content"],),
}
"""Members that are as if they were not there, with these values."""

USUAL_DETAIL = "auto"
CHOOSING = {"auto": Choose.AUTO, "none": Choose.NONE, "required": Choose.SOME}
EFFORTS = frozenset({"minimal", "low", "medium", "high", "xhigh"})


def decode(body: bytes) -> Conversation:
    """Raises FieldInvalid on a member that is not of OpenAI's form."""
    unsaid: list[str] = []
    top = Taking(msgspec.json.decode(body), "", unsaid)
    top.skip(*ELSEWHERE)
    for name, values in SAYS_NOTHING.items():
        if top.peek(name) in values:
            top.skip(name)
    messages, later = _messages(top)
    said = partial(
        Conversation,
        messages=messages,
        tools=(*_tools(top), *later),
        tool_choice=_tool_choice(top),
        has_parallel_calls=top.flag("parallel_tool_calls"),
        form=_form(top),
        sampling=Sampling(temperature=top.number("temperature"), top_p=top.number("top_p")),
        thinking=_thinking(top),
        is_stream=_is_stream(top),
        user=top.text("user"),
    )
    top.leave()
    return said(unsaid=tuple(unsaid))


def _is_stream(top: Taking) -> bool:
    if options := top.within("stream_options"):
        options.skip("include_obfuscation")
        options.leave()
    return bool(top.flag("stream"))


def _messages(top: Taking) -> tuple[tuple[Message, ...], list[Tool]]:
    """What one side says in a row, thoughts and calls included, is one message."""
    messages, later = [], []
    if instructions := top.text("instructions"):
        messages.append(Message(Role.SYSTEM, (Text(instructions),)))
    if isinstance(top.peek("input"), str):
        messages.append(Message(Role.USER, (Text(top.needed("input")),)))
    for item in top.each("input"):
        kind = item.text("type") or "message"
        item.skip("id", "status", "phase")
        if kind in CARRYING_TOOLS:
            later += _tools(item)
            item.skip("role", "call_id", "execution")
        elif kind == "message":
            messages.append(Message(_role(item), tuple(_content(item))))
        elif result := _result(item, kind):
            messages.append(Message(Role.TOOL, (result,)))
        elif part := _answered(item, kind):
            messages.append(Message(Role.ASSISTANT, (part,)))
        else:
            top.unsay(f"input.{kind}")
            continue
        item.leave()
    return _joined(messages), later


def _joined(messages: Sequence[Message]) -> tuple[Message, ...]:
    joined: list[Message] = []
    for each in messages:
        if joined and each.role is Role.ASSISTANT is joined[-1].role:
            joined[-1] = Message(Role.ASSISTANT, joined[-1].parts + each.parts)
        else:
            joined.append(each)
    return tuple(joined)


def _role(item: Taking) -> Role:
    role = item.needed("role")
    if role not in ("assistant", "developer", "system", "user"):
        raise item.invalid("role", "one that is known")
    return Role(role)


def _answered(item: Taking, kind: str) -> Part | None:
    """What an assistant did beside talking; None if there is no place for it."""
    match kind:
        case "function_call":
            return ToolCall(item.needed("call_id"), _name(item), item.text("arguments") or "")
        case "custom_tool_call":
            arguments = responses_names.arguments_of(item.text("input") or "")
            return ToolCall(item.needed("call_id"), _name(item), arguments)
        case "reasoning":
            return _reasoning(item)
    return None


def _name(item: Taking) -> str:
    return flat(item.text("namespace"), item.needed("name"))


def _reasoning(item: Taking) -> Reasoning:
    thoughts = _thoughts(item, "content") or _thoughts(item, "summary")
    encrypted = item.text("encrypted_content")
    item.skip("summary")  # the same, in fewer words
    return Reasoning(thoughts, responses_state.given_back(encrypted) if encrypted else None)


def _thoughts(item: Taking, name: str) -> str:
    texts = []
    for each in item.each(name):
        each.skip("type")
        texts.append(each.text("text") or "")
        each.leave()
    return "\n\n".join(texts)


def _result(item: Taking, kind: str) -> ToolResult | None:
    if kind not in ("function_call_output", "custom_tool_call_output"):
        return None
    name, namespace = item.text("name"), item.text("namespace")
    parts = [part for part in _content(item, "output") if isinstance(part, Text | Image | File)]
    return ToolResult(item.needed("call_id"), tuple(parts), name and flat(namespace, name))


def _content(item: Taking, name: str = "content") -> list[Part]:
    if isinstance(item.peek(name), str):
        return [Text(item.needed(name))]
    parts = [_part(each, item, name) for each in item.each(name)]
    return [part for part in parts if part is not None]


def _part(given: Taking, item: Taking, name: str) -> Part | None:
    kind = given.needed("type")
    part: Part
    match kind:
        case "input_text" | "output_text" | "text":
            part = Text(given.needed("text"))
            given.skip("logprobs")
        case "refusal":
            part = Refusal(given.needed("refusal"))
        case "input_image":
            part = _image(given)
        case "input_file":
            part = _file(given)
        case _:
            item.unsay(f"{name}.{kind}")
            return None
    given.leave()
    return part


def _image(given: Taking) -> Image:
    url, detail = given.needed("image_url"), given.text("detail")
    if detail == USUAL_DETAIL:
        detail = None
    if inline := data_url.split(url):
        return Image(inline[0], inline[1], detail=detail)
    return Image(url=url, detail=detail)


def _file(given: Taking) -> File:
    name, data, url = given.text("filename"), given.text("file_data"), given.text("file_url")
    media_type, data = data_url.split(data or "") or (None, data)
    return File(name, media_type, data, url=url, id=given.text("file_id"))


def _tools(top: Taking) -> list[Tool]:
    tools: list[Tool] = []
    for each in top.each("tools"):
        kind = each.needed("type")
        if kind == "namespace":
            namespace = each.needed("name")
            each.skip("description")
            for tool in each.each("tools"):
                tools += _tool(tool, tool.needed("type"), namespace)
            each.leave()
        else:
            tools += _tool(each, kind, None)
    return tools


def _tool(given: Taking, kind: str, namespace: str | None) -> tuple[Tool, ...]:
    """None of a kind that a provider would run, or that only OpenAI's models were taught."""
    if kind not in ("function", "custom"):
        given.unsay(kind)
        return ()
    name, description = flat(namespace, given.needed("name")), given.text("description")
    given.skip("defer_loading", "output_schema", "allowed_callers", "async")
    if kind == "custom":
        tool = Tool(name, description, responses_names.PARAMETERS)
    else:
        tool = Tool(name, description, given.object("parameters"), given.flag("strict"))
    given.leave()
    return (tool,)


def _tool_choice(top: Taking) -> ToolChoice | None:
    given = top.peek("tool_choice")
    if given is None:
        return None
    if isinstance(given, str):
        top.skip("tool_choice")
        if given not in CHOOSING:
            raise top.invalid("tool_choice", "`auto`, `none`, `required` or a tool")
        return ToolChoice(CHOOSING[given])
    chosen = top.inside("tool_choice")
    kind = chosen.needed("type")
    if kind not in ("function", "custom"):
        chosen.unsay(kind)
        return None
    choice = ToolChoice(Choose.ONE, flat(chosen.text("namespace"), chosen.needed("name")))
    chosen.leave()
    return choice


def _form(top: Taking) -> OutputForm | None:
    text = top.within("text")
    if text is None:
        return None
    if text.peek("verbosity") == "medium":
        text.skip("verbosity")
    found = _format(text.within("format"))
    text.leave()
    return found


def _format(form: Taking | None) -> OutputForm | None:
    if form is None:
        return None
    match form.needed("type"):
        case "json_schema":
            schema = form.object("schema")
            found = OutputForm(Form.SCHEMA, form.needed("name"), schema, form.flag("strict"))
        case "json_object":
            found = OutputForm(Form.JSON)
        case "text":
            found = OutputForm(Form.TEXT)
        case kind:
            form.unsay(kind)
            return None
    form.leave()
    return found


def _thinking(top: Taking) -> Thinking | None:
    reasoning = top.within("reasoning")
    if reasoning is None:
        return None
    reasoning.skip("summary", "generate_summary")
    effort = reasoning.text("effort")
    reasoning.leave()
    if effort == "none":
        return Thinking(is_on=False)
    if effort in EFFORTS:
        return Thinking(effort=effort)
    if effort is not None:
        reasoning.unsay("effort")
    return None
