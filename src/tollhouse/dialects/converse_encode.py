"""A conversation as a body of AWS Bedrock's Converse, and what of it has no place there.

Neither the model nor whether to stream is in the body: both stand in the path.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from tollhouse.dialects import converse_models
from tollhouse.dialects.converse_parts import Members, Saying
from tollhouse.domain.conversation import (
    Choose,
    Conversation,
    Form,
    Message,
    OutputForm,
    Role,
    Sampling,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
)
from tollhouse.domain.models import Leg

CHOOSING = {Choose.AUTO: "auto", Choose.SOME: "any"}
EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh"}
LEAST_BUDGET = 1024
"""Of tokens to think in."""

HOTTEST = 1.0
ABSENT = "Not on offer."


def encode(conversation: Conversation, leg: Leg) -> tuple[bytes, tuple[str, ...]]:
    model, sampling = leg.target.model, conversation.sampling
    saying = Saying(model)
    system, messages = _messages(conversation.messages, saying)
    more = {**_thinking(conversation.thinking, leg, saying), **_more(sampling, model, saying)}
    config = _config(sampling, saying, is_claude=converse_models.is_claude(model))
    if "thinking" in more and more["thinking"]["type"] != "disabled":
        for name in ("temperature", "topP"):
            if config.pop(name, None) is not None:
                saying.unsaid.append("sampling.top_p" if name == "topP" else "sampling.temperature")
        saying.leave("sampling.top_k", more.pop("top_k", None))
    output = {
        **_form(conversation.form, saying),
        **_effort(conversation.thinking),
    }
    body: Members = {
        "messages": messages,
        **({"system": system} if system else {}),
        "inferenceConfig": {"maxTokens": leg.output_tokens, **config},
        **_tools(conversation, saying),
        **({"outputConfig": output} if output else {}),
        **({"additionalModelRequestFields": more} if more else {}),
    }
    if conversation.choices > 1:
        saying.unsaid.append("choices")
    saying.leave("user", conversation.user)
    return msgspec.json.encode(body), tuple(dict.fromkeys(saying.unsaid))


def _messages(messages: Sequence[Message], saying: Saying) -> tuple[list[Members], list[Members]]:
    """What the system says stands before all else, and turns of one role are one."""
    system: list[Members] = []
    turns: list[Members] = []
    for message in messages:
        saying.leave("messages.name", message.name)
        said = saying.parts(message.parts)
        if message.role in (Role.SYSTEM, Role.DEVELOPER):
            if turns and said:
                saying.unsaid.append("messages.system.place")
            system += [block for block in said if _is_of_system(block, saying)]
            continue
        role = "assistant" if message.role is Role.ASSISTANT else "user"
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += said
        elif said:
            turns.append({"role": role, "content": said})
    return system, turns


def _is_of_system(block: Members, saying: Saying) -> bool:
    if "text" in block or "cachePoint" in block:
        return True
    saying.unsaid += [f"messages.{'file' if name == 'document' else name}" for name in block]
    return False


def _tools(conversation: Conversation, saying: Saying) -> Members:
    """To forbid tools is to offer none. But where calls stand in the messages, Converse wants to be told of some."""
    choice, called = conversation.tool_choice, _called(conversation.messages)
    is_forbidden = choice is not None and choice.choose is Choose.NONE
    if is_forbidden and not called:
        return {}
    if is_forbidden:
        saying.unsaid.append("tool_choice")
    tools = conversation.tools or tuple(Tool(name, ABSENT) for name in called)
    if not tools:
        return {}
    said: Members = {"tools": [block for tool in tools for block in _tool(tool, saying)]}
    if conversation.tools and conversation.has_parallel_calls is False:
        saying.unsaid.append("has_parallel_calls")
    if choice is not None and conversation.tools and not is_forbidden:
        said["toolChoice"] = _choice(choice)
    return {"toolConfig": said}


def _called(messages: Sequence[Message]) -> Sequence[str]:
    """The names of the tools that were, in order. A result without its call has none."""
    parts = [part for message in messages for part in message.parts]
    calls = [part.name for part in parts if isinstance(part, ToolCall)]
    return tuple(dict.fromkeys(calls))


def _tool(tool: Tool, saying: Saying) -> Iterator[Members]:
    schema = {"type": "object", **(tool.parameters or {})}
    said: Members = {"name": tool.name, "inputSchema": {"json": schema}}
    if tool.description:
        said["description"] = tool.description
    if tool.is_strict:
        said["strict"] = True
    yield {"toolSpec": said}
    yield from saying.marked(tool.mark, "tools")


def _choice(choice: ToolChoice) -> Members:
    if choice.choose is Choose.ONE:
        return {"tool": {"name": choice.name}}
    return {CHOOSING[choice.choose]: {}}


def _config(sampling: Sampling, saying: Saying, *, is_claude: bool) -> Members:
    """Claude takes one of temperature and top_p."""
    for name in ("min_p", "frequency_penalty", "presence_penalty", "seed"):
        saying.leave(f"sampling.{name}", getattr(sampling, name))
    temperature, top_p = sampling.temperature, sampling.top_p
    if temperature is not None and temperature > HOTTEST:
        saying.unsaid.append("sampling.temperature")
        temperature = HOTTEST
    if is_claude and temperature is not None and top_p is not None:
        saying.unsaid.append("sampling.top_p")
        top_p = None
    stops = [stop for stop in sampling.stop if stop.strip()]
    if len(stops) < len(sampling.stop):
        saying.unsaid.append("sampling.stop")
    return _given({"temperature": temperature, "topP": top_p, "stopSequences": stops or None})


def _more(sampling: Sampling, model: str, saying: Saying) -> Members:
    """What is the model's own, and no member of Converse."""
    if sampling.top_k is None or converse_models.is_claude(model):
        return _given({"top_k": sampling.top_k})
    saying.unsaid.append("sampling.top_k")
    return {}


def _thinking(thinking: Thinking | None, leg: Leg, saying: Saying) -> Members:
    if thinking is None:
        return {}
    budget = thinking.budget_tokens
    if not converse_models.is_claude(leg.target.model):
        saying.leave("thinking.budget_tokens", budget)
        if not thinking.is_on:
            saying.unsaid.append("thinking.is_on")
        return {}
    if not thinking.is_on:
        return {"thinking": {"type": "disabled"}}
    if budget is not None and LEAST_BUDGET <= budget < leg.output_tokens:
        return {"thinking": {"type": "enabled", "budget_tokens": budget}}
    saying.leave("thinking.budget_tokens", budget)
    return {"thinking": {"type": "adaptive"}}


def _effort(thinking: Thinking | None) -> Members:
    effort = EFFORTS.get(thinking.effort or "") if thinking and thinking.is_on else None
    return {"effort": effort} if effort else {}


def _form(form: OutputForm | None, saying: Saying) -> Members:
    """The schema goes as a text."""
    if form is None or form.form is Form.TEXT:
        return {}
    if form.schema is None:
        saying.unsaid.append("form")
        return {}
    schema = {"schema": msgspec.json.encode(form.schema).decode(), **_given({"name": form.name})}
    return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}


def _given(members: Members) -> Members:
    return {name: value for name, value in members.items() if value is not None}
