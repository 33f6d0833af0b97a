"""What a body of Anthropic's messages says, in no dialect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby

import msgspec

from tollhouse.dialects import anthropic_parts
from tollhouse.dialects.anthropic_parts import mark, text_or
from tollhouse.dialects.taking import Taking
from tollhouse.domain.conversation import (
    Choose,
    Conversation,
    Form,
    Message,
    OutputForm,
    Part,
    Role,
    Sampling,
    Thinking,
    Tool,
    ToolChoice,
    ToolResult,
)

ELSEWHERE = ("model", "max_tokens")
"""What the plan says."""

SAYS_NOTHING: dict[str, tuple[object, ...]] = {
    "service_tier": ("auto", "standard_only"),
    "speed": ("standard",),
    "inference_geo": ("global",),
}
"""Members that are as if they were not there, with these values."""

CHOOSING = {"auto": Choose.AUTO, "none": Choose.NONE, "any": Choose.SOME}
EFFORTS = {"low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh", "max": "xhigh"}
LONGEST_USER = 64
"""What other providers take as the name of a user; agents send a document in its place."""


def decode(body: bytes) -> Conversation:
    """Raises FieldInvalid on a member that is not of Anthropic's form."""
    unsaid: list[str] = []
    top = Taking(msgspec.json.decode(body), "", unsaid)
    top.skip(*ELSEWHERE)
    for name, values in SAYS_NOTHING.items():
        if top.peek(name) in values:
            top.skip(name)
    choice, has_parallel_calls = _tool_choice(top)
    form, effort = _output(top)
    said = partial(
        Conversation,
        messages=(*_system(top), *_messages(top.each("messages"))),
        tools=_tools(top),
        tool_choice=choice,
        has_parallel_calls=has_parallel_calls,
        form=form,
        sampling=_sampling(top),
        thinking=_thinking(top, effort),
        is_stream=bool(top.flag("stream")),
        user=_user(top),
    )
    top.leave()
    return said(unsaid=tuple(unsaid))


def _system(top: Taking) -> Iterator[Message]:
    if parts := text_or(top, "system", anthropic_parts.read):
        yield Message(Role.SYSTEM, parts)


def _messages(given: Sequence[Taking]) -> Iterator[Message]:
    for each in given:
        role = each.needed("role")
        if role not in ("assistant", "system", "user"):
            raise each.invalid("role", "one that is known")
        parts = text_or(each, "content", anthropic_parts.read)
        each.leave()
        yield from _of(Role(role), parts)


def _of(role: Role, parts: Sequence[Part]) -> Iterator[Message]:
    """What a tool gave back stands in messages of its own."""
    for is_result, run in groupby(parts, lambda part: isinstance(part, ToolResult)):
        yield Message(Role.TOOL if is_result else role, tuple(run))


def _tools(top: Taking) -> tuple[Tool, ...]:
    tools = []
    for each in top.each("tools"):
        kind = each.text("type") or "custom"
        if kind != "custom":
            top.unsay(f"tools.{kind}")
            continue
        tools.append(_tool(each))
        each.leave()
    return tuple(tools)


def _tool(given: Taking) -> Tool:
    if given.peek("defer_loading") is False:
        given.skip("defer_loading")
    if given.peek("allowed_callers") == ["direct"]:
        given.skip("allowed_callers")
    given.skip("eager_input_streaming")  # how it is told, not what
    return Tool(
        given.needed("name"),
        given.text("description"),
        given.object("input_schema"),
        given.flag("strict"),
        mark(given),
    )


def _tool_choice(top: Taking) -> tuple[ToolChoice | None, bool | None]:
    """The choice, and whether several may be called at once."""
    given = top.within("tool_choice")
    if given is None:
        return None, None
    kind, is_single = given.needed("type"), given.flag("disable_parallel_tool_use")
    name = given.text("name")
    given.leave()
    several = None if is_single is None else not is_single
    if kind == "tool" and name is not None:
        return ToolChoice(Choose.ONE, name), several
    if kind not in CHOOSING:
        raise top.invalid("tool_choice.type", "`auto`, `any`, `none`, or `tool` with a name")
    return ToolChoice(CHOOSING[kind]), several


def _sampling(top: Taking) -> Sampling:
    return Sampling(
        temperature=top.number("temperature"),
        top_p=top.number("top_p"),
        top_k=top.whole("top_k"),
        stop=top.texts("stop_sequences"),
    )


def _thinking(top: Taking, effort: str | None) -> Thinking | None:
    given = top.within("thinking")
    if given is None:
        return Thinking(effort=effort) if effort else None
    kind, budget = given.needed("type"), given.whole("budget_tokens")
    given.skip("display")  # what is shown of a thought is the answer's own business
    given.leave()
    if kind == "disabled":
        return Thinking(is_on=False)
    return Thinking(effort=effort, budget_tokens=budget)


def _output(top: Taking) -> tuple[OutputForm | None, str | None]:
    """The form of the answer, under its older name too, and how hard to think."""
    form, effort = _form(top, "output_format"), None
    if config := top.within("output_config"):
        form = _form(config, "format") or form
        wished = config.text("effort")
        effort = EFFORTS.get(wished or "")
        if wished and effort is None:
            config.unsay("effort")
        config.leave()
    return form, effort


def _form(parent: Taking, name: str) -> OutputForm | None:
    given = parent.within(name)
    if given is None:
        return None
    kind = given.needed("type")
    if kind != "json_schema":
        given.unsay(kind)
        return None
    form = OutputForm(Form.SCHEMA, given.text("name"), given.object("schema"), is_strict=True)
    given.leave()
    return form


def _user(top: Taking) -> str | None:
    metadata = top.within("metadata")
    if metadata is None:
        return None
    user = metadata.text("user_id")
    if user and len(user) > LONGEST_USER:
        metadata.unsay("user_id")
        user = None
    metadata.leave()
    return user
