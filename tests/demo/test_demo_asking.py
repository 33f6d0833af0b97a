from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from tollhouse.demo.asking import Door
from tollhouse.demo.failing import DemoFailed
from tollhouse.demo.screen import Screen

PIECE = b'data: {"choices": [{"delta": {"content": "%b"}}]}\n\n'
USAGE = b'data: {"choices": [], "usage": {"prompt_tokens": 1}}\n\n'
END = b"data: [DONE]\n\n"


def test_an_answer_comes_in_pieces() -> None:
    with answering(200, PIECE % b"Good ", b": a comment\n\n", PIECE % b"day", USAGE, END) as door:
        assert list(door.ask("k", "m", "q")) == ["Good ", "day"]


def test_an_answer_without_its_end_broke_off() -> None:
    with answering(200, PIECE % b"Good ") as door, pytest.raises(DemoFailed, match="broke off"):
        list(door.ask("k", "m", "q"))


def test_an_error_within_the_stream_is_passed_on() -> None:
    with (
        answering(200, PIECE % b"Good ", b'data: {"error": {"message": "too hot"}}\n\n') as door,
        pytest.raises(DemoFailed, match="too hot"),
    ):
        list(door.ask("k", "m", "q"))


def test_a_refusal_is_passed_on_in_its_own_words() -> None:
    with (
        answering(402, b'{"error": {"message": "no money"}}') as door,
        pytest.raises(DemoFailed, match="said 402: no money"),
    ):
        list(door.ask("k", "m", "q"))


def test_nobody_there_is_no_traceback() -> None:
    with answering(200) as door:
        pass

    with pytest.raises(DemoFailed, match="did not come"):
        list(door.ask("k", "m", "q"))


def test_what_a_model_says_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    heard = Screen().said(["a\x1b[2J", "[bold]b[/bold]"])

    assert heard == "a\x1b[2J[bold]b[/bold]"
    assert capsys.readouterr().out == "  a?[2J[bold]b[/bold]\n"


@contextmanager
def answering(status: int, *chunks: bytes) -> Iterator[Door]:
    """A server that gives everybody the same answer."""

    class Same(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"".join(chunks))

        def log_message(self, *words: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Same) as server:
        serving = Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield Door("127.0.0.1", server.server_port)
        finally:
            server.shutdown()
            serving.join()
