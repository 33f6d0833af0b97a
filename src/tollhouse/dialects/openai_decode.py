"""What a body of OpenAI's chat completions says, in no dialect."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from tollhouse.dialects import data_url, openai_state
from tollhouse.dialects.taking import Taking
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

ELSEWHERE = ("model", "max_tokens", "max_completion_tokens")
"""What the plan says."""

SAYS_NOTHING: dict[str, tuple[object, ...]] = {
    "service_tier": ("auto", "default"),
    "store": (False,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "modalities": (["text"],),
    "verbosity": ("medium",),
}
"""Members that are as if they were not there, with these values."""

CHOOSING = {"auto": Choose.AUTO, "none": Choose.NONE, "required": Choose.SOME}
EFFORTS = frozenset({"minimal", "low", "medium", "high", "xhigh"})
OLD_CALL = "function_call_"
"""The ids of calls from before calls had ids."""


def decode(body: bytes) -> Conversation:
    """Raises FieldInvalid on a member that is not of OpenAI's form."""
    unsaid: list[str] = []
    top = Taking(msgspec.json.decode(body), "", unsaid)
    top.skip(*ELSEWHERE)
    for name, values in SAYS_NOTHING.items():
        if top.peek(name) in values:
            top.skip(name)
    said = partial(
        Conversation,
        messages=_messages(top.each("messages")),
        tools=_tools(top),
        tool_choice=_tool_choice(top),
        has_parallel_calls=top.flag("parallel_tool_calls"),
        form=_form(top),
        sampling=_sampling(top),
        thinking=_thinking(top),
        choices=top.whole("n") or 1,
        is_stream=_is_stream(top),
        user=top.text("user"),
    )
    top.leave()
    return said(unsaid=tuple(unsaid))


def _is_stream(top: Taking) -> bool:
    if options := top.within("stream_options"):
        options.skip("include_usage", "include_obfuscation")
        options.leave()
    return bool(top.flag("stream"))


def _messages(given: Sequence[Taking]) -> tuple[Message, ...]:
    messages, old_calls = [], 0
    for each in given:
        role = each.needed("role")
        name = each.text("name")
        if role in ("tool", "function"):
            call_id = each.needed("tool_call_id") if role == "tool" else f"{OLD_CALL}{old_calls}"
            messages.append(Message(Role.TOOL, (_result(each, call_id, name),)))
        elif role == "assistant":
            old_calls += each.peek("function_call") is not None
            messages.append(Message(Role.ASSISTANT, _answer(each, old_calls), name))
        elif role in ("system", "developer", "user"):
            messages.append(Message(Role(role), _content(each), name))
        else:
            raise each.invalid("role", "one that is known")
        each.leave()
    return tuple(messages)


def _result(message: Taking, call_id: str, name: str | None) -> ToolResult:
    parts = _content(message)
    if not all(isinstance(part, Text | Image | File) for part in parts):
        raise message.invalid("content", "texts, images or files")
    return ToolResult(call_id, parts, name)  # type: ignore[arg-type]


def _answer(message: Taking, old_calls: int) -> tuple[Part, ...]:
    """What was thought comes first, then what was said, then what was called."""
    thought = message.text("reasoning_content") or message.text("reasoning") or ""
    message.skip("reasoning")  # the same again
    details = message.any("reasoning_details")
    thoughts = openai_state.given_back(thought, details if isinstance(details, list) else ())
    said = _cited(_content(message), message)
    refusal = message.text("refusal")
    declined = (Refusal(refusal),) if refusal else ()
    return (*thoughts, *said, *declined, *_calls(message, old_calls))


def _calls(message: Taking, old_calls: int) -> list[ToolCall]:
    calls = []
    for each in message.each("tool_calls"):
        each.skip("index", "type")
        if function := each.within("function"):
            calls.append(_call(each.text("id") or "", function))
        else:
            each.skip("id")
        each.leave()
    if function := message.within("function_call"):
        calls.append(_call(f"{OLD_CALL}{old_calls}", function))
    return calls


def _call(call_id: str, function: Taking) -> ToolCall:
    call = ToolCall(call_id, function.needed("name"), function.text("arguments") or "")
    function.leave()
    return call


def _content(message: Taking) -> tuple[Part, ...]:
    content = message.peek("content")
    if isinstance(content, str):
        message.skip("content")
        return (Text(content),)
    parts = [_part(each, message) for each in message.each("content")]
    return tuple(part for part in parts if part is not None)


