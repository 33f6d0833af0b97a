"""An answer in one piece of any endpoint: kept until it is whole, looked at, then passed as it came
but for the model's name, which is the one that was asked by."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec

from tollhouse.dialects.naming import AskedName
from tollhouse.dialects.openai_events import NOTHING, is_given, read_event, text_of
from tollhouse.dialects.openai_problems import failure_of, kind_of
from tollhouse.dialects.whole import Whole
from tollhouse.domain.errors import UpstreamBroke
from tollhouse.domain.pricing import Usage

T = TypeVar("T")
Read = Callable[[bytes], Usage | None]
"""What an answer says of its usage. Raises UpstreamBroke on what is no answer of the endpoint."""


class WholeAnswer(Whole):
    """Implements Relay for what produces no text: usage has no output."""

    def __init__(self, model: str, read: Read) -> None:
        super().__init__()
        self._name = AskedName(model)
        self._read = read

    def finish(self) -> bytes:
        body = bytes(self._body)
        text_of(body)
        event = read_event(body)
        if is_given(event.error):
            raise failure_of(kind_of(body), "with status 200")
        self.usage = self._read(body)
        return body if event.model is NOTHING else self._name.put(body, bytes(event.model))


def decoder(form: type[T]) -> Callable[[bytes], T]:
    """Reads an answer of that form. Raises UpstreamBroke on what has another."""
    decode = msgspec.json.Decoder(form).decode

    def read(body: bytes) -> T:
        try:
            return decode(body)
        except (ValueError, RecursionError):
            raise UpstreamBroke(private="the answer has not the form of its path") from None

    return read
