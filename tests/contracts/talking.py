"""Conversations and answers of every kind: Hypothesis gives the words and the dice.

To draw each of a few hundred choices by itself would take it longer than all that is tested with them.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

from hypothesis import strategies as st
from scripts.fidelity.dialects import TOOLS, Spoken

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
    State,
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
    Sealed,
    Stop,
    Stopped,
    Thought,
)
from tollhouse.domain.pricing import Kinds, Usage

T = TypeVar("T")

FOREIGN = State("nowhere_else", {"secret": "c2VjcmV0LW9mLWFub3RoZXI="})
PAGE = Citation("https://example.com/", "E", start=0, end=1)
PDF = "JVBERi0xLjQKJSVFT0YK"
MARKS = (None, None, None, Mark(), Mark("1h"))
THINKING = (
    *(None, Thinking(effort="low"), Thinking(effort="medium"), Thinking(effort="high")),
    *(Thinking(budget_tokens=2048), Thinking(is_on=False)),
)
CHOICES = (None, ToolChoice(Choose.AUTO), ToolChoice(Choose.SOME), ToolChoice(Choose.NONE))

words = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12).filter(
    lambda text: bool(text.strip()) and "\0" not in text
)
dice = st.builds(
    lambda seed, said: Dice(Random(seed), said),
    st.integers(0, 2**32),
    st.lists(words, min_size=8, max_size=8),
)


@dataclass(frozen=True)
class Dice:
    random: Random
    words: Sequence[str]

    def word(self) -> str:
        return self.random.choice(self.words)

    def one_of(self, *of: T) -> T:
        return self.random.choice(of)

    def may(self, times_in_four: int = 2) -> bool:
        return self.random.randrange(4) < times_in_four

    def several(self, make: Callable[[], T], least: int, most: int) -> list[T]:
        return [make() for _ in range(self.random.randint(least, most))]

    def mark(self) -> Mark | None:
        return self.one_of(*MARKS)

    def arguments(self) -> str:
        value = self.one_of(None, True, -7, self.word(), [1, {"deep": [self.word()]}])
        return json.dumps({self.word(): value} if self.may(3) else {})

    def schema(self) -> dict[str, Any]:
        properties = {self.word(): {"type": "string"}, "a": {"$ref": "#/$defs/a"}}
        definitions = {"a": {"anyOf": [{"type": "null"}, {"enum": [self.word()]}]}}
        return {"type": "object", "properties": properties, "$defs": definitions}

    def image(self) -> Image:
        data = b64encode(b"\x89PNG\r\n\x1a\n" + self.random.randbytes(9)).decode()
        return Image("image/png", data, detail=self.one_of(None, "low"), mark=self.mark())

    def asked(self) -> Message:
        more = self.several(
            lambda: self.one_of(
                Text(self.word(), self.mark()),
                self.image(),
                Image(url="https://example.com/a.png"),
                File("a.pdf", "application/pdf", PDF, mark=self.mark()),
                File(url="https://example.com/a.pdf"),
                Audio("wav", "UklGRg=="),
            ),
            *(0, 2),
        )
        name = "anna" if self.may(1) else None
        return Message(Role.USER, (Text(self.word(), self.mark()), *more), name)

    def answered(self, number: int, own: State | None) -> list[Message]:
        """What a model said, and what came of its calls."""
        parts: list[Part] = []
        if self.may():
            parts.append(Reasoning(self.word(), self.one_of(None, FOREIGN, own)))
        calls = [
            ToolCall(
                f"call_{number}_{each}", self.one_of(*sorted(TOOLS)), self.arguments(), self.mark()
            )
            for each in range(self.random.randrange(4))
        ]
        if not calls or self.may():
            citations = (PAGE,) if self.may(1) else ()
            parts.append(
                Refusal(self.word()) if self.may(1) else Text(self.word(), self.mark(), citations)
            )
        said = Message(Role.ASSISTANT, (*parts, *calls))
        results = tuple(self.result(call) for call in calls)
        return [said, Message(Role.TOOL, results)] if results else [said]

    def result(self, call: ToolCall) -> ToolResult:
        parts = (Text(self.word()), *(self.image() for _ in range(self.may(1))))
        return ToolResult(call.id, parts, is_error=self.may(1), mark=self.mark())

    def tool(self, name: str) -> Tool:
        return Tool(name, self.word(), self.schema(), self.one_of(None, True), self.mark())

    def sampling(self) -> Sampling:
        rates = [self.one_of(None, 0.25, 0.5, 1.0) for _ in range(5)]
        temperature, top_p, min_p, frequency, presence = rates
        return Sampling(
            *(temperature, top_p, self.one_of(None, 40), min_p, frequency, presence),
            *(self.one_of(None, 7), tuple(dict.fromkeys(self.several(self.word, 0, 2)))),
        )

    def form(self) -> OutputForm | None:
        schema = OutputForm(Form.SCHEMA, "n", self.schema(), self.one_of(None, True))
        return self.one_of(None, OutputForm(Form.JSON), schema)

    def conversation(self, own: State | None) -> Conversation:
        """`own` is a state that the dialect knows."""
        messages: list[Message] = []
        if self.may():
            role = self.one_of(Role.SYSTEM, Role.DEVELOPER)
            messages.append(Message(role, (Text(self.word(), self.mark()),)))
        for number in range(self.random.randint(1, 3)):
            messages += [self.asked(), *self.answered(number, own)]
        return Conversation(
            messages=(*messages, self.asked()),
            tools=tuple(self.tool(name) for name in sorted(TOOLS)[: self.random.randint(1, 3)]),
            tool_choice=self.one_of(*CHOICES),
            has_parallel_calls=self.one_of(None, False),
            form=self.form(),
            sampling=self.sampling(),
            thinking=self.one_of(*THINKING),
            is_stream=self.may(),
            user=self.one_of(None, "anna"),
        )

    def answer(self, own: State | None) -> list[Delta]:
        """In pieces: thoughts, then words, then calls whose arguments take turns."""
        deltas: list[Delta] = [Began("upstream-1", 1)]
        if self.may():
            deltas += [Thought(text) for text in self.several(self.word, 1, 3)]
            if own is not None and self.may():
                deltas.append(Sealed(own))
        declines = self.may(1)
        if declines:
            deltas += [Declined(text) for text in self.several(self.word, 1, 2)]
        elif self.may(3):
            deltas += [Said(text) for text in self.several(self.word, 1, 4)]
            if self.may(1):
                deltas.append(Cited(PAGE))
        calls = [] if declines else self.calls()
        deltas += calls
        stops = (Stop.TOOLS,) if calls else (Stop.END, Stop.LENGTH, Stop.SEQUENCE, Stop.FILTERED)
        deltas.append(Stopped(self.one_of(*stops)))
        read, written = self.random.randint(1, 10**6), self.random.randint(1, 10**5)
        thought = self.random.randint(0, written)
        kinds = Kinds(reasoning=thought) if thought else None
        return [*deltas, Counted(Usage(read, written, self.one_of(0, 64), kinds=kinds))]

    def calls(self) -> list[Delta]:
        """Each begins after the one before and has its pieces in order; those of several take turns."""
        waiting: list[list[Delta]] = []
        for index in range(self.random.randrange(4)):
            said = self.arguments()
            cut = self.random.randint(0, len(said))
            pieces = [Argued(index, piece) for piece in (said[:cut], said[cut:]) if piece]
            called = Called(index, f"call_x_{index}", self.one_of(*sorted(TOOLS)))
            waiting.append([called, *pieces])
        taken: list[Delta] = []
        opened = 1
        while any(waiting):
            ready = [number for number, each in enumerate(waiting[:opened]) if each]
            if not ready:
                opened += 1
                continue
            number = self.random.choice(ready)
            taken.append(waiting[number].pop(0))
            opened = max(opened, number + 1 + self.may())
        return taken


def as_far_as(spoken: Spoken, answer: bytes, words: str) -> bytes:
    """The beginning of a stream, until these words were said and nothing after them."""
    reader = spoken.client.reader(is_stream=True)
    said = ""
    for at in range(len(answer)):
        pieces = reader.feed(answer[at : at + 1])
        said += "".join(each.text for each in pieces if isinstance(each, Said))
        if said == words:
            return answer[: at + 1]
    raise AssertionError(f"{words!r} was never said")
