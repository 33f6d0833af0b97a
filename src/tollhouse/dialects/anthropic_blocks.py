"""What stands in the messages of an Anthropic body beside text, and what it weighs.

Only where a provider reads a block is one looked for: what merely looks like an image, in the input
of a tool, is text, and is held for as text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tollhouse.domain.values import value


@value
class Weight:
    images: int = 0
    documents: int = 0
    inline_bytes: int = 0
    """Those of images and documents that came within the body."""

    is_bounded: bool = True
    """False for what is named by an id: nobody here knows how much it holds, or whose it is."""


def weigh(messages: list[dict[str, Any]]) -> Weight:
    images = documents = inline_bytes = 0
    is_bounded = True
    for block in blocks(messages):
        kind = block.get("type")
        if kind == "container_upload":
            is_bounded = False
        if kind not in ("image", "document"):
            continue
        source = block.get("source")
        where = source.get("type") if isinstance(source, dict) else None
        is_bounded = is_bounded and where != "file"
        if kind == "document" and where in ("text", "content"):
            continue  # its bytes are text
        images += kind == "image"
        documents += kind == "document"
        inline_bytes += _inline_bytes(source)
    return Weight(images, documents, inline_bytes, is_bounded)


def blocks(messages: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each block of each message, and those within results of tools and within documents."""
    for message in messages:
        for block in _within(message):
            yield block
            kind = block.get("type")
            if kind == "tool_result":
                for part in _within(block):
                    yield part
                    yield from _of_document(part)
            else:
                yield from _of_document(block)


def _of_document(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    source = block.get("source")
    if block.get("type") == "document" and isinstance(source, dict):
        yield from _within(source)


def _within(parent: dict[str, Any]) -> list[dict[str, Any]]:
    content = parent.get("content")
    return [each for each in content if isinstance(each, dict)] if isinstance(content, list) else []


def _inline_bytes(source: Any) -> int:
    if not isinstance(source, dict) or source.get("type") != "base64":
        return 0
    data = source.get("data")
    return len(data) if isinstance(data, str) else 0
