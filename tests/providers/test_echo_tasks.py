"""What the echo does beside chatting."""

from __future__ import annotations

import io
import json
import wave
from base64 import b64decode
from typing import Any

import pytest

from tollhouse.domain.exchange import Sending
from tollhouse.providers.echo import Echo


async def test_a_prompt_is_gone_on_with_by_itself() -> None:
    answer = json.loads(
        await ask("/completions", prompt=["one two three", [7, 8]], max_tokens=2, n=2)
    )

    assert [each["text"] for each in answer["choices"]] == [
        "one two",
        "one two",
        "[7][8]",
        "[7][8]",
    ]
    assert [each["finish_reason"] for each in answer["choices"]] == [
        "length",
        "length",
        "stop",
        "stop",
    ]
    assert answer["usage"] == {"prompt_tokens": 5, "completion_tokens": 8, "total_tokens": 13}


async def test_a_stream_of_text_ends_with_its_usage() -> None:
    events = (
        await ask("/completions", prompt="a b", stream=True, stream_options={"include_usage": True})
    ).split(b"\n\n")

    texts = [json.loads(each[6:])["choices"][0]["text"] for each in events[:3]]
    assert texts == ["a", " b", ""]
    assert json.loads(events[3][6:])["usage"]["total_tokens"] == 4
    assert events[4] == b"data: [DONE]"


async def test_what_says_that_it_is_violent_is() -> None:
    answer = json.loads(await ask("/moderations", input=["peace", "Violence!"]))

    assert [each["flagged"] for each in answer["results"]] == [False, True]
    assert answer["results"][1]["categories"]["violence"] is True


async def test_what_shares_words_with_the_query_comes_first() -> None:
    documents = ["green apples", {"text": "a toll house"}, "the toll"]

    answer = json.loads(await ask("/rerank", query="toll house", documents=documents, top_n=2))

    assert [each["index"] for each in answer["results"]] == [1, 2]
    assert answer["usage"]["total_tokens"] == 2 + 3 + 2 + 2 * 3


async def test_pictures_are_pictures() -> None:
    answer = json.loads(await ask("/images/generations", prompt="a house", n=3))

    assert len(answer["data"]) == 3
    assert b64decode(answer["data"][0]["b64_json"]).startswith(b"\x89PNG")


async def test_a_silence_is_as_long_as_the_text() -> None:
    sound = await ask("/audio/speech", input="ten letter")

    with wave.open(io.BytesIO(sound)) as heard:
        assert heard.getnframes() / heard.getframerate() == 1


@pytest.mark.parametrize(
    "path", ["/completions", "/moderations", "/rerank", "/images/generations", "/audio/speech"]
)
async def test_what_is_wrong_is_refused(path: str) -> None:
    answer = json.loads(await ask(path, 400))

    assert answer["error"]["type"] == "invalid_request_error"


async def ask(path: str, status: int = 200, **members: Any) -> bytes:
    body = json.dumps({"model": "echo", **members}).encode()
    async with Echo().send(Sending(b"POST", b"/v1" + path.encode(), (), body)) as answer:
        assert answer.status == status
        pieces = []
        while piece := await answer.read():
            pieces.append(piece)
    return b"".join(pieces)
