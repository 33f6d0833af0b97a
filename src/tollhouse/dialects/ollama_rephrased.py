"""Ollama's embeddings before a target that has OpenAI's: asked and answered in its words."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Raw, Struct

from tollhouse.dialects import strict_json
from tollhouse.dialects.ollama_embed import OllamaEmbed, OllamaEmbeddings
from tollhouse.dialects.openai_embeddings import OpenAIEmbeddings
from tollhouse.dialects.openai_events import NOTHING
from tollhouse.dialects.openai_usage import read_input
from tollhouse.dialects.remade import Remade
from tollhouse.dialects.taking import Taking
from tollhouse.domain.errors import UpstreamBroke
from tollhouse.domain.models import Ask, Leg
from tollhouse.domain.pricing import Usage
from tollhouse.ports import Relay, Rephrasing

DEFAULTS = {"truncate": True}
"""What is as if it were not said, with these values."""


class InOpenAIsWords(OpenAIEmbeddings):
    """Implements Dialect towards the target, and Rephrasing."""

    def __init__(self, heard: OllamaEmbed) -> None:
        self._heard = heard

    def outgoing(self, body: bytes, ask: Ask, leg: Leg) -> bytes:  # noqa: ARG002 - as the port has it
        asked = strict_json.parse_object(body)
        said = {
            "model": leg.target.model,
            "input": self._heard.inputs(asked),
            "encoding_format": "float",
        }
        if asked.get("dimensions") is not None:
            said["dimensions"] = asked["dimensions"]
        return strict_json.encode(said)

    def relay(self, ask: Ask) -> Relay:
        return Remade(lambda body: self._answer(body, ask))

    def unsaid(self, body: bytes) -> tuple[str, ...]:
        names: list[str] = []
        top = Taking(msgspec.json.decode(body), "", names)
        top.skip("model", self._heard.member, "dimensions")
        for name, value in DEFAULTS.items():
            if top.peek(name) is value:
                top.skip(name)
        if options := top.within("options"):
            options.leave()
        top.leave()
        return tuple(names)

    def _answer(self, body: bytes, ask: Ask) -> tuple[bytes, Usage | None]:
        try:
            found = _decode(body)
        except (ValueError, RecursionError):
            raise UpstreamBroke(private="the answer has no list of embeddings") from None
        usage = read_input(found.usage)
        return self._heard.said(ask, _in_order(found.data, ask.messages), usage), usage


class EmbedAnywhere(OllamaEmbed):
    """Implements Dialect, and Rephrasable."""

    @property
    def rephrasings(self) -> Sequence[Rephrasing]:
        return (InOpenAIsWords(self),)


class EmbeddingsAnywhere(OllamaEmbeddings):
    """Implements Dialect, and Rephrasable."""

    @property
    def rephrasings(self) -> Sequence[Rephrasing]:
        return (InOpenAIsWords(self),)


class _Embedding(Struct, gc=False):
    embedding: list[float]
    index: int | None = None


class _Embeddings(Struct, gc=False):
    data: list[_Embedding]
    usage: Raw = NOTHING


_decode = msgspec.json.Decoder(_Embeddings).decode


def _in_order(data: Sequence[_Embedding], expected: int) -> list[list[float]]:
    """By their index; as they came where none has one."""
    places = [each.index if each.index is not None else at for at, each in enumerate(data)]
    if sorted(places) != list(range(expected)):
        raise UpstreamBroke(private="not one embedding for each input")
    placed = dict(zip(places, data, strict=True))
    return [placed[at].embedding for at in range(expected)]
