"""Keys and content stay where they belong, whatever happens: words that occur nowhere else are
sent through every outcome of a call, then looked for in everything that the gateway leaves behind.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from journeys.gateway import Gateway, ask, free_port, until
from journeys.provider import (
    STREAM_HEAD,
    Asked,
    Provider,
    Script,
    chunk,
    json_response,
    provider,
    sse,
    usage,
)
from security.callers import Callers, besieged
from security.wire import CHAT, JSON, bearer, exchange, head, request

PROVIDER_KEY = "sk-upstream-canary-0123456789"
PROMPT = "canaryprompt7f3a"
COMPLETION = "canarycompletion91bc"
UPSTREAM_BODY = "canarybody55de"
UPSTREAM_HEADER = "canaryheader2c1f"
CALLER_HEADER = "canarycookie8e70"
INNER_HOST = "inner-host.canary.internal"

CONTENT = (PROMPT, COMPLETION, UPSTREAM_BODY, UPSTREAM_HEADER, CALLER_HEADER, INNER_HOST)
COMPLAINT = (
    f"{UPSTREAM_BODY}: see http://{INNER_HOST}/debug?key=1 about key {PROVIDER_KEY} "
    f"or AKIA{'Q' * 60} \x1b[31m\u202e " + "and so on " * 100
)
MOST_OF_A_COMPLAINT = 400
FIRST_BYTE_S = 0.5


@dataclass(frozen=True)
class Outcome:
    """What the provider does, and what of it the caller may see."""

    name: str
    script: Script
    shown: tuple[str, ...] = ()
    is_stream: bool = False


def _says(raw: bytes) -> Script:
    async def script(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    return script


def _says_and_leaves(raw: bytes) -> Script:
    async def script(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        writer.close()

    return script


async def _stalls(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


def _error(status: str) -> bytes:
    error = {"message": COMPLAINT, "type": "x_error", "code": f"Not a name: {UPSTREAM_BODY}"}
    return json_response({"error": error}, status, f"x-secret: {UPSTREAM_HEADER}", "retry-after: 9")


def _stream(*events: bytes, has_end: bool = True) -> bytes:
    first = STREAM_HEAD.replace(
        b"\r\n\r\n", b"\r\nx-secret: " + UPSTREAM_HEADER.encode() + b"\r\n\r\n"
    )
    return b"".join([first, *map(chunk, events), b"0\r\n\r\n" if has_end else b""])


def _completion(**further: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": COMPLETION}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return {"object": "chat.completion", "choices": choices, "usage": usage(5), **further}


def _delta(text: str, finish: str | None = None) -> bytes:
    return sse({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]})


WORD = _delta(COMPLETION)
END = _delta("", "stop")
DONE = b"data: [DONE]\n\n"

OUTCOMES = [
    Outcome("an answer", _says(json_response(_completion(), "200 OK", f"x-secret: {UPSTREAM_HEADER}",
                                             f"set-cookie: a={UPSTREAM_HEADER}")), (COMPLETION,)),
    Outcome("a stream", _says(_stream(WORD, END, DONE)), (COMPLETION,), True),
    Outcome("400", _says(_error("400 Bad Request")), (UPSTREAM_BODY,)),
    Outcome("400 to a stream", _says(_error("400 Bad Request")), (UPSTREAM_BODY,), True),
    Outcome("422", _says(_error("422 Unprocessable")), (UPSTREAM_BODY,)),
    *(Outcome(status, _says(_error(f"{status} {UPSTREAM_HEADER}")))
      for status in ("401", "402", "403", "404", "429", "500", "503", "504", "302", "418")),
    Outcome("an error that is no JSON", _says(
        b"HTTP/1.1 400 Bad\r\ncontent-length: %d\r\n\r\n%b" % (len(UPSTREAM_BODY), UPSTREAM_BODY.encode()))),
    Outcome("an error with status 200", _says(json_response({"error": {"message": COMPLAINT}}))),
    Outcome("an answer without choices", _says(json_response({"x": UPSTREAM_BODY}))),
    Outcome("a list", _says(json_response([UPSTREAM_BODY]))),
    Outcome("broken JSON", _says(
        b"HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n{\"%b\":" % UPSTREAM_BODY.encode())),
    Outcome("no HTTP", _says_and_leaves(UPSTREAM_BODY.encode() + b"\r\n\r\n")),
    Outcome("a bad chunk", _says_and_leaves(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n%b\r\n" % UPSTREAM_BODY.encode())),
    Outcome("two lengths", _says_and_leaves(
        b"HTTP/1.1 200 OK\r\nx: %b\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}" % UPSTREAM_BODY.encode())),
    Outcome("half an answer", _says_and_leaves(json_response(_completion())[:-9])),
    Outcome("silence", _stalls),
    Outcome("silence to a stream", _stalls, (), True),
    Outcome("an error within a stream", _says(
        _stream(WORD, sse({"error": {"message": COMPLAINT, "code": COMPLAINT}}))), (COMPLETION,), True),
    Outcome("broken JSON within a stream", _says(
        _stream(WORD, b'data: {"usage":%b\n\n' % UPSTREAM_BODY.encode(), END)), (COMPLETION,), True),
    Outcome("a stream that is cut", _says_and_leaves(_stream(WORD, has_end=False)), (COMPLETION,), True),
    Outcome("a stream without an end", _says(_stream(WORD)), (COMPLETION,), True),
    Outcome("JSON instead of a stream", _says(json_response({"x": UPSTREAM_BODY})), (), True),
]  # fmt: skip


@pytest.mark.req("P-16", "OP-45", "S-16", "S-55", "S-56", "S-58", "S-59", "H-150")
async def test_no_secret_and_no_content_is_found_where_it_does_not_belong(tmp_path: Path) -> None:
    async with provider() as up, _watched(tmp_path, up.url) as (door, callers, metrics):
        for outcome in OUTCOMES:
            up.script = outcome.script
            reply = await exchange(door.port, _asking(callers.good, is_stream=outcome.is_stream))
            _tells_only(outcome.name, reply, outcome.shown, callers)
        up.script = _says(_stream(WORD, END, DONE))
        for name, refused in _refused(callers).items():
            _tells_only(name, await exchange(door.port, refused), (), callers)
        await _leave_early(door, callers, up)
        await _is_over(door)
        left_behind = {"metrics": await metrics(), "rows": await _all_rows(door)}
        door.stop()

        left_behind |= {"log": door.log(), **_files(tmp_path / "data")}
        assert "upstream_failed" in left_behind["log"]
        assert "key_unknown" in left_behind["log"], "the log is not at debug"
        assert "upstream_timeout" in left_behind["metrics"]
        for where, text in left_behind.items():
            assert _found(text, (*CONTENT, *_secrets(callers))) == [], where
        received = "".join(f"{asked.headers} {asked.raw!r}" for asked in up.asked)
        assert _found(received, (PROMPT, PROVIDER_KEY)) == [PROMPT, PROVIDER_KEY]
        assert _found(received, (CALLER_HEADER, *_keys(callers))) == []


@pytest.mark.req("S-58", "P-16")
async def test_of_a_provider_that_refuses_the_caller_sees_a_clean_sentence(tmp_path: Path) -> None:
    async with provider() as up, _watched(tmp_path, up.url) as (door, callers, _):
        up.script = _says(_error("400 Bad Request"))

        reply = await exchange(door.port, _asking(callers.good))

    message = json.loads(reply.partition(b"\r\n\r\n")[2])["error"]["message"]
    said = message.partition(": ")[2]
    assert said.startswith(f"{UPSTREAM_BODY}: see [link] about [removed] or [removed] ")
    assert len(said) <= MOST_OF_A_COMPLAINT
    assert message.isprintable()
    assert _found(message, (INNER_HOST, PROVIDER_KEY, "QQQQ", "://")) == []


@pytest.mark.req("S-55", "P-16")
async def test_the_process_does_not_show_the_key_in_its_command_line(tmp_path: Path) -> None:
    async with provider() as up, _watched(tmp_path, up.url) as (door, callers, _):
        shown = Path(f"/proc/{door.processes[0].pid}/cmdline").read_text()

    assert _found(shown, _secrets(callers)) == []


Metrics = Callable[[], Awaitable[str]]


@asynccontextmanager
async def _watched(
    directory: Path, upstream_url: str
) -> AsyncIterator[tuple[Gateway, Callers, Metrics]]:
    """At the most talkative level, with metrics, and impatient."""
    port = free_port()

    async def metrics() -> str:
        url = f"http://127.0.0.1:{port}/metrics"
        async with aiohttp.ClientSession() as session, session.get(url) as reply:
            return await reply.text()

    further = f"""
