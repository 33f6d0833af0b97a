"""The parts of a conversation as Gemini takes them: words, bytes, places, calls and results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tollhouse.dialects.ollama_writer import arguments_object
from tollhouse.domain.conversation import (
    Audio,
    File,
    Image,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)

Members = dict[str, Any]

PDF = "application/pdf"
PICTURE = "image/png"
BY_ENDING: Mapping[str, str] = {
    "png": PICTURE,
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "heic": "image/heic",
    "pdf": PDF,
    "txt": "text/plain",
    "csv": "text/csv",
    "mp3": "audio/mp3",
    "wav": "audio/wav",
    "mp4": "video/mp4",
}
"""Google fetches what a URL leads to, and wants to be told what it is."""


class Parts:
    """Remembers what could not be said, and how the tools were called that results belong to."""

    def __init__(self) -> None:
        self.unsaid: list[str] = []
        self._names: dict[str, str] = {}

    def said(self, part: Part) -> Iterator[Members]:
        self._leave(f"messages.{_kind(part)}.mark", getattr(part, "mark", None))
        match part:
            case Text(text):
                self._leave("messages.text.citations", part.citations or None)
                yield from _words(text)
            case Refusal(text):
                yield from _words(text)
            case Reasoning(text):
                if text:
                    yield {"text": text, "thought": True}
            case Image():
                yield from self._image(part)
            case Audio():
                yield _bytes(f"audio/{part.form}", part.data)
            case File():
                yield from self._file(part)
            case ToolCall():
                yield self._call(part)
            case ToolResult():
                yield from self._result(part)

    def _image(self, image: Image) -> Iterator[Members]:
        self._leave("messages.image.detail", image.detail)
        if image.data is not None:
            yield _bytes(image.media_type or PICTURE, image.data)
        elif image.url is not None:
            yield _place(image.url, image.media_type)
        else:
            self.unsaid.append("messages.image")

    def _file(self, file: File) -> Iterator[Members]:
        if file.text is not None:
            yield from _words(f"{file.name}\n\n{file.text}" if file.name else file.text)
            return
        self._leave("messages.file.name", file.name)
        if file.data is not None:
            yield _bytes(file.media_type or PDF, file.data)
        elif file.url is not None:
            yield _place(file.url, file.media_type)
        else:
            self.unsaid.append("messages.file.id")

    def _call(self, call: ToolCall) -> Members:
        self._names[call.id] = call.name
        arguments = arguments_object(call.arguments)
        return {"functionCall": {**_id(call.id), "name": call.name, "args": arguments}}

    def _result(self, result: ToolResult) -> Iterator[Members]:
        """What a tool showed beside its words stands after them: not every model takes it within."""
        texts = [part.text for part in result.parts if isinstance(part, Text)]
        told = {"error" if result.is_error else "output": "\n".join(texts)}
        name = result.name or self._names.get(result.call_id) or result.call_id
        yield {"functionResponse": {**_id(result.call_id), "name": name, "response": told}}
        for part in result.parts:
            if isinstance(part, Text):
                self._leave("messages.text.mark", part.mark)
                self._leave("messages.text.citations", part.citations or None)
            else:
                yield from self.said(part)

    def _leave(self, name: str, value: object) -> None:
        if value is not None:
            self.unsaid.append(name)


def _words(text: str) -> Iterator[Members]:
    """None are taken that are empty."""
    if text:
        yield {"text": text}


def _bytes(media_type: str, data: str) -> Members:
    return {"inlineData": {"mimeType": media_type, "data": data}}


def _place(url: str, media_type: str | None) -> Members:
    path = url.partition("?")[0].partition("#")[0]
    kind = media_type or BY_ENDING.get(path.rpartition(".")[2].lower())
    return {"fileData": {"fileUri": url, **({"mimeType": kind} if kind else {})}}


def _id(call_id: str) -> Members:
    return {"id": call_id} if call_id else {}


def _kind(part: Part) -> str:
    return type(part).__name__.lower()
