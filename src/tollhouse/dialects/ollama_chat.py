"""Ollama's `/api/chat`: what a body asks for."""

from __future__ import annotations

from tollhouse.dialects import fields, ollama_bounds, ollama_decode, strict_json
from tollhouse.dialects.ollama_dialect import Ollama, ask_of
from tollhouse.dialects.ollama_writer import chat_form
from tollhouse.domain.conversation import Conversation
from tollhouse.domain.models import Ask


class OllamaChat(Ollama):
    """Implements Heard and Told."""

    name = "ollama_chat"
    form = staticmethod(chat_form)

    def peek(self, body: bytes) -> Ask:
        asked = strict_json.parse_object(body)
        fields.refuse_steering(asked)
        ollama_bounds.check(asked, body)
        fields.flag(asked, "stream")
        messages = ollama_bounds.messages_of(asked)
        return ask_of(
            asked,
            body,
            model=fields.model(asked),
            messages=len(messages),
            holders=messages,
            is_idle=not messages,
            tools=frozenset(tool["name"] for tool in ollama_bounds.tools_of(asked)),
        )

    def decode(self, body: bytes) -> Conversation:
        return ollama_decode.chat(body)
