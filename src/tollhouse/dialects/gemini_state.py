"""What Gemini gives to be given back, unread: signatures, each with the place that it came in.

It wants them at the same place again: at the call that it came with, or at the last of the words. From
Gemini 3 on the first call of each step must bear one, and a call that Gemini did not make has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tollhouse.domain.conversation import Part, Reasoning, State

DIALECT = "gemini"
FOREIGN = "skip_thought_signature_validator"
"""What Google has instead of a signature, for calls that were made by another model."""

_generation = re.compile(r"gemini-(\d+)")


def of_words(signature: str) -> State:
    return State(DIALECT, {"signature": signature})


def of_call(signature: str, number: int) -> State:
    """The calls of an answer are counted from 0."""
    return State(DIALECT, {"signature": signature, "call": number})


class Signatures:
    """Those of one answer. A caller may have made a seal up itself: what is none is left over."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self.words: str | None = None
        self.calls: dict[int, str] = {}
        self.is_left_over = False
        for part in parts:
            if isinstance(part, Reasoning) and part.state is not None:
                self._take(part.state)

    def _take(self, state: State) -> None:
        signature, number = state.raw.get("signature"), state.raw.get("call")
        if state.dialect != DIALECT or not isinstance(signature, str):
            self.is_left_over = True
        elif number is None:
            self.words = signature
        elif isinstance(number, int):
            self.calls[number] = signature
        else:
            self.is_left_over = True


def insists_on_signatures(model: str) -> bool:
    generation = generation_of(model)
    return generation >= 3 if generation else model.startswith("gemini-")


def generation_of(model: str) -> int | None:
    found = _generation.search(model)
    return int(found[1]) if found else None
