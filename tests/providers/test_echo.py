from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.exchange import Sending
from tollhouse.ports import Upstream
from tollhouse.providers.echo import PIECE, Echo


async def test_it_repeats_the_last_thing_the_user_said() -> None:
    answer = await ask(
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "first"},
            {"role": "assistant", "content": "noted"},
            {"role": "user", "content": "Hello, wide world!"},
        ]
    )

    assert answer["choices"][0]["message"] == {"role": "assistant", "content": "Hello, wide world!"}
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["object"] == "chat.completion"
    assert answer["model"] == "echo"


async def test_words_and_runs_of_signs_are_tokens() -> None:
    answer = await ask(messages=[{"role": "system", "content": "So be it."}, user("Hello, world!")])

    assert answer["usage"] == {"prompt_tokens": 8, "completion_tokens": 4, "total_tokens": 12}


async def test_text_parts_are_heard_and_images_are_not() -> None:
    parts = [
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": "data:,"}},
        {"type": "text", "text": "this"},
    ]

    answer = await ask(messages=[{"role": "user", "content": parts}])

    assert answer["choices"][0]["message"]["content"] == "see this"


@pytest.mark.parametrize(
    "bound",
    [
        {"max_tokens": 2},
        {"max_completion_tokens": 2},
        {"max_tokens": 9, "max_completion_tokens": 2},
    ],
)
async def test_the_bound_of_the_output_holds(bound: dict[str, int]) -> None:
    answer = await ask(messages=[user("one two three")], **bound)

    assert answer["choices"][0]["message"]["content"] == "one two"
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 2


async def test_an_answer_that_just_fits_was_not_cut() -> None:
    answer = await ask(messages=[user("one two")], max_tokens=2)

    assert answer["choices"][0]["finish_reason"] == "stop"


async def test_every_choice_is_counted() -> None:
    answer = await ask(messages=[user("one two")], n=3)

    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2]
    assert answer["usage"]["completion_tokens"] == 6


async def test_a_stream_carries_one_token_an_event() -> None:
    events = await stream(messages=[user("one two three")])

    assert [event["choices"][0]["delta"].get("content") for event in events] == [
        "",
        "one",
        " two",
        " three",
        None,
    ]
    assert events[0]["choices"][0]["delta"]["role"] == "assistant"
    assert events[-1]["choices"][0]["finish_reason"] == "stop"
    assert all("usage" not in event for event in events)


async def test_a_stream_says_what_was_used_when_asked() -> None:
    events = await stream(messages=[user("one two")], stream_options={"include_usage": True}, n=2)

    assert events[-1]["choices"] == []
    assert events[-1]["usage"] == {"prompt_tokens": 2, "completion_tokens": 4, "total_tokens": 6}
    assert all(event["usage"] is None for event in events[:-1])


async def test_the_same_question_has_the_same_answer() -> None:
    body = asked(messages=[user("again")])

    assert await read(Echo(clock=lambda: 7.9), body) == await read(Echo(clock=lambda: 7.1), body)


async def test_a_stream_that_nobody_reads_is_not_produced() -> None:
    async with Echo().send(
        sending(asked(messages=[user("word " * 100_000)], stream=True))
    ) as answer:
        first = await answer.read()

    assert first.startswith(b"data: ")


async def test_it_has_left_once_it_is_entered() -> None:
    exchange = Echo().send(sending(asked(messages=[user("hello")])))
    before = exchange.is_sent

    async with exchange:
        pass

    assert (before, exchange.is_sent) == (False, True)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff", 400),
        (b"[]", 400),
        (b'{"model":"echo"}', 400),
        (b'{"model":"echo","messages":[]}', 400),
        (b'{"model":"echo","messages":[{"role":"user","content":"x"}],"n":0}', 400),
        (b'{"model":"echo","messages":[{"role":"user","content":"x"}],"max_tokens":0}', 400),
    ],
)
async def test_what_it_does_not_understand_it_refuses_as_openai_would(
    body: bytes, status: int
) -> None:
    async with Echo().send(sending(body)) as answer:
        error = msgspec.json.decode(await answer.read())["error"]

    assert answer.status == status
    assert error["type"] == "invalid_request_error"


async def test_other_paths_are_not_there() -> None:
    async with Echo().send(Sending(b"GET", b"/v1/files", (), b"")) as answer:
        pass

    assert answer.status == 404


@given(st.text(max_size=200))
def test_the_tokens_of_a_text_are_the_text(text: str) -> None:
    assert "".join(PIECE.findall(text)) == text


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def asked(**members: object) -> bytes:
    return msgspec.json.encode({"model": "echo", **members})


def sending(body: bytes) -> Sending:
    return Sending(b"POST", b"/v1/chat/completions", ((b"host", b"echo"),), body)


async def read(upstream: Upstream, body: bytes) -> bytes:
    chunks = []
    async with upstream.send(sending(body)) as answer:
        assert answer.status == 200
        while chunk := await answer.read():
            chunks.append(chunk)
    return b"".join(chunks)


async def ask(**members: object) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(await read(Echo(), asked(**members)))
    return answer


async def stream(**members: object) -> list[dict[str, Any]]:
    *events, done = (await read(Echo(), asked(stream=True, **members))).strip().split(b"\n\n")
    assert done == b"data: [DONE]"
    return [json.loads(event.removeprefix(b"data: ")) for event in events]
