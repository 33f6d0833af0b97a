"""A recording without ears: what was said is the `prompt`, and it took as long as the recording."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tollhouse.domain.exchange import Sending
from tollhouse.domain.recordings import recording
from tollhouse.providers.echo_completions import PIECE
from tollhouse.providers.echo_forms import parts_of

TOKENS_A_SECOND = 10


class Heard:
    """Of one form. Raises ValidationError on what is none, or has no recording."""

    def __init__(self, sending: Sending) -> None:
        parts = parts_of(sending)
        texts = {part.name: part.text or "" for part in parts}
        file = next((part for part in parts if part.is_file), None)
        if file is None:
            raise msgspec.ValidationError("There is no `file` in the form.")
        self.is_stream = texts.get("stream", "").lower() == "true"
        self._format = texts.get("response_format") or "json"
        self._text = texts.get("prompt") or "silence"
        self._seconds = recording(file.head, file.size).likely_s

    @property
    def media(self) -> bytes:
        return b"application/json" if "json" in self._format else b"text/plain; charset=utf-8"

    def whole(self) -> bytes:
        used = {"type": "duration", "seconds": self._seconds}
        told: dict[str, object] = {"text": self._text, "usage": used}
        match self._format:
            case "text":
                return f"{self._text}\n".encode()
            case "srt":
                return f"1\n00:00:00,000 --> {self._end(',')}\n{self._text}\n\n".encode()
            case "vtt":
                return f"WEBVTT\n\n00:00:00.000 --> {self._end('.')}\n{self._text}\n\n".encode()
            case "verbose_json" | "diarized_json":
                segment = {"id": 0, "start": 0, "end": self._seconds, "text": self._text}
                told = {"task": "transcribe", "language": "english", **told}
                told |= {"duration": self._seconds, "segments": [segment]}
        return msgspec.json.encode(told)

    def events(self) -> Iterator[bytes]:
        pieces = PIECE.findall(self._text)
        for piece in pieces:
            yield _framed({"type": "transcript.text.delta", "delta": piece})
        heard = self._seconds * TOKENS_A_SECOND
        usage = {"type": "tokens", "input_tokens": heard, "output_tokens": len(pieces)}
        usage["total_tokens"] = heard + len(pieces)
        yield _framed({"type": "transcript.text.done", "text": self._text, "usage": usage})

    def _end(self, point: str) -> str:
        minutes, seconds = divmod(self._seconds, 60)
        return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}{point}000"


def _framed(event: dict[str, object]) -> bytes:
    return b"data: " + msgspec.json.encode(event) + b"\n\n"
