"""Vectors without a model: texts that share words lie near each other, and the same text lies always there."""

from __future__ import annotations

import base64
import hashlib
import math
import struct
from typing import Any, Literal

import msgspec

DIMENSIONS = 16
MOST_DIMENSIONS = 4096


class Wish(msgspec.Struct):
    model: str
    input: str | list[str | int | list[int]]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: int | None = None

    def __post_init__(self) -> None:
        if not self.input:
            raise ValueError("`input` is empty.")
        if not 1 <= self.size <= MOST_DIMENSIONS:
            raise ValueError(f"`dimensions` must be from 1 to {MOST_DIMENSIONS}.")

    @property
    def size(self) -> int:
        return DIMENSIONS if self.dimensions is None else self.dimensions

    @property
    def inputs(self) -> list[list[str]]:
        """Each as its words; a token is one."""
        if isinstance(self.input, str):
            return [self.input.split()]
        if all(isinstance(each, int) for each in self.input):
            return [list(map(str, self.input))]
        return [_words(each) for each in self.input]


def embeddings(body: bytes) -> bytes:
    """Raises what msgspec raises on a body that is none."""
    wish = msgspec.json.decode(body, type=Wish)
    inputs = wish.inputs
    words = sum(map(len, inputs))
    return msgspec.json.encode(
        {
            "object": "list",
            "data": [_entry(index, each, wish) for index, each in enumerate(inputs)],
            "model": wish.model,
            "usage": {"prompt_tokens": words, "total_tokens": words},
        }
    )


def vector(words: list[str], size: int) -> list[float]:
    """Of length one: each word pushes it in a direction of its own."""
    sums = [0.0] * size
    for word in words or [""]:
        digest = hashlib.shake_128(word.casefold().encode()).digest(size)
        for place, byte in enumerate(digest):
            sums[place] += byte - 127.5
    length = math.sqrt(sum(each * each for each in sums))
    return [each / length for each in sums]


def _words(given: str | int | list[int]) -> list[str]:
    return list(map(str, given)) if isinstance(given, list) else str(given).split()


def _entry(index: int, words: list[str], wish: Wish) -> dict[str, Any]:
    found: Any = vector(words, wish.size)
    if wish.encoding_format == "base64":
        found = base64.b64encode(struct.pack(f"<{wish.size}f", *found)).decode()
    return {"object": "embedding", "index": index, "embedding": found}
