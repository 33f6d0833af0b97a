"""A prompt that is gone on with by itself: the legacy completions of the echo."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

import msgspec

PIECE = re.compile(r"\s*\w+|\s*[^\w\s]+|\s+")
USUAL_OUTPUT = 16


class Options(msgspec.Struct):
    include_usage: bool = False


class TextPrompt(msgspec.Struct):
    model: str
    prompt: str | list[str | int | list[int]]
    stream: bool | None = None
    stream_options: Options | None = None
    max_tokens: int | None = None
    n: int | None = None

    @property
    def prompts(self) -> list[list[str]]:
        """Each as its tokens: words and signs, or numbers in brackets."""
        if isinstance(self.prompt, str):
            return [PIECE.findall(self.prompt)]
        if all(isinstance(each, int) for each in self.prompt):
            return [[f"[{token}]" for token in self.prompt]]
        return [
            [f"[{token}]" for token in each] if isinstance(each, list) else PIECE.findall(str(each))
            for each in self.prompt
        ]


class EchoedText:
    """One answer, whole or in events: a token of each choice in each."""

    def __init__(self, prompt: TextPrompt, body: bytes, created: int) -> None:
        self._prompt = prompt
        self._heard = prompt.prompts
        bound = prompt.max_tokens or USUAL_OUTPUT
        self._said = [each[:bound] for each in self._heard for _ in range(prompt.n or 1)]
        self._finish = [
            "length" if len(each) > bound else "stop"
            for each in self._heard
            for _ in range(prompt.n or 1)
        ]
        self._frame = {
            "id": f"cmpl-echo-{hashlib.sha256(body).hexdigest()[:16]}",
            "object": "text_completion",
            "created": created,
            "model": prompt.model,
        }

    def whole(self) -> bytes:
        choices = [
            self._choice(index, "".join(said), self._finish[index])
            for index, said in enumerate(self._said)
        ]
        return msgspec.json.encode({**self._frame, "choices": choices, "usage": self._usage()})

    def events(self) -> Iterator[bytes]:
        for index, said in enumerate(self._said):
            for text in said:
                yield _framed({**self._frame, "choices": [self._choice(index, text, None)]})
            end = self._choice(index, "", self._finish[index])
            yield _framed({**self._frame, "choices": [end]})
        options = self._prompt.stream_options
        if options is not None and options.include_usage:
            yield _framed({**self._frame, "choices": [], "usage": self._usage()})
        yield b"data: [DONE]\n\n"

    def _choice(self, index: int, text: str, finish: str | None) -> dict[str, Any]:
        return {"index": index, "text": text, "logprobs": None, "finish_reason": finish}

    def _usage(self) -> dict[str, int]:
        heard, said = sum(map(len, self._heard)), sum(map(len, self._said))
        return {"prompt_tokens": heard, "completion_tokens": said, "total_tokens": heard + said}


def _framed(event: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(event) + b"\n\n"
