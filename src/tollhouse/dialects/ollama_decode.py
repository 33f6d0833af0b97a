"""What a call in Ollama's API says, read into a conversation that belongs to no dialect."""

from __future__ import annotations

import msgspec

from tollhouse.dialects import strict_json
from tollhouse.dialects.ollama_images import image
from tollhouse.dialects.taking import Taking
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
from tollhouse.domain.errors import NotTranslatable

EFFORTS = ("low", "medium", "high")
ELSEWHERE = ("model", "template")
"""What the plan says, and what may only be empty."""


def chat(body: bytes) -> Conversation:
    unsaid: list[str] = []
    top = Taking(msgspec.json.decode(body), "", unsaid)
    calls = _Calls()
    return _conversation(top, [_message(each, calls) for each in top.each("messages")], unsaid)


def generate(body: bytes) -> Conversation:
    """A system's words and a prompt."""
    unsaid: list[str] = []
    top = Taking(msgspec.json.decode(body), "", unsaid)
    for name in ("raw", "suffix"):
        if top.any(name):
            raise NotTranslatable(
                f"`{name}` needs a model whose target speaks Ollama's own API.", param=name
            )
    messages = []
    if system := top.text("system"):
        messages.append(Message(Role.SYSTEM, (Text(system),)))
    prompt = Text(top.text("prompt") or "")
    messages.append(Message(Role.USER, (prompt, *_images(top))))
    return _conversation(top, messages, unsaid)


def _conversation(top: Taking, messages: list[Message], unsaid: list[str]) -> Conversation:
    """How a model is loaded, and how it draws, only a server of its own would have heeded."""
    top.skip(*ELSEWHERE)
    for name in ("logprobs", "top_logprobs", "_debug_render_only"):
        if not top.peek(name):
            top.skip(name)
    tools = tuple([_tool(each) for each in top.each("tools")])
    form, thinking, sampling = _form(top), _thinking(top), _sampling(top.within("options"))
    is_stream = top.flag("stream") is not False
    top.leave()
    return Conversation(
        messages=tuple(messages),
        tools=tools,
        form=form,
        sampling=sampling,
        thinking=thinking,
        is_stream=is_stream,
        unsaid=tuple(dict.fromkeys(unsaid)),
    )


class _Calls:
    """The calls so far, for results that name the tool, or nothing at all."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, str]] = []
        self._count = 0

    def made(self, given: str, name: str) -> str:
        made = given or f"call_{self._count}"
        self._count += 1
        self._waiting.append((made, name))
        return made

    def answered(self, given: str, name: str) -> str:
        """The id of the call that this is the result of: the oldest that waits, if many would do."""
        for waiting in self._waiting:
            if waiting[0] == given or (not given and name in ("", waiting[1])):
                self._waiting.remove(waiting)
                return waiting[0]
        return given or f"call_{self._count}"


def _message(given: Taking, calls: _Calls) -> Message:
    role, content = Role(given.needed("role")), given.text("content") or ""
    images = _images(given)
    if role is Role.TOOL:
        name = given.text("tool_name") or given.text("name")
        call_id = calls.answered(given.text("tool_call_id") or "", name or "")
        given.leave()
        return Message(role, (ToolResult(call_id, (Text(content), *images), name),))
    thought = given.text("thinking")
    made = [_call(each, calls) for each in given.each("tool_calls")]
    given.leave()
    said = (Text(content),) if content or not (images or made) else ()
    return Message(role, (*((Reasoning(thought),) if thought else ()), *said, *images, *made))


def _call(given: Taking, calls: _Calls) -> ToolCall:
    function = given.inside("function")
    name, arguments = function.needed("name"), function.any("arguments")
    function.skip("index")
    said = arguments if isinstance(arguments, str) else strict_json.encode(arguments or {}).decode()
    made = calls.made(given.text("id") or "", name)
    given.skip("type")
    for each in (function, given):
        each.leave()
    return ToolCall(made, name, said)


def _images(given: Taking) -> tuple[Image, ...]:
    return tuple([image(each) for each in given.texts("images")])


def _tool(given: Taking) -> Tool:
    """Some clients write the function alone."""
    function = given.within("function") or given
    given.skip("type")
    tool = Tool(
        function.needed("name"), function.text("description") or None, function.object("parameters")
    )
    for each in {id(it): it for it in (function, given)}.values():
        each.leave()
    return tool


def _form(top: Taking) -> OutputForm | None:
    match top.any("format"):
        case None | "":
            return None
        case "json":
            return OutputForm(Form.JSON)
        case dict(schema):
            return OutputForm(Form.SCHEMA, schema=schema)
    raise top.invalid("format", '"json" or a schema')


def _thinking(top: Taking) -> Thinking | None:
    match top.any("think"):
        case None:
            return None
        case bool(is_on):
            return Thinking(is_on=is_on)
        case str(effort) if effort in EFFORTS:
            return Thinking(effort=effort)
    raise top.invalid("think", f"true, false, or one of {', '.join(EFFORTS)}")


def _sampling(options: Taking | None) -> Sampling:
    if options is None:
        return Sampling()
    stop = options.peek("stop")
    if isinstance(stop, str):
        options.skip("stop")
    options.skip("num_predict")
    sampling = Sampling(
        temperature=options.number("temperature"),
        top_p=options.number("top_p"),
        top_k=options.whole("top_k"),
        min_p=options.number("min_p"),
        frequency_penalty=options.number("frequency_penalty"),
        presence_penalty=options.number("presence_penalty"),
        seed=options.whole("seed"),
        stop=(stop,) if isinstance(stop, str) else options.texts("stop"),
    )
    options.leave()
    return sampling
