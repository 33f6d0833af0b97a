"""Asks the gateway over HTTP as any client does: nothing here knows that it is ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any

from tollhouse.demo.failing import DemoFailed

PATIENCE_S = 120.0
QUICK_S = 2.0
DATA = b"data:"
END = b"[DONE]"
STEADY = {"temperature": 0, "max_tokens": 100}  # a small model wanders off when left to chance


class Door:
    """Where the gateway listens."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self.port = port

    @property
    def origin(self) -> str:
        return f"http://{self._host}:{self.port}"

    def is_ready(self) -> bool:
        return self._status("/health/ready", {}) == 200

    def knows(self, key: str) -> bool:
        return self._status("/v1/models", _bearer(key)) == 200

    def ask(self, key: str, model: str, question: str) -> Iterator[str]:
        """The answer, piece by piece as it comes. Raises DemoFailed when it does not come whole."""
        messages = [{"role": "user", "content": question}]
        body = json.dumps({"model": model, "messages": messages, "stream": True, **STEADY})
        headers = {"content-type": "application/json", **_bearer(key)}
        with closing(HTTPConnection(self._host, self.port, timeout=PATIENCE_S)) as connection:
            try:
                connection.request("POST", "/v1/chat/completions", body, headers)
                yield from _pieces(connection.getresponse())
            except (OSError, HTTPException) as broken:
                raise DemoFailed(f"The answer did not come: {broken!r}.") from broken

    def _status(self, path: str, headers: dict[str, str]) -> int | None:
        with closing(HTTPConnection(self._host, self.port, timeout=QUICK_S)) as connection:
            try:
                connection.request("GET", path, headers=headers)
                return connection.getresponse().status
            except (OSError, HTTPException):
                return None


def _bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def _pieces(response: HTTPResponse) -> Iterator[str]:
    if response.status != 200:
        raise DemoFailed(f"The gateway said {response.status}: {_reason(response.read())}")
    for line in response:
        if not line.startswith(DATA):
            continue
        event = line.removeprefix(DATA).strip()
        if event == END:
            return
        yield from _said(json.loads(event))
    raise DemoFailed("The answer broke off.")


def _said(event: dict[str, Any]) -> Iterator[str]:
    if "error" in event:
        raise DemoFailed(f"The answer broke off: {event['error'].get('message')}")
    for choice in event["choices"]:
        if text := choice["delta"].get("content"):
            yield text


def _reason(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return body[:200].decode("utf-8", "replace")
