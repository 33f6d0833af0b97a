"""The question that every system is asked, and the answer that has to come back.

The upstream says it and the load generator checks it, so a gateway that drops a word, a
usage figure or the end of a stream fails the bench instead of looking fast.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

MODEL = "bench-model"
PATH = "/v1/chat/completions"
SENTENCE = (
    "The toll is counted once, on the way out, and written down before anyone leaves the house."
)
WORDS = (" toll", " road")
"""In turn: there are gateways that end a stream which repeats itself."""

INPUT_TOKENS = 12
OUTPUT_TOKENS = 20
DONE = b"data: [DONE]\n\n"


class WrongAnswer(Exception):
    """A system answered something else than the upstream said."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A stream to ask for: so many chunks, so far apart."""

    chunks: int
    interval_ms: int


def question(flow: Flow | None = None) -> bytes:
    """The body of a request. How the upstream shall stream stands in its one message."""
    asked: dict[str, object] = {
        "model": MODEL,
        "messages": [{"role": "user", "content": "What is the toll?"}],
        "max_tokens": OUTPUT_TOKENS,
    }
    if flow:
        asked["messages"] = [{"role": "user", "content": f"{flow.chunks} {flow.interval_ms}"}]
        asked["max_tokens"] = flow.chunks
        asked["stream"] = True
        asked["stream_options"] = {"include_usage": True}
    return msgspec.json.encode(asked)


def flow_in(content: str) -> Flow:
    chunks, interval_ms = content.split()
    return Flow(int(chunks), int(interval_ms))


def answer() -> bytes:
    message = {"role": "assistant", "content": SENTENCE, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return msgspec.json.encode(
        _head("chat.completion") | {"choices": [choice], "usage": _usage(OUTPUT_TOKENS)}
    )


def word(number: int) -> str:
    return WORDS[number % len(WORDS)]


def word_event(number: int) -> bytes:
    delta = {"content": word(number)} if number else {"role": "assistant", "content": word(0)}
    return _event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})


def last_events(chunks: int, *, with_usage: bool) -> bytes:
    end = _event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    usage = _event({"choices": [], "usage": _usage(chunks)}) if with_usage else b""
    return end + usage + DONE


class Checker:
    """Raises WrongAnswer on anything but the expected. A body seen before is not parsed again."""

    def __init__(self, flow: Flow | None = None) -> None:
        self._flow = flow
        self._good: bytes | None = None

    def check(self, status: int, body: bytes) -> None:
        if status == 200 and body == self._good:
            return
        if status != 200:
            raise WrongAnswer(f"status {status}: {body[:300]!r}")
        try:
            _check_stream(body, self._flow.chunks) if self._flow else _check_answer(body)
        except msgspec.DecodeError as problem:
            raise WrongAnswer(f"{problem}: {body[-300:]!r}") from problem
        self._good = body


class _Usage(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int


class _Text(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Text | None = None
    delta: _Text | None = None


class _Said(msgspec.Struct):
    choices: list[_Choice]
    usage: _Usage | None = None


_said = msgspec.json.Decoder(_Said).decode


def _check_answer(body: bytes) -> None:
    said = _said(body)
    text = "".join((choice.message and choice.message.content) or "" for choice in said.choices)
    _expect(text, SENTENCE, said.usage, OUTPUT_TOKENS)


def _check_stream(body: bytes, chunks: int) -> None:
    events = body.replace(b"\r\n", b"\n").rstrip().split(b"\n\n")
    if events.pop() != DONE.rstrip():
        raise WrongAnswer(f"the stream did not end with [DONE]: {body[-300:]!r}")
    said = [_said(event.removeprefix(b"data:")) for event in events if event.startswith(b"data:")]
    text = "".join((c.delta and c.delta.content) or "" for one in said for c in one.choices)
    usage = [one.usage for one in said if one.usage]
    expected = "".join(map(word, range(chunks)))
    _expect(text, expected, usage[-1] if usage else None, chunks)


def _expect(text: str, expected: str, usage: _Usage | None, output_tokens: int) -> None:
    if text != expected:
        raise WrongAnswer(
            f"expected {expected[:80]!r} ({len(expected)}), got {text[:80]!r} ({len(text)})"
        )
    if usage is None or usage != _Usage(INPUT_TOKENS, output_tokens):
        raise WrongAnswer(f"usage is wrong: {usage}")


def _event(rest: dict[str, object]) -> bytes:
    return b"data: " + msgspec.json.encode(_head("chat.completion.chunk") | rest) + b"\n\n"


def _head(kind: str) -> dict[str, object]:
    return {"id": "chatcmpl-bench", "object": kind, "created": 1_700_000_000, "model": MODEL}


def _usage(output_tokens: int) -> dict[str, int]:
    return {
        "prompt_tokens": INPUT_TOKENS,
        "completion_tokens": output_tokens,
        "total_tokens": INPUT_TOKENS + output_tokens,
    }
