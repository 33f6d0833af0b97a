"""Output that is measured while it passes: cut once it is surely more than was allowed, in every dialect."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.dialects import anthropic_relay, ollama_relay, openai_completions, openai_relay
from tollhouse.dialects.openai_count import FOLD_BYTES, OutputCount
from tollhouse.domain.counting import MOST_BESIDE, most_text
from tollhouse.domain.errors import UpstreamOverlong

pytestmark = pytest.mark.req("B-4", "S-71")

WORD = "antidisestablishmentarianism"
Event = Callable[[str], bytes]


def chat(word: str) -> bytes:
    return _sse({"choices": [{"index": 0, "delta": {"content": word}}]})


def thought(word: str) -> bytes:
    return _sse({"choices": [{"index": 0, "delta": {"reasoning_content": word}}]})


def argued(word: str) -> bytes:
    called = {"index": 0, "function": {"arguments": word}}
    return _sse({"choices": [{"index": 0, "delta": {"tool_calls": [called]}}]})


def message(word: str) -> bytes:
    told = {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": word},
    }
    return b"event: content_block_delta\n" + _sse(told)


def line(word: str) -> bytes:
    return json.dumps({"message": {"role": "assistant", "content": word}}).encode() + b"\n"


def _sse(told: Any) -> bytes:
    return b"data: " + json.dumps(told).encode() + b"\n\n"


BEGUN = b"".join(
    b"event: %b\n%b" % (told["type"].encode(), _sse(told))
    for told in (
        {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": []}},
        {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "text", "text": ""},
        },
    )
)
RELAYS: dict[str, tuple[Callable[[], Any], bytes, Event]] = {
    "chat": (lambda: _openai(), b"", chat),
    "thoughts": (lambda: _openai(), b"", thought),
    "arguments": (lambda: _openai(), b"", argued),
    "messages": (
        lambda: anthropic_relay.StreamRelay(model="m", tools=frozenset()),
        BEGUN,
        message,
    ),
    "ollama": (lambda: ollama_relay.StreamRelay(model="m", tools=frozenset()), b"", line),
}


def _openai() -> openai_relay.StreamRelay:
    return openai_relay.StreamRelay(model="m", shows_usage=False, choices=1, tools=frozenset())


@pytest.mark.parametrize("name", RELAYS)
@pytest.mark.parametrize("tokens", [1, 50, 2000])
def test_a_stream_is_cut_once_its_text_is_surely_more_than_was_allowed(
    name: str, tokens: int
) -> None:
    make, begun, event = RELAYS[name]
    relay = make()
    relay.bound(tokens)
    relay.feed(begun)

    words = 0
    while relay.failure is None:
        assert words * len(WORD) < 8 * most_text(tokens) + FOLD_BYTES, "nobody cuts it"
        relay.feed(event(WORD))
        words += 1

    assert isinstance(relay.failure, UpstreamOverlong)
    assert words * len(WORD) > most_text(tokens)
    assert relay.feed(event(WORD)) == b""
    assert relay.counted_output() > tokens


@pytest.mark.parametrize("name", RELAYS)
def test_what_is_not_bounded_goes_on(name: str) -> None:
    make, begun, event = RELAYS[name]
    relay = make()
    relay.feed(begun)

    for _ in range(2 * FOLD_BYTES // len(WORD)):
        relay.feed(event(WORD))

    assert relay.failure is None


@pytest.mark.parametrize("name", RELAYS)
@pytest.mark.parametrize("word", [" word", "यह हिंदी", " " * 100, "\n" * 100, "{"])
def test_a_token_an_event_is_never_cut(name: str, word: str) -> None:
    """A word in Hindi is three tokens and more; of blanks one token may have a hundred."""
    make, begun, event = RELAYS[name]
    relay, tokens = make(), 3000
    relay.bound(tokens)
    relay.feed(begun)

    for _ in range(tokens // (3 if word[0] == "य" else 1)):
        relay.feed(event(word))

    assert relay.failure is None


@given(st.lists(st.text(max_size=16), max_size=200))
def test_texts_within_the_bound_pass_however_they_are_split(texts: list[str]) -> None:
    text_bytes = len("".join(texts).encode())
    count = OutputCount()
    count.bound(max(0, text_bytes - MOST_BESIDE) // 16 + 1)

    for text in texts:
        count.keep(json.dumps({"content": text}).encode())

    assert count.tokens() >= len([text for text in texts if text])


@pytest.mark.parametrize("member", ["signature", "data", "encrypted_content", "images"])
def test_what_is_no_text_bounds_nothing(member: str) -> None:
    count = OutputCount()
    count.bound(1)

    for _ in range(20):
        count.keep(json.dumps({member: "x" * 4096}).encode())

    assert count.tokens() > 1


def test_completions_are_bounded_too() -> None:
    assert issubclass(openai_completions.StreamRelay, openai_relay.StreamRelay)
