"""Ollama's embeddings: `/api/embed` for texts, and the older `/api/embeddings` for one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from tollhouse.dialects import fields, ollama_bounds, strict_json
from tollhouse.dialects.ollama_models import also
from tollhouse.dialects.ollama_problems import OllamaProblems
from tollhouse.dialects.openai_embeddings import MOST_DIMENSIONS
from tollhouse.dialects.openai_inputs import MOST_INPUTS
from tollhouse.dialects.openai_usage import MOST_TOKENS
from tollhouse.dialects.remade import Remade
from tollhouse.domain.errors import FieldInvalid, UpstreamBroke
from tollhouse.domain.models import Ask, Leg
from tollhouse.domain.pricing import Usage
from tollhouse.domain.tasks import Task
from tollhouse.ports import Relay


class OllamaEmbed(OllamaProblems):
    """Implements Dialect."""

    name = "ollama_embed"
    member = "input"

    def peek(self, body: bytes) -> Ask:
        asked = strict_json.parse_object(body)
        fields.refuse_steering(asked)
        ollama_bounds.options_of(asked)
        fields.flag(asked, "truncate")
        fields.whole(asked, "dimensions", most=MOST_DIMENSIONS)
        inputs, model = self.inputs(asked), fields.model(asked)
        return Ask(
            model=model,
            is_stream=False,
            wants_usage=True,
            input_bytes=len(body),
            messages=len(inputs),
            images=0,
            choices=1,
            max_output=0,
            predicted_bytes=0,
            unpriced_features=(),
            task=Task.EMBEDDINGS,
            otherwise=also(model),
            idle=None if inputs else "load",
        )

    def outgoing(self, body: bytes, ask: Ask, leg: Leg) -> bytes:  # noqa: ARG002 - as the port has it
        """The caller's members as they came, but for the model's name."""
        return strict_json.join({**strict_json.members(body), "model": leg.target.model})

    def relay(self, ask: Ask) -> Relay:
        return Remade(lambda body: self._read(body, ask))

    def acknowledgement(self, ask: Ask, created: int) -> bytes:  # noqa: ARG002 - there is no time in it
        """Of nothing there is nothing to embed."""
        return self.said(ask, (), None)

    def inputs(self, asked: dict[str, Any]) -> list[str]:
        """None at all is how a client asks that a model be loaded."""
        given = asked.get(self.member)
        texts = [given] if isinstance(given, str) else given or []
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise FieldInvalid(
                f"`{self.member}` must be a text or a list of texts.", param=self.member
            )
        if len(texts) > MOST_INPUTS:
            raise FieldInvalid(
                f"`{self.member}` takes at most {MOST_INPUTS} texts.", param=self.member
            )
        return texts if any(texts) else []

    def said(self, ask: Ask, vectors: Sequence[list[float]], usage: Usage | None) -> bytes:
        counted = {"prompt_eval_count": usage.total} if usage else {}
        return msgspec.json.encode({"model": ask.model, "embeddings": vectors, **counted})

    def _read(self, body: bytes, ask: Ask) -> tuple[bytes, Usage | None]:
        """As it came, but for the name that was asked."""
        found = _decode(body)
        if found.embedding is not None:
            vectors: list[list[float]] | None = [found.embedding]
        else:
            vectors = found.embeddings
        if vectors is None or len(vectors) != ask.messages:
            raise UpstreamBroke(private="not as many embeddings as there were inputs")
        parts: dict[str, strict_json.Member] = {**strict_json.members(body)}
        if "model" in parts:
            parts["model"] = ask.model
        return strict_json.join(parts), _usage(found.prompt_eval_count)


class OllamaEmbeddings(OllamaEmbed):
    """Implements Dialect for the older path: one text, one vector, and nothing said of the model."""

    name = "ollama_embeddings"
    member = "prompt"

    def inputs(self, asked: dict[str, Any]) -> list[str]:
        prompt = ollama_bounds.text(asked, self.member)
        return [prompt] if prompt else []

    def said(self, ask: Ask, vectors: Sequence[list[float]], usage: Usage | None) -> bytes:  # noqa: ARG002
        return msgspec.json.encode({"embedding": vectors[0] if vectors else []})


class _Answer(Struct, gc=False):
    embeddings: list[list[float]] | None = None
    embedding: list[float] | None = None
    prompt_eval_count: int | None = None


_decoder = msgspec.json.Decoder(_Answer)


def _decode(body: bytes) -> _Answer:
    try:
        return _decoder.decode(body)
    except (ValueError, RecursionError):
        raise UpstreamBroke(private="the answer has no list of embeddings") from None


def _usage(heard: int | None) -> Usage | None:
    return Usage(input=heard) if heard is not None and 0 <= heard <= MOST_TOKENS else None
