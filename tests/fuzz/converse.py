"""AWS's event stream: any bytes, and any bodies within frames that are whole."""

from __future__ import annotations

from collections.abc import Sequence

from scripts.fidelity.bedrock import event

from fuzz.cutting import ways
from tollhouse.dialects.bedrock_converse import BedrockConverse
from tollhouse.dialects.event_stream import LONGEST_MESSAGE, Messages, read_message, written
from tollhouse.domain.deltas import Delta
from tollhouse.domain.errors import Failure, UpstreamBroke

HI = event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "hi"}})
END = event("messageStop", {"stopReason": "end_turn"})
USAGE = event("metadata", {"usage": {"inputTokens": 9, "outputTokens": 2}})
FRAME_SEEDS = [HI + END + USAGE, HI[:40], written({}, b""), bytes(16), b"\xff" * 20]
BODY_SEEDS = [
    b'contentBlockDelta\n{"contentBlockIndex":0,"delta":{"text":"hi"}}\nmessageStop\n{"stopReason":"end_turn"}',
    b'contentBlockStart\n{"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"t","name":"look"}}}\n'
    b'contentBlockDelta\n{"contentBlockIndex":1,"delta":{"toolUse":{"input":"{}"}}}\ncontentBlockStop\n{"contentBlockIndex":1}',
    b'contentBlockDelta\n{"delta":{"reasoningContent":{"signature":"c2ln"}}}\nmetadata\n{"usage":{"inputTokens":-1}}',
    b'throttlingException\n{"message":"sk-x"}\nmessageStop\n{"stopReason":"malformed_tool_use"}',
]
WORDS = (
    *(b'"contentBlockIndex"', b'"delta"', b'"toolUse"', b'"input"', b'"reasoningContent"', b'"redactedContent"'),
    *(b"contentBlockStart\n", b"contentBlockDelta\n", b"contentBlockStop\n", b"messageStop\n", b"metadata\n"),
    *(b'"stopReason"', b'"usage"', b'"inputTokens"', b"Exception\n", b'"citation"', b'"signature"'),
)  # fmt: skip


def event_frames_target(data: bytes) -> None:
    """Each byte is in one frame, in order, and what is read confirms itself."""
    taking = Messages()
    frames = [*taking.push(data), *taking.drain()]
    assert b"".join(frames) == data
    for frame in frames:
        try:
            message = read_message(frame)
        except UpstreamBroke:
            continue
        assert len(frame) <= LONGEST_MESSAGE
        assert message.body in frame
    _reads_alike(data)


def converse_stream_target(data: bytes) -> None:
    """By turns the name of an event and its body, in frames that are whole."""
    lines = data.split(b"\n")
    names = [line.decode("latin-1")[:100] for line in lines[::2]]
    stream = b"".join(
        written(_headers(name), body) for name, body in zip(names, lines[1::2], strict=False)
    )
    _reads_alike(stream)


def _headers(name: str) -> dict[str, str]:
    if name.endswith("Exception"):
        return {":message-type": "exception", ":exception-type": name}
    return {":message-type": "event", ":event-type": name}


def _reads_alike(data: bytes) -> None:
    whole = _read([data])
    for pieces in ways(data):
        assert _read(pieces) == whole


def _read(pieces: Sequence[bytes]) -> tuple[list[Delta], type[Failure] | None]:
    reader = BedrockConverse().reader(is_stream=True)
    deltas: list[Delta] = []
    for piece in pieces:
        deltas += reader.feed(piece)
        if reader.failure is not None or reader.is_over:
            return deltas, type(reader.failure) if reader.failure else None
    deltas += reader.finish()
    return deltas, type(reader.failure) if reader.failure else None
