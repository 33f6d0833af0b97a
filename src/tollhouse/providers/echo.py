"""A model that repeats what it is told: no network, no weights, always the same answer.

It speaks OpenAI's chat completions and embeddings. A word, a run of signs or a run of blanks left at the end
is one token, so usage, bounds and streams can be checked by counting words.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any, Literal

import msgspec

from tollhouse.domain.exchange import Sending
from tollhouse.providers.echo_completions import PIECE, EchoedText, TextPrompt
from tollhouse.providers.echo_embeddings import embeddings
from tollhouse.providers.echo_hearing import Heard
from tollhouse.providers.echo_judging import moderations, reranked
from tollhouse.providers.echo_making import pictured, retouched, spoken

MOST_CHOICES = 128
CHAT = b"/chat/completions"
COMPLETIONS = b"/completions"
SPEECH = b"/audio/speech"
HEARING = (b"/audio/transcriptions", b"/audio/translations")
RETOUCHING = (b"/images/edits", b"/images/variations")
OTHERS = {
    b"/embeddings": embeddings,
    b"/moderations": moderations,
    b"/rerank": reranked,
    b"/images/generations": pictured,
}
"""What answers in one piece, by the end of its path."""


class Echo:
    """An upstream without a wire. `pace_s` passes before each chunk of a stream."""

    def __init__(self, *, pace_s: float = 0.0, clock: Callable[[], float] = time.time) -> None:
        self._pace_s = pace_s
        self._clock = clock

    def send(self, sending: Sending) -> EchoExchange:
        return EchoExchange(self._answer, sending)

    def _answer(self, sending: Sending) -> EchoAnswer:
        try:
            if sending.path.endswith(CHAT):
                return self._chat(sending)
            if sending.path.endswith(COMPLETIONS):
                return self._completions(sending)
            if sending.path.endswith(SPEECH):
                return EchoAnswer(200, b"audio/wav", spoken(sending.whole), self._pace_s)
            if sending.path.endswith(RETOUCHING):
                return _whole(retouched(sending))
            if sending.path.endswith(HEARING):
                return self._hearing(Heard(sending))
            for path, answer in OTHERS.items():
                if sending.path.endswith(path):
                    return _whole(answer(sending.whole))
        except msgspec.ValidationError as invalid:
            return _refused(400, str(invalid))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _refused(400, "The body is not valid JSON.")
        return _refused(404, "The echo model has nothing at this path.")

    def _chat(self, sending: Sending) -> EchoAnswer:
        prompt = msgspec.json.decode(sending.whole, type=Prompt)
        echo = _Completion(prompt, sending.whole, int(self._clock()))
        if prompt.stream:
            return EchoAnswer(200, b"text/event-stream", echo.events(), self._pace_s)
        return _whole(echo.whole())

    def _completions(self, sending: Sending) -> EchoAnswer:
        prompt = msgspec.json.decode(sending.whole, type=TextPrompt)
        echo = EchoedText(prompt, sending.whole, int(self._clock()))
        if prompt.stream:
            return EchoAnswer(200, b"text/event-stream", echo.events(), self._pace_s)
        return _whole(echo.whole())

    def _hearing(self, heard: Heard) -> EchoAnswer:
        if heard.is_stream:
            return EchoAnswer(200, b"text/event-stream", heard.events(), self._pace_s)
        return EchoAnswer(200, heard.media, iter([heard.whole()]))


class EchoExchange:
    def __init__(self, answer: Callable[[Sending], EchoAnswer], sending: Sending) -> None:
        self.is_sent = False
        self._answer = answer
        self._sending = sending

    async def __aenter__(self) -> EchoAnswer:
        self.is_sent = True
        body = self._sending.body
        if isinstance(body, bytes):
            return self._answer(self._sending)
        whole = b"".join([piece async for piece in body.pieces()])
        return self._answer(replace(self._sending, body=whole))

    async def __aexit__(self, *exc_info: object) -> None:
        """There is nothing to close."""


class EchoAnswer:
    """Lazy: a stream that nobody reads is not produced."""

    def __init__(
        self, status: int, media: bytes, chunks: Iterator[bytes], pace_s: float = 0.0
    ) -> None:
        self.status = status
        self.headers: Mapping[bytes, bytes] = {b"content-type": media}
        self._chunks = chunks
        self._pace_s = pace_s

    async def read(self) -> bytes:
        await asyncio.sleep(self._pace_s)  # even a pace of 0 lets others run and a hang-up arrive
        return next(self._chunks, b"")


class Part(msgspec.Struct):
    type: str
    text: str = ""


class Message(msgspec.Struct):
    role: str
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return " ".join(part.text for part in self.content if part.type == "text")
        return self.content or ""


class StreamOptions(msgspec.Struct):
    include_usage: bool = False


class Prompt(msgspec.Struct):
    model: str
    messages: list[Message]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    n: int | None = None

    def __post_init__(self) -> None:
        if not self.messages:
            raise ValueError("`messages` is empty.")
        if not 1 <= self.choices <= MOST_CHOICES:
            raise ValueError(f"`n` must be from 1 to {MOST_CHOICES}.")
        if self.bound is not None and self.bound < 1:
            raise ValueError("The bound of the output must be at least 1.")

    @property
    def choices(self) -> int:
        return 1 if self.n is None else self.n

    @property
    def bound(self) -> int | None:
        return (
            self.max_completion_tokens
            if self.max_completion_tokens is not None
            else self.max_tokens
        )

    @property
    def wants_usage(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage

    @property
    def words(self) -> str:
        """What is repeated: the last thing the user said."""
        return next((said.text for said in reversed(self.messages) if said.role == "user"), "")


class _Completion:
    """One answer, whole or in events."""

    def __init__(self, prompt: Prompt, body: bytes, created: int) -> None:
        self._prompt = prompt
        self._id = f"chatcmpl-echo-{hashlib.sha256(body).hexdigest()[:16]}"
        self._created = created
        self._pieces, self._finish = _bounded(prompt.words, prompt.bound)

    def whole(self) -> bytes:
        message = {"role": "assistant", "content": "".join(self._pieces)}
        choices = [self._choice(index, self._finish, message=message) for index in self._indexes]
        return msgspec.json.encode(self._frame("chat.completion", choices, usage=self._usage()))

    def events(self) -> Iterator[bytes]:
        for index in self._indexes:
            yield self._event(self._choice(index, None, delta={"role": "assistant", "content": ""}))
        for piece in self._pieces:
            for index in self._indexes:
                yield self._event(self._choice(index, None, delta={"content": piece}))
        for index in self._indexes:
            yield self._event(self._choice(index, self._finish, delta={}))
        if self._prompt.wants_usage:
            yield _framed(self._frame("chat.completion.chunk", [], usage=self._usage()))
        yield b"data: [DONE]\n\n"

    @property
    def _indexes(self) -> range:
        return range(self._prompt.choices)

    def _event(self, choice: dict[str, Any]) -> bytes:
        extra = {"usage": None} if self._prompt.wants_usage else {}
        return _framed(self._frame("chat.completion.chunk", [choice], **extra))

    def _frame(self, kind: str, choices: list[dict[str, Any]], **extra: Any) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": kind,
            "created": self._created,
            "model": self._prompt.model,
            "choices": choices,
            **extra,
        }

    def _choice(self, index: int, finish: str | None, **content: Any) -> dict[str, Any]:
        return {"index": index, **content, "logprobs": None, "finish_reason": finish}

    def _usage(self) -> dict[str, int]:
        heard = sum(_count(message.text) for message in self._prompt.messages)
        said = len(self._pieces) * self._prompt.choices
        return {"prompt_tokens": heard, "completion_tokens": said, "total_tokens": heard + said}


def _bounded(text: str, bound: int | None) -> tuple[list[str], Literal["stop", "length"]]:
    if bound is None:
        return PIECE.findall(text), "stop"
    found = (match[0] for match in PIECE.finditer(text))
    pieces = list(islice(found, bound))
    return pieces, "stop" if next(found, None) is None else "length"


def _count(text: str) -> int:
    return sum(1 for _ in PIECE.finditer(text))


def _framed(event: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(event) + b"\n\n"


def _whole(body: bytes) -> EchoAnswer:
    return EchoAnswer(200, b"application/json", iter([body]))


def _refused(status: int, message: str) -> EchoAnswer:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return EchoAnswer(status, b"application/json", iter([msgspec.json.encode({"error": error})]))
