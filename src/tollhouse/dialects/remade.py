"""An answer in one piece that is looked at when it is whole, and told as the caller has it."""

from __future__ import annotations

from collections.abc import Callable

from tollhouse.dialects.openai_events import is_given, read_event, text_of
from tollhouse.dialects.openai_problems import failure_of, kind_of
from tollhouse.dialects.whole import Whole
from tollhouse.domain.pricing import Usage

Remake = Callable[[bytes], tuple[bytes, Usage | None]]
"""The caller's answer, and what the upstream's says of its usage. Raises UpstreamBroke on what is none."""


class Remade(Whole):
    """Implements Relay for what produces no text: usage has no output."""

    def __init__(self, remake: Remake) -> None:
        super().__init__()
        self._remake = remake

    def finish(self) -> bytes:
        body = bytes(self._body)
        text_of(body)
        if is_given(read_event(body).error):
            raise failure_of(kind_of(body), "with status 200")
        said, self.usage = self._remake(body)
        return said
