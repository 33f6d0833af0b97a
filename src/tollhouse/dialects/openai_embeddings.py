"""OpenAI embeddings: texts or tokens in, vectors out; nothing is produced that has a length."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

from tollhouse.dialects import openai_api
from tollhouse.dialects.fields import model, whole
from tollhouse.dialects.openai_api import OpenAIEndpoint
from tollhouse.dialects.openai_events import NOTHING
from tollhouse.dialects.openai_usage import read_input
from tollhouse.dialects.openai_whole import WholeAnswer
from tollhouse.domain.errors import FieldInvalid, UpstreamBroke
from tollhouse.domain.models import Ask
from tollhouse.domain.pricing import Usage
from tollhouse.domain.tasks import Task
from tollhouse.ports import Relay

MOST_INPUTS = 2048
MOST_DIMENSIONS = 65_536
LARGEST_TOKEN = 2**31 - 1
OPENINGS = (b"[", b'"')
FORMATS = (None, "float", "base64")


class OpenAIEmbeddings(OpenAIEndpoint):
    """Implements Dialect."""

    name = "openai_embeddings"

    def peek(self, body: bytes) -> Ask:
        fields = openai_api.parse(body)
        inputs, tokens = _weighed(fields.get("input"))
        whole(fields, "dimensions", most=MOST_DIMENSIONS)
        openai_api.never_streams(fields)
        if fields.get("encoding_format") not in FORMATS:
            raise FieldInvalid("`encoding_format` is `float` or `base64`.", param="encoding_format")
        return Ask(
            model=model(fields),
            is_stream=False,
            wants_usage=True,
            input_bytes=len(body),
            messages=inputs,
            images=0,
            choices=1,
            max_output=0,
            predicted_bytes=0,
            unpriced_features=(),
            task=Task.EMBEDDINGS,
            tokens=tokens,
        )

    def relay(self, ask: Ask) -> Relay:
        return WholeAnswer(lambda body: _read(body, ask.messages))


class _Embedding(Struct, gc=False):
    embedding: Raw


class _Embeddings(Struct, gc=False):
    data: list[_Embedding]
    usage: Raw = NOTHING


_decode = msgspec.json.Decoder(_Embeddings).decode


def _weighed(given: Any) -> tuple[int, int]:
    """How many inputs there are, and how many tokens in those that came as tokens."""
    if isinstance(given, str) and given:
        return 1, 0
    if isinstance(given, list) and given:
        if _are_tokens(given):
            return 1, len(given)
        if len(given) > MOST_INPUTS:
            raise FieldInvalid(f"`input` takes at most {MOST_INPUTS} texts.", param="input")
        if all(isinstance(each, str) and each for each in given):
            return len(given), 0
        if all(isinstance(each, list) and each and _are_tokens(each) for each in given):
            return len(given), sum(map(len, given))
    raise FieldInvalid(
        "`input` must be a text, a list of texts, a list of tokens, or a list of such lists; none of them empty.",
        param="input",
    )


def _are_tokens(given: list[Any]) -> bool:
    return all(type(each) is int and 0 <= each <= LARGEST_TOKEN for each in given)


def _read(body: bytes, expected: int) -> Usage | None:
    """A vector for each input, as numbers or as base64. Raises UpstreamBroke."""
    try:
        found = _decode(body)
    except (ValueError, RecursionError):
        raise UpstreamBroke(private="the answer has no list of embeddings") from None
    if len(found.data) != expected:
        raise UpstreamBroke(private="not as many embeddings as there were inputs")
    if not all(memoryview(each.embedding)[:1] in OPENINGS for each in found.data):
        raise UpstreamBroke(private="an embedding is neither numbers nor base64")
    return read_input(found.usage)
