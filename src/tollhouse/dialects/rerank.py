"""Reranking, as Cohere has it and Jina, vLLM and llama.cpp took it over: documents sorted by a query."""

from __future__ import annotations

from typing import Any

from msgspec import Raw, Struct

from tollhouse.dialects import openai_api
from tollhouse.dialects.fields import model, whole
from tollhouse.dialects.openai_api import OpenAIEndpoint
from tollhouse.dialects.openai_events import NOTHING
from tollhouse.dialects.openai_usage import read_input
from tollhouse.dialects.openai_whole import WholeAnswer, decoder
from tollhouse.domain.errors import FieldInvalid, UpstreamBroke
from tollhouse.domain.models import Ask
from tollhouse.domain.pricing import Usage
from tollhouse.domain.tasks import Task
from tollhouse.ports import Relay

MOST_DOCUMENTS = 2048


class Rerank(OpenAIEndpoint):
    """Implements Dialect."""

    name = "rerank"

    def peek(self, body: bytes) -> Ask:
        fields = openai_api.parse(body)
        query, documents = _query(fields), _documents(fields)
        whole(fields, "top_n", most=MOST_DOCUMENTS)
        openai_api.never_streams(fields)
        return Ask(
            model=model(fields),
            is_stream=False,
            wants_usage=True,
            input_bytes=len(body) + (documents - 1) * len(query.encode()),  # read with each of them
            messages=documents,
            images=0,
            choices=1,
            max_output=0,
            predicted_bytes=0,
            unpriced_features=(),
            task=Task.RERANK,
        )

    def relay(self, ask: Ask) -> Relay:
        return WholeAnswer(ask.model, lambda body: _read(body, ask.messages))


class _Result(Struct, gc=False):
    index: int
    relevance_score: float


class _Results(Struct, gc=False):
    results: list[_Result]
    usage: Raw = NOTHING


_decode = decoder(_Results)


def _query(fields: dict[str, Any]) -> str:
    query = fields.get("query")
    if not isinstance(query, str) or not query:
        raise FieldInvalid("`query` must be a text.", param="query")
    return query


def _documents(fields: dict[str, Any]) -> int:
    documents = fields.get("documents")
    if not isinstance(documents, list) or not 0 < len(documents) <= MOST_DOCUMENTS:
        raise FieldInvalid(
            f"`documents` must be a list of 1 to {MOST_DOCUMENTS}.", param="documents"
        )
    if not all(isinstance(each, str) or _has_text(each) for each in documents):
        raise FieldInvalid(
            "Each of `documents` must be a text, or an object with `text`.", param="documents"
        )
    return len(documents)


def _has_text(document: Any) -> bool:
    return isinstance(document, dict) and isinstance(document.get("text"), str)


def _read(body: bytes, documents: int) -> Usage | None:
    """Each document at most once, and none that was not given. Raises UpstreamBroke."""
    found = _decode(body)
    places = [each.index for each in found.results]
    if len(set(places)) != len(places) or not all(0 <= place < documents for place in places):
        raise UpstreamBroke(private="results for documents that were not given")
    return read_input(found.usage)
