"""Forms with recordings and images, and what an upstream answers to them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from fuzz.bodies import LEG
from fuzz.cutting import ways
from journeys.recordings import BOUNDARY, file, form, read, text, wav
from tollhouse.dialects.openai_hearing import OpenAIHearing
from tollhouse.dialects.openai_retouching import OpenAIRetouching
from tollhouse.domain.errors import Failure, Refusal
from tollhouse.domain.forms import Part, Upload
from tollhouse.domain.multipart import FormReader
from tollhouse.domain.tasks import Task
from tollhouse.ports import Relay

EAR = OpenAIHearing(Task.TRANSCRIPTIONS)
DIALECTS = (
    EAR,
    OpenAIHearing(Task.TRANSLATIONS),
    OpenAIRetouching("openai_edits", is_told=True),
    OpenAIRetouching("openai_variations", is_told=False),
)
ENDS = {"transcript.text.done", "last"}
KNOWN = {"transcript.text.delta", "transcript.text.segment", "chunk", *ENDS}
MODEL = text("model", "m")
ASK_SEEDS = [
    form(MODEL, file(b"RIFF"), text("stream", "true"), text("response_format", "srt")),
    form(file(wav(1)[:60]), text("known_speaker_references[]", "data:"), MODEL),
    form(MODEL, text("prompt", "x"), file(b"", "image[]"), file(b"x", "mask"), text("n", 2)),
    form(MODEL, file(b"fLaC\0\0\0\x22" + bytes(34))),
]
ANSWER_SEEDS = [
    b'data: {"type":"transcript.text.delta","delta":"two"}\n\ndata: {"type":"transcript.text.done","text":"two"}\n\n',
    b'data: {"type":"transcript.text.segment","text":"x"}\n\n: ping\n\ndata: [DONE]\n\n',
    b'data: {"type":"transcript.text.done","usage":{"input_tokens":3,"output_tokens":1}}\n\n',
    b'data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}],"model":"a"}\n\ndata: [DONE]\n\n',
    b'{"text":"two","usage":{"type":"duration","seconds":1.5},"model":"a"}',
    b'{"text":"two","duration":"1e400"}',
    b'{"error":{"message":"x"}}',
    b"1\n00:00:00,000 --> 00:00:01,000\ntwo\n",
]
ASK_WORDS = (
    *(f"--{BOUNDARY}".encode(), b"\r\n\r\n", b'name="model"', b'name="file"', b'; filename="a"', b"ID3", b"\xff\xfb"),
    *(b"ftyp", b"mvhd", b'name="stream"', b"true", b'name="n"'),
)  # fmt: skip
ANSWER_WORDS = (
    *(b'"type"', b'"transcript.text.done"', b'"transcript.text.delta"', b'"delta"', b'"text"', b'"usage"', b"\n\n"),
    *(b'"seconds"', b'"duration"', b'"input_tokens"', b"data: ", b"[DONE]", b'"choices"', b'"finish_reason"'),
)  # fmt: skip


def form_ask_target(data: bytes) -> None:
    """What leaves is what was judged, but for the model's name; no bound is below what is likely."""
    reader = FormReader(BOUNDARY.encode())
    try:
        reader.feed(data)
        reader.finish()
    except Refusal:
        return
    came = read(data)
    for dialect in DIALECTS:
        try:
            ask = dialect.peek(came)
        except Refusal:
            continue
        sent = asyncio.run(_sent(dialect.outgoing(came, ask, LEG)))
        left = read(sent)
        assert left.text("model") == LEG.target.model
        assert _others(left.parts, sent) == _others(came.parts, data)
        assert ask.likely is None or 0 <= ask.likely.seconds <= ask.most.seconds
        assert 1 <= ask.choices <= 10


def heard_target(data: bytes) -> None:
    """The same however it is cut; of a stream only known events, one end and nothing after it."""
    for texts in ({"stream": "true"}, {}, {"response_format": "text"}):
        ask = EAR.peek(read(form(MODEL, file(wav(1)), *(text(*each) for each in texts.items()))))
        said = [_said(EAR.relay(ask), pieces) for pieces in ([data], *ways(data))]
        assert said[1:] == said[:-1]
        passed, is_whole = said[0]
        if not ask.is_stream:
            assert passed in (b"", data) or json.loads(passed)["model"] == "m"
            continue
        events = [line[6:] for line in passed.split(b"\n\n") if line]
        kinds = [_kind(event) for event in events]
        assert set(kinds) <= KNOWN
        assert not ENDS & set(kinds[:-1])
        assert is_whole == bool(ENDS & set(kinds[-1:]))


def _kind(event: bytes) -> str:
    if event == b"[DONE]":
        return "last"
    read = json.loads(event)
    return "chunk" if read.get("choices") is not None else str(read["type"])


def _said(relay: Relay, pieces: list[bytes]) -> tuple[bytes, bool]:
    passed = b"".join(map(relay.feed, pieces))
    if relay.failure is not None:
        return passed, False
    try:
        return passed + relay.finish(), True
    except Failure:
        return passed, False
    finally:
        assert relay.counted_output() >= 0


async def _sent(upload: Upload) -> bytes:
    return b"".join([piece async for piece in upload.pieces()])


def _others(parts: Sequence[Part], body: bytes) -> list[tuple[str, bytes]]:
    return [
        (part.name, body[part.begin : part.begin + part.size])
        for part in parts
        if part.name != "model"
    ]
