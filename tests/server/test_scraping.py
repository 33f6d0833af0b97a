"""Figures have a listener of their own, which knows one path."""

from __future__ import annotations

import http.client
import socket
import threading

import pytest

from tollhouse.server.scraping import scraped

HOST = "127.0.0.1"


def test_figures_are_told_as_long_as_the_block_runs() -> None:
    with scraped(HOST, 0, lambda: b"figures 1\n", "text/plain") as port:
        told = _get(port, "/metrics")

    assert told == (200, "text/plain", "10", b"figures 1\n")
    with pytest.raises(ConnectionError), socket.create_connection((HOST, port)):
        pass
    assert not [it for it in threading.enumerate() if it.name == "metrics"]


@pytest.mark.req("S-117")
@pytest.mark.parametrize("path", ["/", "/metrics/", "/v1/models"])
def test_there_is_nothing_else(path: str) -> None:
    def expose() -> bytes:
        raise AssertionError

    with scraped(HOST, 0, expose, "text/plain") as port:
        assert _get(port, path)[0] == 404


def _get(port: int, path: str) -> tuple[int, str | None, str | None, bytes]:
    caller = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        caller.request("GET", path)
        answer = caller.getresponse()
        kind, size = answer.getheader("content-type"), answer.getheader("content-length")
        return answer.status, kind, size, answer.read()
    finally:
        caller.close()
