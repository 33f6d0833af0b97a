"""A dialect of words on lines, just enough to be translated to and from."""

from __future__ import annotations

from collections.abc import Sequence

from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.domain.conversation import Conversation, Message, Role, Text
from tollhouse.domain.deltas import Began, Called, Counted, Delta, Said, Stop, Stopped
from tollhouse.domain.errors import Failure, UpstreamBroke, UpstreamFailed
from tollhouse.domain.models import Ask, Leg
from tollhouse.domain.pricing import Usage


class Plain(OpenAIChat):
    """Implements Heard and Told. Its answers are a word a line; `!` calls a tool, `.` ends, `?` is an error.

    What is beyond words is unsaid on both sides.
    """

    stream_type = b"text/plain"

    def __init__(self, name: str) -> None:
        self.name = name

    def decode(self, body: bytes) -> Conversation:
        unsaid = ("here.x",) if b"beyond words" in body else ()
        return Conversation((Message(Role.USER, (Text(body.decode()),)),), unsaid=unsaid)

    def encode(self, conversation: Conversation, leg: Leg) -> tuple[bytes, tuple[str, ...]]:
        said = conversation.messages[0].parts[0]
        assert isinstance(said, Text)
        unsaid = ("there.y",) if "beyond words" in said.text else ()
        return b"%d %b" % (leg.output_tokens, said.text.encode()), unsaid

    def reader(self, *, is_stream: bool) -> PlainReader:
        return PlainReader()

    def writer(self, ask: Ask, reply_id: str, created: int) -> PlainWriter:
        return PlainWriter(f"{ask.model} {reply_id} {created}")

    def silence(self) -> bytes:
        return b""


class PlainReader:
    """Implements Reader."""

    def __init__(self) -> None:
        self.failure: Failure | None = None
        self.is_over = False

    def feed(self, chunk: bytes) -> Sequence[Delta]:
        deltas: list[Delta] = []
        for word in chunk.decode().split():
            if word == "?":
                self.failure = UpstreamFailed()
                break
            self.is_over = self.is_over or word == "."
            deltas += _meant(word)
        return deltas

    def finish(self) -> Sequence[Delta]:
        if not self.is_over:
            self.failure = UpstreamBroke()
        return ()


class PlainWriter:
    """Implements Writer."""

    def __init__(self, head: str) -> None:
        self._head = head

    def write(self, deltas: Sequence[Delta]) -> bytes:
        return b"".join(map(self._line, deltas))

    def finish(self) -> bytes:
        return b"end\n"

    def _line(self, delta: Delta) -> bytes:
        match delta:
            case Began():
                return self._head.encode() + b"\n"
            case Said(text):
                return text.encode() + b"\n"
            case Stopped(stop):
                return stop.encode() + b"\n"
        return b""


def _meant(word: str) -> list[Delta]:
    if word == ".":
        return [Stopped(Stop.END), Counted(Usage(9, 2))]
    if word.startswith("!"):
        return [Called(0, "id", word[1:])]
    return [Said(word)]