def _part(given: Taking, message: Taking) -> Part | None:
    kind = given.needed("type")
    part: Part
    match kind:
        case "text":
            part = Text(given.needed("text"), _mark(given))
        case "refusal":
            part = Refusal(given.needed("refusal"))
        case "image_url":
            part = _image(given)
        case "input_audio":
            audio = given.inside("input_audio")
            part = Audio(audio.needed("format"), audio.needed("data"))
            audio.leave()
        case "file":
            part = _file(given)
        case _:
            message.unsay(f"content.{kind}")
            return None
    given.leave()
    return part


def _image(given: Taking) -> Image:
    if isinstance(given.peek("image_url"), str):
        url, detail = given.needed("image_url"), None
    else:
        image = given.inside("image_url")
        url, detail = image.needed("url"), image.text("detail")
        image.leave()
    if detail == "auto":
        detail = None
    mark = _mark(given)
    if inline := data_url.split(url):
        return Image(inline[0], inline[1], detail=detail, mark=mark)
    return Image(url=url, detail=detail, mark=mark)


def _file(given: Taking) -> File:
    file = given.inside("file")
    name, known_as, data = file.text("filename"), file.text("file_id"), file.text("file_data")
    file.leave()
    media_type, data = data_url.split(data or "") or (None, data)
    return File(name, media_type, data, id=known_as, mark=_mark(given))


def _mark(given: Taking) -> Mark | None:
    """As some servers of this form take it."""
    control = given.within("cache_control")
    if control is None:
        return None
    control.skip("type")
    mark = Mark(control.text("ttl"))
    control.leave()
    return mark


def _cited(parts: Sequence[Part], message: Taking) -> Sequence[Part]:
    """Citations belong to the text of the answer as a whole."""
    citations = []
    for each in message.each("annotations"):
        each.skip("type")
        if given := each.within("url_citation"):
            citations.append(
                Citation(
                    given.text("url"),
                    given.text("title"),
                    start=given.whole("start_index"),
                    end=given.whole("end_index"),
                )
            )
            given.leave()
        each.leave()
    if not parts or not isinstance(parts[0], Text):
        return parts
    return (Text(parts[0].text, parts[0].mark, tuple(citations)), *parts[1:])


def _tools(top: Taking) -> tuple[Tool, ...]:
    tools = []
    for each in top.each("tools"):
        if (kind := each.text("type") or "function") == "function":
            tools.append(_tool(each.inside("function"), _mark(each)))
            each.leave()
        else:
            top.unsay(f"tools.{kind}")
    tools += [_tool(function, None) for function in top.each("functions")]
    return tuple(tools)


def _tool(function: Taking, mark: Mark | None) -> Tool:
    tool = Tool(
        function.needed("name"),
        function.text("description"),
        function.object("parameters"),
        function.flag("strict"),
        mark,
    )
    function.leave()
    return tool


def _tool_choice(top: Taking) -> ToolChoice | None:
    name = "tool_choice" if top.peek("tool_choice") is not None else "function_call"
    given = top.peek(name)
    if given is None:
        return None
    if isinstance(given, str):
        top.skip(name)
        if given not in CHOOSING:
            raise top.invalid(name, "`auto`, `none`, `required` or a tool")
        return ToolChoice(CHOOSING[given])
    chosen = top.inside(name)
    if chosen.peek("type") in ("allowed_tools", "custom"):
        chosen.unsay(str(chosen.any("type")))
        return None
    function = chosen.inside("function") if name == "tool_choice" else chosen
    return ToolChoice(Choose.ONE, function.needed("name"))


def _form(top: Taking) -> OutputForm | None:
    form = top.within("response_format")
    if form is None:
        return None
    kind = form.needed("type")
    if kind == "json_schema":
        schema = form.inside("json_schema")
        found = OutputForm(
            Form.SCHEMA, schema.needed("name"), schema.object("schema"), schema.flag("strict")
        )
        schema.leave()
    elif kind == "json_object":
        found = OutputForm(Form.JSON)
    elif kind == "text":
        found = OutputForm(Form.TEXT)
    else:
        form.unsay(kind)
        return None
    form.leave()
    return found


def _sampling(top: Taking) -> Sampling:
    stop = top.peek("stop")
    return Sampling(
        temperature=top.number("temperature"),
        top_p=top.number("top_p"),
        top_k=top.whole("top_k"),
        min_p=top.number("min_p"),
        frequency_penalty=top.number("frequency_penalty"),
        presence_penalty=top.number("presence_penalty"),
        seed=top.whole("seed"),
        stop=(top.needed("stop"),) if isinstance(stop, str) else top.texts("stop"),
    )


def _thinking(top: Taking) -> Thinking | None:
    effort = top.text("reasoning_effort")
    if effort == "none":
        return Thinking(is_on=False)
    if effort in EFFORTS:
        return Thinking(effort=effort)
    if effort is not None:
        top.unsay("reasoning_effort")
    return None
