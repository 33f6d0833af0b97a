"""The few paths that anybody may ask, which tell nothing about the house but that it lives."""

from __future__ import annotations

from collections.abc import Callable

from tollhouse.ports import Reply

JSON, TEXT = b"application/json", b"text/plain; charset=utf-8"
READ = frozenset({"GET", "HEAD"})
OPEN = ("/", "/api/hello", "/api/version", "/health", "/health/live", "/health/ready")


class Health:
    """`version` is what Ollama's clients compare with the least they need.

    `is_ready` is false while the store cannot be reached, and while the gateway drains.
    """

    def __init__(self, version: str, is_ready: Callable[[], bool]) -> None:
        self._is_ready = is_ready
        self._fixed = {
            "/": b"Ollama is running",  # what its clients look for to know that they are right
            "/api/hello": b"{}",
            "/api/version": b'{"version":"%b"}' % version.encode(),
            "/health": b'{"status":"ok"}',
            "/health/live": b'{"status":"ok"}',
        }

    async def answers(self, method: str, path: str, reply: Reply) -> bool:
        if method not in READ:
            return False
        if path == "/health/ready":
            is_ready = self._is_ready()
            await _send(
                reply,
                200 if is_ready else 503,
                b'{"status":"ready"}' if is_ready else b'{"status":"not ready"}',
            )
            return True
        body = self._fixed.get(path)
        if body is None:
            return False
        await _send(reply, 200, body, TEXT if path == "/" else JSON)
        return True


async def _send(reply: Reply, status: int, body: bytes, media_type: bytes = JSON) -> None:
    length = (b"content-length", b"%d" % len(body))
    await reply.start(status, ((b"content-type", media_type), length))
    await reply.end(body)
