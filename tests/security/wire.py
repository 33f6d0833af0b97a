"""Requests as bytes, so that a test can say what no client would; and what a refusal must look like."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from journeys.gateway import PATIENCE_S, Gateway, until
from tollhouse.domain.errors import REGISTRY

CHAT = "/v1/chat/completions"
JSON = ("content-type", "application/json")

Lines = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Got:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The code of a refusal, in whichever shape it came."""
        found = self.json
        error = found.get("error")
        code = error["code"] if isinstance(error, dict) else found.get("code")
        return str(code) if code is not None else None


def bearer(key: str) -> tuple[str, str]:
    return ("authorization", f"Bearer {key}")


def head(method: str, target: str, headers: Lines, host: str = "localhost") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"host: {host}", "connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def request(
    body: bytes = b"",
    headers: Lines = (),
    *,
    method: str = "POST",
    target: str = CHAT,
    host: str = "localhost",
) -> bytes:
    length = ("content-length", str(len(body)))
    return head(method, target, (*headers, length), host) + body


def chunked_request(pieces: Sequence[bytes], headers: Lines, target: str = CHAT) -> bytes:
    """A body whose length nobody declares."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return head("POST", target, (*headers, ("transfer-encoding", "chunked"))) + body + b"0\r\n\r\n"


async def exchange(port: int, raw: bytes) -> bytes:
    """All that comes back until the other side closes; a peer that closes early is no error."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    received = b""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while piece := await reader.read(65536):
                received += piece
    except ConnectionError:
        pass
    finally:
        writer.transport.abort()
    return received


async def send(port: int, raw: bytes) -> Got:
    return answer(await exchange(port, raw))


def answer(received: bytes) -> Got:
    assert received, "the connection was closed without an answer"
    top, _, body = received.partition(b"\r\n\r\n")
    status, *lines = top.decode("latin-1").split("\r\n")
    pairs = [line.partition(": ") for line in lines]
    headers = {name.lower(): value for name, _, value in pairs}
    if headers.get("transfer-encoding") == "chunked":
        body = _unchunked(body)
    return Got(int(status.split(" ")[1]), headers, body)


def refused_in_dialect(got: Got, code: str, path: str = CHAT) -> None:
    """In the shape of the path's clients, with the headers that they decide by."""
    problem = REGISTRY[code]
    assert (got.status, got.code) == (problem.status, code), got
    if is_ollamas(path):
        _is_ollamas_shape(got)
    else:
        _is_openais_shape(got, of_otari=path.startswith("/api/v1/"))
    assert got.headers["content-type"] == "application/json"
    assert got.headers["x-request-id"] == got.headers["request-id"] == got.json["request_id"]
    assert got.headers.get("x-should-retry") == (None if problem.retryable else "false")
    assert ("retry-after" in got.headers) == problem.retryable


def is_ollamas(path: str) -> bool:
    return path.startswith("/api/") and not path.startswith("/api/v1/")


def _is_ollamas_shape(got: Got) -> None:
    """A text under `error` is all that its clients read."""
    assert got.json.keys() == {"error", "code", "request_id"}
    assert isinstance(got.json["error"], str)
    assert got.json["error"]


def _is_openais_shape(got: Got, *, of_otari: bool) -> None:
    """And Anthropic's at once; and otari's, where its clients call."""
    error = got.json["error"]
    assert got.json.keys() == {"type", "error", "request_id", *(["detail"] if of_otari else [])}
    assert got.json.get("detail", error["message"]) == error["message"]
    assert got.json["type"] == "error"
    assert error.keys() == {"message", "type", "param", "code"}
    assert isinstance(error["message"], str)
    assert error["message"]
    assert error["type"].endswith(("_error", "_quota", "_too_large"))


def records(door: Gateway, request_id: str) -> list[dict[str, Any]]:
    return [record for record in door.calls() if record["request_id"] == request_id]


async def recorded(door: Gateway, request_id: str) -> dict[str, Any]:
    """The one record of a request, once it is written, and the books with it."""

    async def is_there() -> bool:
        return bool(records(door, request_id))

    await until(is_there, f"the record of {request_id} is written")
    (record,) = records(door, request_id)
    await door.has_settled(record["call"])
    return record


def _unchunked(body: bytes) -> bytes:
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size or b"0", 16)
        whole, body = whole + body[:length], body[length + 2 :]
    return whole
