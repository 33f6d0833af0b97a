"""The parts of a message as Converse's blocks, and what of them has no place there."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any

from tollhouse.dialects import converse_models, converse_state
from tollhouse.dialects.ollama_writer import arguments_object
from tollhouse.domain.conversation import (
    Audio,
    File,
    Image,
    Mark,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)

Members = dict[str, Any]

IMAGES = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
}
DOCUMENTS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/markdown": "md",
    "text/plain": "txt",
}
SOUNDS = frozenset(
    ("mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "m4a", "mpeg", "pcm", "webm")
)
TTLS = frozenset(("5m", "1h"))
LONGEST_ID, LONGEST_NAME = 64, 180
BUCKET = "s3://"
UNNAMED = "document"

_not_of_an_id = re.compile(r"[^a-zA-Z0-9_.:-]")
_not_of_a_name = re.compile(r"[^a-zA-Z0-9()\[\]-]+")


class Saying:
    """Remembers what could not be said, and the names that documents have: no two may have the same."""

    def __init__(self, model: str) -> None:
        self.unsaid: list[str] = []
        self._model = model
        self._documents: set[str] = set()

    def parts(self, parts: Iterable[Part]) -> list[Members]:
        return [block for part in parts for block in self._part(part)]

    def marked(self, mark: Mark | None, place: str) -> Iterator[Members]:
        """The place up to which the prompt is kept is a block of its own."""
        if mark is None:
            return
        if not converse_models.has_cache_points(self._model):
            self.unsaid.append(f"{place}.mark")
            return
        ttl = {"ttl": mark.ttl} if mark.ttl in TTLS else {}
        yield {"cachePoint": {"type": "default", **ttl}}

    def leave(self, name: str, value: object) -> None:
        if value is not None:
            self.unsaid.append(name)

    def _part(self, part: Part) -> Iterator[Members]:
        match part:
            case Text():
                yield from self._text(part)
            case Refusal():
                yield {"text": part.text}
            case Image():
                yield from self._image(part)
            case File():
                yield from self._file(part)
            case Audio():
                yield from self._audio(part)
            case Reasoning():
                yield from self._thought(part)
            case ToolCall():
                yield call(part)
                yield from self.marked(part.mark, "messages.toolcall")
            case ToolResult():
                yield from self._result(part)

    def _text(self, text: Text) -> Iterator[Members]:
        """One that is blank is refused, and says nothing."""
        if text.citations:
            self.unsaid.append("messages.text.citations")
        if text.text.strip():
            yield {"text": text.text}
            yield from self.marked(text.mark, "messages.text")

    def _image(self, image: Image) -> Iterator[Members]:
        self.leave("messages.image.detail", image.detail)
        form = IMAGES.get(image.media_type or "")
        source = _source(image.data, image.url)
        if source is None or (form is None and image.data is not None):
            self.unsaid.append("messages.image.url" if image.data is None else "messages.image")
            return
        yield {"image": {"format": form or _ending(image.url, "png"), "source": source}}
        yield from self.marked(image.mark, "messages.image")

    def _file(self, file: File) -> Iterator[Members]:
        source, form = _source(file.data, file.url), DOCUMENTS.get(file.media_type or "")
        if file.text is not None:
            source, form = {"bytes": base64.b64encode(file.text.encode()).decode()}, "txt"
        if source is None:
            self.unsaid.append("messages.file.id" if file.id else "messages.file")
            return
        form = form or _ending(file.name or file.url, "pdf")
        document = {"format": form, "name": self._name(file.name), "source": source}
        yield {"document": document}
        yield from self.marked(file.mark, "messages.file")

    def _name(self, given: str | None) -> str:
        """Without its ending, in letters that are taken; a name that is taken gets a number."""
        stem = (given or "").rpartition(".")[0] or given or UNNAMED
        name = _not_of_a_name.sub(" ", stem).strip()[:LONGEST_NAME].strip() or UNNAMED
        if name in self._documents:
            name = f"{name} {len(self._documents) + 1}"
        self._documents.add(name)
        if name != stem:
            self.leave("messages.file.name", given)
        return name

    def _audio(self, audio: Audio) -> Iterator[Members]:
        if audio.form not in SOUNDS:
            self.unsaid.append("messages.audio")
            return
        yield {"audio": {"format": audio.form, "source": {"bytes": audio.data}}}

    def _thought(self, thought: Reasoning) -> Iterator[Members]:
        """Converse takes back what it sealed, and nothing else."""
        if block := converse_state.block(thought):
            yield block
            return
        self.leave("messages.reasoning", thought.text or None)
        self.leave("messages.reasoning.state", thought.state)

    def _result(self, result: ToolResult) -> Iterator[Members]:
        """A mark within is put behind it: there is no place for one in a result."""
        blocks = self.parts(result.parts)
        points = [block for block in blocks if "cachePoint" in block]
        content = [block for block in blocks if "cachePoint" not in block]
        if points:
            marked = [part for part in result.parts if part.mark is not None]
            self.unsaid += [f"messages.{type(part).__name__.lower()}.mark" for part in marked]
            self.unsaid.append("messages.toolresult.mark.place")
        said: Members = {"toolUseId": call_id(result.call_id), "content": content}
        if result.is_error and converse_models.tells_tool_errors(self._model):
            said["status"] = "error"
        elif result.is_error:
            self.unsaid.append("messages.toolresult.is_error")
        yield {"toolResult": said}
        marks = [*points, *self.marked(result.mark, "messages.toolresult")]
        yield from marks[-1:]


def call(made: ToolCall) -> Members:
    said = {
        "toolUseId": call_id(made.id),
        "name": made.name,
        "input": arguments_object(made.arguments),
    }
    return {"toolUse": said}


def call_id(given: str) -> str:
    """A call and its result go by the same; one that is too long, or has other signs, by its digest."""
    if len(given) <= LONGEST_ID and given and not _not_of_an_id.search(given):
        return given
    return "call_" + hashlib.sha256(given.encode()).hexdigest()[:40]


def _source(data: str | None, url: str | None) -> Members | None:
    if data is not None:
        return {"bytes": data}
    return {"s3Location": {"uri": url}} if url is not None and url.startswith(BUCKET) else None


def _ending(name: str | None, usual: str) -> str:
    ending = (name or "").rpartition(".")[2].lower()
    return ending if ending in {*IMAGES.values(), *DOCUMENTS.values()} else usual
