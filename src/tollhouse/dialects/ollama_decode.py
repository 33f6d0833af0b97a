"""What a call in Ollama's API says, read into a conversation that belongs to no dialect."""

from __future__ import annotations

from typing import Any

from tollhouse.dialects import ollama_bounds, strict_json
from tollhouse.dialects.ollama_images import image, images_of
from tollhouse.domain.conversation import (
    Conversation,
    Form,
    Message,
    OutputForm,
    Part,
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

EFFORTS = ("low", "medium", "high")
SAMPLING = frozenset(
    {
        *("temperature", "top_p", "top_k", "min_p", "seed", "stop"),
        *("presence_penalty", "frequency_penalty", "num_predict"),
    }
)
BOTH = frozenset({"model", "stream", "options", "format", "think", "template"})
CHAT = BOTH | {"messages", "tools"}
GENERATE = BOTH | {"prompt", "system", "images", "raw", "suffix"}
MESSAGE = frozenset(
    {"role", "content", "images", "thinking", "tool_calls", "tool_name", "tool_call_id"}
)


def chat(body: bytes) -> Conversation:
    fields = strict_json.parse_object(body)
    written = ollama_bounds.messages_of(fields)
    calls = _Calls()
    unsaid = [f"messages.{name}" for each in written for name in _given(each) - MESSAGE]
    return _conversation(
        fields,
        tuple([_message(each, calls) for each in written]),
        [*_unsaid(fields, CHAT), *dict.fromkeys(unsaid)],
    )


def generate(body: bytes) -> Conversation:
    """A system's words and a prompt."""
    fields = strict_json.parse_object(body)
    for name in ("raw", "suffix"):
        if fields.get(name):
            raise NotTranslatable(
                f"`{name}` needs a model whose target speaks Ollama's own API.", param=name
            )
    messages = []
    if system := ollama_bounds.text(fields, "system"):
        messages.append(Message(Role.SYSTEM, (Text(system),)))
    prompt = ollama_bounds.text(fields, "prompt")
    messages.append(Message(Role.USER, (Text(prompt), *map(image, images_of(fields)))))
    return _conversation(fields, tuple(messages), _unsaid(fields, GENERATE))


def _conversation(
    fields: dict[str, Any], messages: tuple[Message, ...], unsaid: list[str]
) -> Conversation:
    return Conversation(
        messages=messages,
        tools=tuple([_tool(each) for each in ollama_bounds.tools_of(fields)]),
        form=_form(fields.get("format")),
        sampling=_sampling(ollama_bounds.options_of(fields)),
        thinking=_thinking(fields.get("think")),
        is_stream=fields.get("stream") is not False,
        unsaid=tuple(unsaid),
    )


def _unsaid(fields: dict[str, Any], known: frozenset[str]) -> list[str]:
    """What a server of its own would have heeded: how a model is loaded, and how it draws."""
    options = _given(ollama_bounds.options_of(fields)) - SAMPLING
    return [*sorted(_given(fields) - known), *sorted(f"options.{name}" for name in options)]


def _given(holder: dict[str, Any]) -> set[str]:
    """The names of what says something: no, nothing and none are said by saying nothing."""
    return {name for name, value in holder.items() if value not in (None, False, "", [], {})}


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


def _message(written: dict[str, Any], calls: _Calls) -> Message:
    content = ollama_bounds.text(written, "content")
    role = Role(written["role"])
    parts: list[Part] = []
    if role is Role.TOOL:
        name = ollama_bounds.text(written, "tool_name")
        call_id = calls.answered(ollama_bounds.text(written, "tool_call_id"), name)
        shown = map(image, images_of(written))
        return Message(role, (ToolResult(call_id, (Text(content), *shown), name or None),))
    if thinking := ollama_bounds.text(written, "thinking"):
        parts.append(Reasoning(thinking))
    images = [image(each) for each in images_of(written)]
    if content or not images:
        parts.append(Text(content))
    parts += images
    made = [_call(each, calls) for each in _list(written, "tool_calls")]
    if made and not content and not images:
        parts.pop()  # an empty text beside calls says nothing
    return Message(role, (*parts, *made))


def _call(written: dict[str, Any], calls: _Calls) -> ToolCall:
    function = written.get("function")
    if not isinstance(function, dict) or not isinstance(name := function.get("name"), str):
        raise FieldInvalid("Each of `tool_calls` has a function with a `name`.", param="messages")
    arguments = function.get("arguments")
    said = arguments if isinstance(arguments, str) else strict_json.encode(arguments or {}).decode()
    return ToolCall(calls.made(ollama_bounds.text(written, "id"), name), name, said)


def _list(holder: dict[str, Any], name: str) -> list[dict[str, Any]]:
    entries = holder.get(name)
    if entries is None:
        return []
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise FieldInvalid(f"`{name}` must be a list of objects.", param="messages")
    return entries


def _tool(function: dict[str, Any]) -> Tool:
    parameters = function.get("parameters")
    if parameters is not None and not isinstance(parameters, dict):
        raise FieldInvalid("The `parameters` of a tool are a schema.", param="tools")
    description = ollama_bounds.text(function, "description") or None
    return Tool(function["name"], description, parameters)


def _form(written: Any) -> OutputForm | None:
    if written is None or written == "":
        return None
    if written == "json":
        return OutputForm(Form.JSON)
    if isinstance(written, dict):
        return OutputForm(Form.SCHEMA, schema=written)
    raise FieldInvalid('`format` must be "json" or a schema.', param="format")


def _thinking(written: Any) -> Thinking | None:
    if written is None or isinstance(written, bool):
        return None if written is None else Thinking(is_on=written)
    if isinstance(written, str) and written in EFFORTS:
        return Thinking(effort=written)
    raise FieldInvalid(
        f"`think` must be true, false, or one of {', '.join(EFFORTS)}.", param="think"
    )


def _sampling(options: dict[str, Any]) -> Sampling:
    stop = options.get("stop")
    stops = [stop] if isinstance(stop, str) else stop or []
    if not isinstance(stops, list) or not all(isinstance(each, str) for each in stops):
        raise FieldInvalid("`options.stop` must be a text or a list of texts.", param="options")
    return Sampling(
        temperature=_number(options, "temperature"),
        top_p=_number(options, "top_p"),
        top_k=_whole(options, "top_k"),
        min_p=_number(options, "min_p"),
        frequency_penalty=_number(options, "frequency_penalty"),
        presence_penalty=_number(options, "presence_penalty"),
        seed=_whole(options, "seed"),
        stop=tuple(stops),
    )


def _number(options: dict[str, Any], name: str) -> float | None:
    value = options.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise FieldInvalid(f"`options.{name}` must be a number.", param=f"options.{name}")
    return value


def _whole(options: dict[str, Any], name: str) -> int | None:
    value = _number(options, name)
    if value is not None and value != int(value):
        raise FieldInvalid(f"`options.{name}` must be a whole number.", param=f"options.{name}")
    return None if value is None else int(value)
