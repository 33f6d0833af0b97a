"""OpenAI Chat Completions: what a body asks for, what leaves in its place, and how it is translated."""

from __future__ import annotations

from typing import Any

from tollhouse.dialects import (
    openai_api,
    openai_bounds,
    openai_decode,
    openai_encode,
    openai_tiers,
    strict_json,
)
from tollhouse.dialects.fields import flag, model, named, whole
from tollhouse.dialects.openai_api import OpenAIEndpoint
from tollhouse.dialects.openai_reader import ChatMeaning, read_whole
from tollhouse.dialects.openai_relay import StreamRelay, WholeRelay
from tollhouse.dialects.openai_writer import ChatStreamWriter, ChatWholeWriter
from tollhouse.dialects.reading import Events, StreamReader, WholeReader
from tollhouse.domain.conversation import Conversation
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.models import Ask, Leg
from tollhouse.ports import Reader, Relay, Writer

MOST_CHOICES = 128
TOOL_KINDS = ("function", "custom")
BOUNDS = ("max_tokens", "max_completion_tokens")

BILLED_APART = frozenset({"service_tier", "modalities", "audio", "web_search_options"})


class OpenAIChat(OpenAIEndpoint):
    """Implements Heard and Told."""

    name = "openai_chat"

    def peek(self, body: bytes) -> Ask:
        fields = openai_api.parse(body)
        messages = _messages(fields)
        openai_bounds.check(fields, messages, body)
        parts = _parts(messages)
        images, image_bytes = openai_api.images(parts) if parts else (0, 0)
        is_stream = flag(fields, "stream")
        tier = openai_tiers.asked(fields) if "service_tier" in fields else ""
        return Ask(
            model=model(fields),
            is_stream=is_stream,
            wants_usage=is_stream and flag(openai_api.stream_options(fields), "include_usage"),
            input_bytes=len(body) - image_bytes,
            messages=len(messages),
            images=images,
            choices=_choices(fields),
            max_output=_max_output(fields),
            predicted_bytes=len(body) if fields.get("prediction") is not None else 0,
            unpriced_features=_unpriced_features(fields, messages, parts),
            tools=_tools(fields),
            variant=tier,
            tier=tier,
            named=named(fields),
        )

    def outgoing(self, body: bytes, ask: Ask, leg: Leg) -> bytes:
        """The caller's members as they came, but for what the gate must set."""
        members = strict_json.members(body)
        for bound in BOUNDS:
            members.pop(bound, None)
        options = members.pop("stream_options", None) if ask.is_stream else None
        target = leg.target
        parts: dict[str, strict_json.Member] = {**members, "model": target.model}
        parts[target.output_bound] = leg.output_tokens
        if ask.is_stream and target.asks_usage:
            parts["stream_options"] = openai_api.with_usage(options)
        return strict_json.join(parts)

    def relay(self, ask: Ask) -> Relay:
        if ask.is_stream:
            return StreamRelay(
                model=ask.model,
                shows_usage=ask.wants_usage,
                choices=ask.choices,
                tools=ask.tools,
                reads_tier=bool(ask.tier),
            )
        return WholeRelay(model=ask.model, tools=ask.tools, reads_tier=bool(ask.tier))

    def decode(self, body: bytes) -> Conversation:
        return openai_decode.decode(body)

    def encode(self, conversation: Conversation, leg: Leg) -> tuple[bytes, tuple[str, ...]]:
        return openai_encode.encode(conversation, leg)

    def reader(self, *, is_stream: bool) -> Reader:
        return StreamReader(Events(), ChatMeaning()) if is_stream else WholeReader(read_whole)

    def writer(self, ask: Ask, reply_id: str, created: int) -> Writer:
        kind = ChatStreamWriter if ask.is_stream else ChatWholeWriter
        return kind(ask, reply_id, created)


def _messages(fields: dict[str, Any]) -> list[dict[str, Any]]:
    messages = fields.get("messages")
    if not isinstance(messages, list) or not messages:
        raise FieldInvalid("`messages` must be a list with at least one message.", param="messages")
    if not all(isinstance(message, dict) for message in messages):
        raise FieldInvalid("Each of `messages` must be an object.", param="messages")
    return messages


def _parts(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What stands in messages beside plain text."""
    return [
        part
        for message in messages
        if isinstance(content := message.get("content"), list)
        for part in content
        if isinstance(part, dict)
    ]


def _choices(fields: dict[str, Any]) -> int:
    """Those that are made: some servers make `best_of`, and show `n` of them."""
    if "n" not in fields and "best_of" not in fields:
        return 1
    wished = [whole(fields, name, most=MOST_CHOICES) for name in ("n", "best_of")]
    return max(filter(None, wished), default=1)


def _max_output(fields: dict[str, Any]) -> int | None:
    older, newer = [whole(fields, name) for name in BOUNDS]
    return min(older, newer) if older and newer else older or newer


def _unpriced_features(
    fields: dict[str, Any], messages: list[dict[str, Any]], parts: list[dict[str, Any]]
) -> tuple[str, ...]:
    """What providers bill apart from tokens, or at other rates than a price row may know."""
    named = [message for message in messages if "audio" in message]
    if not parts and not named and BILLED_APART.isdisjoint(fields):
        return ()
    asked = []
    if openai_tiers.is_unpriced(fields):
        asked.append(openai_tiers.UNPRICED)
    modalities = fields.get("modalities")
    if fields.get("audio") is not None or (isinstance(modalities, list) and "audio" in modalities):
        asked.append("audio")
    if fields.get("web_search_options") is not None:
        asked.append("web_search_options")
    if any(map(_is_unbounded, parts)) or any(message["audio"] for message in named):
        asked.append("messages")
    return tuple(asked)


def _is_unbounded(part: dict[str, Any]) -> bool:
    """A file named by its id: nobody here knows how many tokens it holds. So with what was said aloud before."""
    file = part.get("file")
    return isinstance(file, dict) and "file_id" in file


def _tools(fields: dict[str, Any]) -> frozenset[str]:
    """The names of those that a model may want called."""
    if "tools" not in fields and "functions" not in fields:
        return frozenset()
    declared = [fields.get("functions")]
    if isinstance(tools := fields.get("tools"), list):
        kinds = [tool.get(kind) for tool in tools if isinstance(tool, dict) for kind in TOOL_KINDS]
        declared.append(kinds)
    named = [each for entries in declared if isinstance(entries, list) for each in entries]
    names = [each.get("name") for each in named if isinstance(each, dict)]
    return frozenset(name for name in names if isinstance(name, str))
