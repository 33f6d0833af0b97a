"""OpenAI embeddings: texts or tokens in, vectors out; nothing is produced that has a length."""

from __future__ import annotations

from msgspec import Raw, Struct

from tollhouse.dialects import openai_api
from tollhouse.dialects.fields import model, named, whole
from tollhouse.dialects.openai_api import OpenAIEndpoint
from tollhouse.dialects.openai_events import NOTHING
from tollhouse.dialects.openai_inputs import weighed
from tollhouse.dialects.openai_usage import read_input
from tollhouse.dialects.openai_whole import WholeAnswer, decoder
from tollhouse.domain.errors import FieldInvalid, UpstreamBroke
from tollhouse.domain.models import Ask
from tollhouse.domain.pricing import Usage
from tollhouse.domain.tasks import Task
from tollhouse.ports import Relay

MOST_DIMENSIONS = 65_536
OPENINGS = (b"[", b'"')
FORMATS = (None, "float", "base64")


class OpenAIEmbeddings(OpenAIEndpoint):
    """Implements Dialect."""

    name = "openai_embeddings"

    def peek(self, body: bytes) -> Ask:
        fields = openai_api.parse(body)
        inputs, tokens = weighed(fields.get("input"), "input")
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
            named=named(fields),
        )

    def relay(self, ask: Ask) -> Relay:
        return WholeAnswer(ask.model, lambda body: _read(body, ask.messages))


class _Embedding(Struct, gc=False):
    embedding: Raw


class _Embeddings(Struct, gc=False):
    data: list[_Embedding]
    usage: Raw = NOTHING


_decode = decoder(_Embeddings)


def _read(body: bytes, expected: int) -> Usage | None:
    """A vector for each input, as numbers or as base64. Raises UpstreamBroke."""
    found = _decode(body)
    if len(found.data) != expected:
        raise UpstreamBroke(private="not as many embeddings as there were inputs")
    if not all(memoryview(each.embedding)[:1] in OPENINGS for each in found.data):
        raise UpstreamBroke(private="an embedding is neither numbers nor base64")
    return read_input(found.usage)
