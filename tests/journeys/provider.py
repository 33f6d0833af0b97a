"""A provider that does what a test tells it, and keeps its own meter."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

PROMPT_TOKENS = 11


@dataclass
class Asked:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    raw: bytes


@dataclass
class Provider:
    """Answers each request by `script`; `hung_up` counts callers that left before the end."""

    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    script: Script | None = None
    completion_tokens: int = 5
    produced: int = 0
    """Tokens that were produced for answers, also for those that nobody waited for."""

    hung_up: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def whole(self, asked: Asked) -> bytes:
        self.produced += self.completion_tokens
        return json_response(completion(asked.body, self.completion_tokens))

    def stream(self, asked: Asked) -> list[bytes]:
        return chunked(stream_events(asked.body, self.completion_tokens))


Script = Callable[[Provider, Asked, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@asynccontextmanager
async def provider() -> AsyncIterator[Provider]:
    it = Provider()
    open_writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_writers.add(writer)
        incoming = Incoming(reader)
        try:
            while asked := await incoming.next():
                it.asked.append(asked)
                answering = asyncio.create_task((it.script or answer)(it, asked, writer))
                leaving = asyncio.create_task(incoming.until_left())
                await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
                if not answering.done() or isinstance(answering.exception(), ConnectionError):
                    it.hung_up += 1
                    it.gone.set()
                    answering.cancel()
                leaving.cancel()
                await asyncio.gather(answering, leaving, return_exceptions=True)
                if leaving.done() and not leaving.cancelled():
                    break
        except ConnectionError:
            pass
        finally:
            open_writers.discard(writer)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=2048)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        server.close()
        for writer in list(open_writers):
            writer.transport.abort()
        await asyncio.sleep(0)


async def answer(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    """As a provider in good health does."""
    if asked.body.get("stream"):
        for piece in it.stream(asked):
            writer.write(piece)
            await writer.drain()
        it.produced += it.completion_tokens
    else:
        writer.write(it.whole(asked))
        await writer.drain()


def completion(body: dict[str, Any], tokens: int) -> dict[str, Any]:
    message = {"role": "assistant", "content": "word " * tokens}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": usage(tokens),
    }


def usage(tokens: int) -> dict[str, int]:
    return {
        "prompt_tokens": PROMPT_TOKENS,
        "completion_tokens": tokens,
        "total_tokens": PROMPT_TOKENS + tokens,
    }


def stream_events(body: dict[str, Any], tokens: int) -> list[bytes]:
    """One token an event, the usage in its own, as OpenAI sends it."""
    head = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": body["model"],
    }
    nothing = {"usage": None} if _asks_usage(body) else {}

    def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return sse({**head, "choices": [choice], **nothing})

    events = [event({"role": "assistant", "content": ""})]
    events += [event({"content": "word "}) for _ in range(tokens)]
    events.append(event({}, "stop"))
    if _asks_usage(body):
        events.append(sse({**head, "choices": [], "usage": usage(tokens)}))
    return [*events, b"data: [DONE]\n\n"]


def sse(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n"


STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)


def chunked(events: list[bytes]) -> list[bytes]:
    return [STREAM_HEAD, *(chunk(event) for event in events), b"0\r\n\r\n"]


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def json_response(value: object, status: str = "200 OK", *headers: str) -> bytes:
    body = json.dumps(value).encode()
    lines = [
        f"HTTP/1.1 {status}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _asks_usage(body: dict[str, Any]) -> bool:
    return bool((body.get("stream_options") or {}).get("include_usage"))


class Incoming:
    """Requests from one caller, who may send the next one before we have done with the last."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._early = b""

    async def next(self) -> Asked | None:
        """None when the caller has hung up."""
        try:
            head, _, self._early = await self._until(b"\r\n\r\n")
            request, *lines = head.decode("latin-1").split("\r\n")
            headers = dict(_header(line) for line in lines)
            length = int(headers.get("content-length", "0"))
            while len(self._early) < length:
                await self._more()
        except ConnectionError:
            return None
        raw, self._early = self._early[:length], self._early[length:]
        is_json = headers.get("content-type", "").startswith("application/json")
        return Asked(request.split(" ")[1], headers, json.loads(raw) if is_json else {}, raw)

    async def until_left(self) -> None:
        """Done when the caller hangs up. What comes meanwhile is kept."""
        while piece := await self._reader.read(65536):
            self._early += piece

    async def _until(self, end: bytes) -> tuple[bytes, bytes, bytes]:
        while end not in self._early:
            await self._more()
        return self._early.partition(end)

    async def _more(self) -> None:
        piece = await self._reader.read(65536)
        if not piece:
            raise ConnectionResetError
        self._early += piece


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.lower(), value.strip()
