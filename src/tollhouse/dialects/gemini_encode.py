"""A conversation as a body of Gemini's `generateContent`, and what of it has no place there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from tollhouse.dialects import gemini_thinking
from tollhouse.dialects.gemini_parts import Members, Parts
from tollhouse.dialects.gemini_state import FOREIGN, Signatures, insists_on_signatures
from tollhouse.domain.conversation import (
    Choose,
    Conversation,
    Form,
    Message,
    OutputForm,
    Part,
    Role,
    Sampling,
    Tool,
    ToolChoice,
)
from tollhouse.domain.models import Leg

MODES = {Choose.AUTO: "AUTO", Choose.NONE: "NONE", Choose.SOME: "ANY", Choose.ONE: "ANY"}
MOST_STOPS = 5
SEEDS = range(-(2**31), 2**31)
SYSTEM = (Role.SYSTEM, Role.DEVELOPER)


def encode(conversation: Conversation, leg: Leg) -> tuple[bytes, tuple[str, ...]]:
    saying = _Saying(leg.target.model)
    system, contents = saying.messages(conversation.messages)
    body: Members = {
        **({"systemInstruction": {"parts": system}} if system else {}),
        "contents": contents,
        **saying.tools(conversation),
        "generationConfig": saying.config(conversation, leg.output_tokens),
    }
    return msgspec.json.encode(body), tuple(dict.fromkeys(saying.unsaid))


class _Saying(Parts):
    def __init__(self, model: str) -> None:
        super().__init__()
        self._model = model

    def messages(self, messages: Sequence[Message]) -> tuple[list[Members], list[Members]]:
        """What the system says stands before all else. What the model did in a row is one, and so are its results."""
        system: list[Members] = []
        contents: list[Members] = []
        before: Role | None = None
        for turn in _turns(messages):
            if turn.name is not None:
                self.unsaid.append("messages.name")
            if turn.role is Role.ASSISTANT:
                said = self._answer(turn.parts)
            else:
                said = [each for part in turn.parts for each in self.said(part)]
            if turn.role in SYSTEM:
                if contents and said:
                    self.unsaid.append("messages.system.place")
                system += said
            elif said and turn.role is before:
                contents[-1]["parts"] += said
            elif said:
                role = "model" if turn.role is Role.ASSISTANT else "user"
                contents.append({"role": role, "parts": said})
                before = turn.role
        return system, contents

    def tools(self, conversation: Conversation) -> Members:
        """Without tools there is nothing to choose from."""
        if not conversation.tools:
            return {}
        if conversation.has_parallel_calls is False:
            self.unsaid.append("has_parallel_calls")
        declared = [self._tool(tool) for tool in conversation.tools]
        choice = conversation.tool_choice
        said: Members = {"tools": [{"functionDeclarations": declared}]}
        return {**said, "toolConfig": _choice(choice)} if choice else said

    def config(self, conversation: Conversation, most: int) -> Members:
        self._leave("user", conversation.user)
        thinking, unsaid = gemini_thinking.config(conversation.thinking, self._model)
        self.unsaid += unsaid
        return {
            "maxOutputTokens": most,
            **self._sampling(conversation.sampling),
            **({"candidateCount": conversation.choices} if conversation.choices > 1 else {}),
            **_form(conversation.form),
            **({"thinkingConfig": thinking} if thinking else {}),
        }

    def _answer(self, parts: Sequence[Part]) -> list[Members]:
        """With each signature at the place that it came in."""
        said = [each for part in parts for each in self.said(part)]
        signatures = Signatures(parts)
        calls = [each for each in said if "functionCall" in each]
        words = [each for each in said if "text" in each and "thought" not in each]
        if signatures.is_left_over or any(n >= len(calls) for n in signatures.calls):
            self.unsaid.append("messages.reasoning.state")
        for number, call in enumerate(calls):
            if signature := signatures.calls.get(number):
                call["thoughtSignature"] = signature
            elif number == 0 and insists_on_signatures(self._model):
                call["thoughtSignature"] = FOREIGN
        if signatures.words is not None:
            if not words:
                said.append(last := {"text": ""})
                words = [last]
            words[-1]["thoughtSignature"] = signatures.words
        return said

    def _sampling(self, sampling: Sampling) -> Members:
        seed, stops = sampling.seed, sampling.stop[:MOST_STOPS]
        self._leave("sampling.min_p", sampling.min_p)
        if seed is not None and seed not in SEEDS:
            self.unsaid.append("sampling.seed")
            seed = None
        if len(stops) < len(sampling.stop):
            self.unsaid.append("sampling.stop")
        return _given(
            {
                "temperature": sampling.temperature,
                "topP": sampling.top_p,
                "topK": sampling.top_k,
                "seed": seed,
                "presencePenalty": sampling.presence_penalty,
                "frequencyPenalty": sampling.frequency_penalty,
                "stopSequences": list(stops) or None,
            }
        )

    def _tool(self, tool: Tool) -> Members:
        self._leave("tools.mark", tool.mark)
        self._leave("tools.is_strict", tool.is_strict or None)
        declared = {
            "name": tool.name,
            "description": tool.description,
            "parametersJsonSchema": tool.parameters,
        }
        return _given(declared)


def _turns(messages: Sequence[Message]) -> list[Message]:
    """Signatures count the calls of an answer, and some dialects tell each of its parts by itself."""
    turns: list[Message] = []
    for each in messages:
        if turns and each.role is Role.ASSISTANT is turns[-1].role:
            turns[-1] = Message(each.role, turns[-1].parts + each.parts, each.name)
        else:
            turns.append(each)
    return turns


def _choice(choice: ToolChoice) -> Members:
    named = {"allowedFunctionNames": [choice.name]} if choice.choose is Choose.ONE else {}
    return {"functionCallingConfig": {"mode": MODES[choice.choose], **named}}


def _form(form: OutputForm | None) -> Members:
    if form is None or form.form is Form.TEXT:
        return {}
    schema = {"responseJsonSchema": form.schema} if form.schema is not None else {}
    return {"responseMimeType": "application/json", **schema}


def _given(members: dict[str, Any]) -> Members:
    return {name: value for name, value in members.items() if value is not None}
