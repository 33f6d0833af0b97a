"""A house before a provider that keeps files, which is a fake, and those who ask for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fakes import FakeAnswer, FakeExchange, FakeProvider, FakeReply
from pipeline.houses import World, call
from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.domain.exchange import Errand, Sending
from tollhouse.domain.files import File
from tollhouse.domain.forms import Form, Part
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House, Shelves
from tollhouse.storage import files
from tollhouse.storage.sqlite import SqliteDatabase

ID = "file-" + "a" * 32
CHAT = "/v1/chat/completions"
KEPT = FakeAnswer(200, [b'{"id":"known"}'])

Serve = Callable[[Call, House], Awaitable[None]]


class Keeper(FakeProvider):
    """Implements FileKeeper."""

    def errand(self, errand: Errand) -> Sending:
        return Sending(errand.method, errand.path, ((b"content-type", errand.media),), errand.body)

    @property
    def asked(self) -> list[str]:
        return [f"{each.method.decode()} {each.path.decode()}" for each in self.sent]


@dataclass
class Memory:
    """Implements Kept."""

    content: bytes

    def __len__(self) -> int:
        return len(self.content)

    async def read(self, begin: int, end: int) -> AsyncIterator[bytes]:
        yield self.content[begin:end]


class Meanwhile(FakeExchange):
    """Answers once something else was done."""

    def __init__(self, meanwhile: Callable[[], Awaitable[None]]) -> None:
        super().__init__(replace(KEPT))
        self._meanwhile = meanwhile

    async def __aenter__(self) -> FakeAnswer:
        await self._meanwhile()
        return await super().__aenter__()


def shelved(
    store: SqliteDatabase, *answers: FakeAnswer, most_files: int = 9
) -> tuple[World, Keeper]:
    keeper = Keeper(*[FakeExchange(replace(each)) for each in answers])
    shelves = Shelves(store, {"first": keeper}, {CHAT: OpenAIChat()}, most_files)
    return World(providers={"first": keeper}, shelves=shelves), keeper


async def served(
    serve: Serve,
    world: World,
    sent: Form | None = None,
    *,
    named: str = "",
    query: bytes = b"",
) -> FakeReply:
    async def read() -> Any:
        return sent

    reply = FakeReply()
    asked = replace(call(reply=reply), path_rest=named, query=query, read_body=read)
    await serve(asked, world.house)
    return reply


def form(content: bytes, purpose: str = "user_data", **texts: str) -> Form:
    named: Mapping[str, str] = {"purpose": purpose, **texts}
    parts = [Part(name, 0, 0, text=text) for name, text in named.items()]
    return Form(
        b"boundary", [*parts, Part("file", 0, len(content), filename="a.txt")], Memory(content)
    )


async def kept(store: SqliteDatabase, id: str = ID, **members: str) -> None:  # noqa: A002
    file = File(id, "acme/default", "first", "known", "user_data", "a.txt", 5, 7)
    await files.add(store, replace(file, **members))


async def rows(store: SqliteDatabase) -> list[File]:
    return await files.page(
        store, "acme/default", purpose="", after="", limit=9, newest_first=True, now_ms=8
    )
