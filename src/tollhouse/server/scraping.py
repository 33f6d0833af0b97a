"""`/metrics`, on a listener of its own and in a thread of its own, so that a scrape holds up nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DEADLINE_S = 10


@contextmanager
def scraped(host: str, port: int, expose: Callable[[], bytes], content_type: str) -> Iterator[int]:
    """Serve what `expose` says while the block runs; yields the port. Raises OSError."""
    server = ThreadingHTTPServer((host, port), _handler(expose, content_type))
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(expose: Callable[[], bytes], content_type: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = DEADLINE_S
        server_version = ""
        sys_version = ""

        def do_GET(self) -> None:
            if self.path != "/metrics":
                self.send_error(404)
                return
            body = expose()
            self.send_response(200)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Scrapes are not news."""

    return Handler
