"""Cohere's stream: the same however it is cut, and one end."""

from __future__ import annotations

from collections.abc import Sequence

from scripts.fidelity.cohere import event

from fuzz.cutting import ways
from tollhouse.dialects.cohere_chat import CohereChat
from tollhouse.domain.deltas import Delta, Stopped
from tollhouse.domain.errors import Failure

HI = event("content-delta", {"message": {"content": {"text": "hi"}}}, 0)
CALL = event(
    "tool-call-start", {"message": {"tool_calls": {"id": "t", "function": {"name": "look"}}}}, 0
)
END = event("message-end", {"finish_reason": "COMPLETE", "usage": {"tokens": {}}})
SEEDS = [
    HI + END,
    CALL + event("tool-call-delta", {"message": {"tool_calls": {"function": {"arguments": "{"}}}}, 0),
    event("message-end", {"finish_reason": "ERROR", "error": "sk-x"}),
    b'data: {"type":"citation-start","delta":{"message":{"citations":{"sources":[{}]}}}}\n\n' + END,
]  # fmt: skip
WORDS = (
    *(b'"type"', b'"delta"', b'"message"', b'"content"', b'"thinking"', b'"tool_plan"', b'"tool_calls"'),
    *(b'"finish_reason"', b'"billed_units"', b'"citations"', b'"message-end"', b'"tool-call-end"', b"data: "),
)  # fmt: skip


def cohere_stream_target(data: bytes) -> None:
    whole = _read([data])
    for pieces in ways(data):
        assert _read(pieces) == whole
    deltas, failure = whole
    assert sum(isinstance(delta, Stopped) for delta in deltas) == (failure is None)


def _read(pieces: Sequence[bytes]) -> tuple[list[Delta], type[Failure] | None]:
    reader = CohereChat().reader(is_stream=True)
    deltas: list[Delta] = []
    for piece in pieces:
        deltas += reader.feed(piece)
        if reader.failure is not None or reader.is_over:
            return deltas, type(reader.failure) if reader.failure else None
    deltas += reader.finish()
    return deltas, type(reader.failure) if reader.failure else None
