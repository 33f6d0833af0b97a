"""Tollhouse as a program, with its sockets watched and its resolver scripted.

Each connection, look-up and datagram that the process asks for is a line in the file WATCHED_EVENTS.
What names lead to stands in the file WATCHED_NAMES, which a test may change at any time. The event
loop is asyncio's own, whose calls all pass through the socket module and so raise audit events.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import uvloop

SEEN = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.gethostbyname")


def main() -> None:
    events = os.open(os.environ["WATCHED_EVENTS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    names = Path(os.environ["WATCHED_NAMES"])

    def note(*what: object) -> None:
        os.write(events, json.dumps([str(each) for each in what]).encode() + b"\n")

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if event in SEEN:
            note(event, *args[-1] if isinstance(args[-1], tuple) else args[-1:])

    def look_up(host: str, port: int, *_: object, **__: object) -> list[object]:
        note("resolved", host)
        known = json.loads(names.read_text())
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "no such name in the script")
        return [
            (
                socket.AF_INET6 if ":" in it else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (it, port),
            )
            for it in known[host]
        ]

    sys.addaudithook(watch)
    socket.getaddrinfo = look_up  # type: ignore[assignment]
    uvloop.run = asyncio.run
    from tollhouse.cli import main as program

    program()


if __name__ == "__main__":
    main()
