"""Ollama's `/api/generate`: one prompt, one answer."""

from __future__ import annotations

from tollhouse.dialects import fields, ollama_bounds, ollama_decode, strict_json
from tollhouse.dialects.ollama_dialect import Ollama, ask_of
from tollhouse.dialects.ollama_writer import generate_form
from tollhouse.domain.conversation import Conversation
from tollhouse.domain.models import Ask


class OllamaGenerate(Ollama):
    """Implements Heard and Told."""

    name = "ollama_generate"
    form = staticmethod(generate_form)

    def peek(self, body: bytes) -> Ask:
        asked = strict_json.parse_object(body)
        fields.refuse_steering(asked)
        ollama_bounds.check(asked, body)
        for name in ("stream", "raw"):
            fields.flag(asked, name)
        for name in ("prompt", "system", "suffix"):
            ollama_bounds.text(asked, name)
        return ask_of(
            asked,
            body,
            model=fields.model(asked),
            messages=2,
            holders=[asked],
            is_idle=not asked.get("prompt"),
        )

    def decode(self, body: bytes) -> Conversation:
        return ollama_decode.generate(body)
