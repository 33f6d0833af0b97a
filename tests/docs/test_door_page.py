"""The bounds that the page about the door tells are those of the door."""

from __future__ import annotations

from pathlib import Path

import pytest

from tollhouse.config.settings import Settings
from tollhouse.server import clocks, connection, request

PAGE = (Path(__file__).parents[2] / "docs" / "explanation" / "door.md").read_text("utf-8")
KIB = 1024


def row(bound: str) -> str:
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {bound} |")]
    return line


@pytest.mark.req("S-2", "B-2")
def test_the_bounds_of_a_head_are_told() -> None:
    sizes = (request.MAX_HEADER_BYTES // KIB, request.MAX_HEAD_BYTES // KIB)

    assert row("headers").split("|")[2].strip() == "{}, of {} KiB each, of {} KiB together".format(
        request.MAX_HEADERS, *sizes
    )
    assert f"{request.MAX_TARGET_BYTES // KIB} KiB" in row("path and query")


@pytest.mark.req("S-1", "S-7")
def test_the_bounds_of_framing_are_told() -> None:
    least = request.MAX_FRAMING_BYTES // KIB
    most = least + request.PIECE_BYTES // KIB
    told = row("chunk sizes, extensions, trailers, empty lines")

    assert f"{least} to {most} KiB" in told
    assert f"{request.FRAMING_PER_BODY_BYTE} bytes for each byte of body" in told
    assert f"| {connection.MOST_AHEAD} |" in row("requests ahead of their answers")


@pytest.mark.req("S-8")
def test_the_times_are_settings_and_as_long_as_they_say() -> None:
    server = Settings().server

    assert row("time").split("|")[2].strip() == "`header_s`, `body_s`, `idle_s`, `stall_s`"
    assert (server.header_s, server.body_s, server.idle_s, server.stall_s) == (10, 60, 75, 120)
    assert (clocks.GRACE_S, clocks.LEAST_BYTES_S) == (10, 1024)