[log]
level = "debug"
[metrics]
listen = "127.0.0.1:{port}"
"""
    async with besieged(directory, upstream_url, further, first_byte_s=FIRST_BYTE_S) as it:
        yield *it, metrics


def _asking(key: str, *, is_stream: bool = False, request_id: str = "canary") -> bytes:
    body = json.dumps(ask(PROMPT, stream=is_stream, user=PROMPT)).encode()
    return request(body, _headers(key, request_id), target=f"{CHAT}?note={CALLER_HEADER}")


def _headers(key: str, request_id: str = "canary") -> list[tuple[str, str]]:
    cookie, own = ("cookie", f"session={CALLER_HEADER}"), ("x-own", CALLER_HEADER)
    agent = ("user-agent", CALLER_HEADER)
    return [bearer(key), JSON, cookie, own, agent, ("x-request-id", request_id)]


def _refused(callers: Callers) -> dict[str, bytes]:
    """One request for each way to be refused, its body full of what must not be told."""
    good = _headers(callers.good)
    body = json.dumps(ask(PROMPT)).encode()
    refused = {name: _asking(key) for name, key in _all_keys(callers).items() if name != "good"}
    refused |= {
        "a member twice": request(b'{"%b":1,"%b":2}' % (PROMPT.encode(), PROMPT.encode()), good),
        "no JSON": request(b'{"model": "m", %b' % PROMPT.encode(), good),
        "not UTF-8": request(body.replace(b'"m"', b'"\xff"'), good),
        "too deep": request(body[:-1] + b',"x":' + b"[" * 70 + b"]" * 70 + b"}", good),
        "wrong type": request(body[:-1] + b',"n":"%b"}' % PROMPT.encode(), good),
        "a refused member": request(body[:-1] + b',"api_base":"%b"}' % PROMPT.encode(), good),
        "too large": request(body + PROMPT.encode() * 10_000, good),
        "another media type": request(body, [*good[:1], ("content-type", PROMPT)]),
        "an unknown path": request(body, good, target=f"/v1/{CALLER_HEADER}?{CALLER_HEADER}"),
        "a wrong method": request(body, good, method="DELETE"),
        "no HTTP": head("POST", f" {CALLER_HEADER}", good),
    }
    return refused


def _all_keys(callers: Callers) -> dict[str, str]:
    return {
        part.name: getattr(callers, part.name) for part in fields(callers) if part.name != "good_id"
    }


async def _leave_early(door: Gateway, callers: Callers, up: Provider) -> None:
    """Hang up in the middle of an answer."""

    async def dawdle(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(_stream(WORD, has_end=False))
        await writer.drain()
        await asyncio.Event().wait()

    up.script = dawdle
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(_asking(callers.good, is_stream=True))
    await reader.readuntil(COMPLETION.encode())
    writer.transport.abort()
    await up.gone.wait()


async def _is_over(door: Gateway) -> None:
    """No call is under way. What timed out stays held by design: its end was never seen."""

    async def is_over() -> bool:
        return await door.rows("SELECT id FROM calls WHERE state = 'held'") == []

    await until(is_over, "no call is under way")


def _tells_only(name: str, reply: bytes, shown: tuple[str, ...], callers: Callers) -> None:
    text = reply.decode("latin-1")
    hidden = tuple(word for word in CONTENT if word not in shown)
    assert _found(text, (*hidden, *_secrets(callers))) == [], name
    assert all(word in text for word in shown), name


def _secrets(callers: Callers) -> tuple[str, ...]:
    return (PROVIDER_KEY, *_keys(callers))


def _keys(callers: Callers) -> tuple[str, ...]:
    """Their secret halves: the public ids may be told."""
    return tuple(key.rpartition("_")[2] for key in _all_keys(callers).values())


def _found(text: str, words: tuple[str, ...]) -> list[str]:
    return [word for word in words if word in text]


async def _all_rows(door: Gateway) -> str:
    tables = await door.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
    assert len(tables) > 8
    return "".join([str(await door.rows(f"SELECT * FROM {name}")) for (name,) in tables])


def _files(directory: Path) -> dict[str, str]:
    """The store's pages and its journal as they lie there, and the audit log."""
    files = [file for file in directory.rglob("*") if file.is_file()]
    assert any(file.suffix == ".jsonl" for file in files)
    return {str(file): file.read_bytes().decode("latin-1") for file in files}
