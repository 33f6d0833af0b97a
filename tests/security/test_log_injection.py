"""Nobody but the gateway writes its log: texts that would forge a line, or move a terminal, from either side."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from urllib.parse import quote

import pytest

from journeys.gateway import Gateway, ask, until
from journeys.provider import STREAM_HEAD as STREAM
from journeys.provider import Asked, Provider, Script, chunk, json_response, provider, sse
from security.callers import Callers, besieged
from security.wire import CHAT, JSON, bearer, exchange, request

MARK = "forged7c1e"
LINE = json.dumps({"level": "info", "event": MARK, "kind": "call"})
TEXTS = {
    "a line": f"x\r\n{LINE}\r\n",
    "a line feed": f"x\n{LINE}",
    "a terminal": f"\x1b[2J\x1b]0;{MARK}\x07",
    "an 8-bit terminal": f"\x9b2J{MARK}",
    "a line separator": f"\u2028{LINE}\u2029{LINE}\x85{LINE}",
    "the other direction": f"\u202e{MARK}",
    "a NUL": f"\0{MARK}",
    "a format": f"%n%s%x%(event)s{{0.__class__}}{MARK}",
    "a look-up": f"${{jndi:ldap://127.0.0.1/{MARK}}}",
    "a megabyte": MARK * 100_000,
}
HEADERS = (
    *("x-request-id", "x-correlation-id", "user-agent", "x-forwarded-for", "forwarded", "x-api-key"),
    *("authorization", "content-type", "origin", "host", "traceparent", "cookie", MARK),
)  # fmt: skip
Place = Callable[[str, Callers], bytes]


def _in_header(name: str) -> Place:
    def place(text: str, callers: Callers) -> bytes:
        value = text.encode().decode("latin-1")
        keys = () if name in ("authorization", "x-api-key") else (bearer(callers.good),)
        return request(json.dumps(ask()).encode(), (*keys, JSON, (name, value)))

    return place


def _in_target(stem: str) -> Place:
    return lambda text, callers: request(
        json.dumps(ask()).encode(), (bearer(callers.good), JSON), target=stem + quote(text)
    )


def _in_body(member: str) -> Place:
    def place(text: str, callers: Callers) -> bytes:
        members = {text: 1} if member == "name" else {member: text}
        if member == "role":
            members = {"messages": [{"role": text, "content": "x"}]}
        return request(json.dumps(ask() | members).encode(), (bearer(callers.good), JSON))

    return place


PLACES: dict[str, Place] = {
    **{f"the header {name}": _in_header(name) for name in HEADERS},
    **{f"the target {stem}": _in_target(stem) for stem in ("/", "/v1/models/", f"{CHAT}?note=")},
    **{f"the body's {member}": _in_body(member) for member in ("model", "user", "role", "name")},
}


@pytest.mark.req("H-150", "S-115", "S-16", "P-16")
async def test_no_caller_writes_a_line_of_the_log_or_the_audit_log(tmp_path: Path) -> None:
    async with provider() as up, _talkative(tmp_path, up) as (door, callers):
        for place in PLACES.values():
            for text in TEXTS.values():
                received = await exchange(door.port, place(text, callers))
                assert received.startswith(b"HTTP/1.1 ")
                assert b"\x1b" not in received
        await _is_sound(door, len(PLACES) * len(TEXTS))


@pytest.mark.req("H-150", "S-115", "S-58")
async def test_no_provider_writes_a_line_of_the_log_or_the_audit_log(tmp_path: Path) -> None:
    async with provider() as up, _talkative(tmp_path, up) as (door, callers):
        for text in TEXTS.values():
            for script in _scripts(text):
                up.script = script
                for is_stream in (False, True):
                    body = json.dumps(ask(stream=is_stream)).encode()
                    received = await exchange(
                        door.port, request(body, (bearer(callers.good), JSON))
                    )
                    assert b"\x1b" not in received
        await _is_sound(door, len(TEXTS) * 4 * 2)


def _scripts(text: str) -> list[Script]:
    """Where a provider's own words could go: an error, its status line, a header, a stream."""
    error = {"error": {"message": text, "type": text, "code": text, "param": text}}
    raw = text.encode()
    return [
        _says(json_response(error, "400 Bad Request")),
        _says(json_response(error, "500 Broken")),
        _says(b"HTTP/1.1 500 %b\r\nx-%b: %b\r\nretry-after: %b\r\n\r\n" % (raw, raw, raw, raw)),
        _says(STREAM + chunk(sse(error)) + b"0\r\n\r\n"),
    ]


def _says(raw: bytes) -> Script:
    async def script(_: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        writer.close()

    return script


def _talkative(
    directory: Path, up: Provider
) -> AbstractAsyncContextManager[tuple[Gateway, Callers]]:
    return besieged(directory, up.url, '\n[log]\nlevel = "debug"\n')


async def _is_sound(door: Gateway, calls: int) -> None:
    """One line of printable ASCII for each thing that happened, and no more of them than there were calls."""

    async def are_recorded() -> bool:
        return len(door.calls()) >= calls

    await until(are_recorded, "every call has its record")
    door.stop()
    greeting, *lines = (door.directory / "log").read_bytes().splitlines()
    lines += [line.encode() for line in door.audit_lines()]
    assert greeting.startswith(b"Tollhouse ")
    assert all(byte < 0x7F for line in lines for byte in line)
    events = [json.loads(line) for line in lines]
    assert len(door.calls()) == calls < len(events)
    assert MARK.encode() not in b"".join(lines)
    await door.audit_is_whole()
