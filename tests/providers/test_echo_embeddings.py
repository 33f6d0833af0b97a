from __future__ import annotations

import base64
import json
import struct
from typing import Any

import pytest

from tollhouse.domain.exchange import Sending
from tollhouse.providers.echo import Echo


async def test_the_same_text_lies_always_in_the_same_place() -> None:
    first, second = await ask(input="toll house"), await ask(input="toll house")

    assert first == second
    assert len(vectors(first)[0]) == 16


async def test_texts_that_share_words_lie_nearer() -> None:
    one, near, far = vectors(await ask(input=["the toll house", "a toll house", "green apples"]))

    assert dot(one, near) > dot(one, far)
    assert dot(one, one) == pytest.approx(1)


async def test_base64_says_the_same_as_numbers() -> None:
    (numbers,) = vectors(await ask(input="x", dimensions=3))
    (text,) = vectors(await ask(input="x", dimensions=3, encoding_format="base64"))

    assert struct.unpack("<3f", base64.b64decode(text)) == pytest.approx(numbers)


@pytest.mark.parametrize(
    ("given", "entries", "words"),
    [("a b", 1, 2), (["a b", "c"], 2, 3), ([1, 2, 3], 1, 3), ([[1, 2], [3]], 2, 3)],
)
async def test_words_and_tokens_are_counted(given: Any, entries: int, words: int) -> None:
    answer = await ask(input=given)

    assert [each["index"] for each in answer["data"]] == list(range(entries))
    assert answer["usage"] == {"prompt_tokens": words, "total_tokens": words}


@pytest.mark.parametrize("wrong", [{"input": []}, {"input": 1}, {"input": "a", "dimensions": 0}])
async def test_what_is_wrong_is_refused(wrong: dict[str, Any]) -> None:
    assert (await ask(400, **wrong))["error"]["type"] == "invalid_request_error"


async def ask(status: int = 200, **members: Any) -> Any:
    body = json.dumps({"model": "echo", **members}).encode()
    async with Echo().send(Sending(b"POST", b"/v1/embeddings", (), body)) as answer:
        assert answer.status == status
        return json.loads(await answer.read())


def vectors(answer: Any) -> list[Any]:
    return [each["embedding"] for each in answer["data"]]


def dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
