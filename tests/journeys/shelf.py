"""A provider that keeps files and runs batches, as OpenAI's API has them, when a test tells it to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from aiohttp import web

CREATED = 1_800_000_000
MOST = 1024**3


@dataclass
class Shelf:
    """What is kept, by the names that it gave; and what it was asked, in order."""

    port: int = 0
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    forms: list[dict[str, Any]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    holds_back: str = ""
    """What is asked and never answered."""

    refuses: Callable[[str], web.Response | None] = lambda _: None
    _numbers: count[int] = field(default_factory=lambda: count(1))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def keep(self, content: bytes, purpose: str, name: str) -> str:
        known_as = f"file-UPSTREAM{next(self._numbers)}"
        self.contents[known_as] = content
        self.files[known_as] = {
            "id": known_as,
            "object": "file",
            "bytes": len(content),
            "created_at": CREATED,
            "filename": name,
            "purpose": purpose,
        }
        return known_as

    def run(self, known_as: str, **members: Any) -> None:
        """What a batch tells of itself from now on."""
        self.batches[known_as].update(members)

    def answer(self, known_as: str, lines: list[dict[str, Any]], *, where: str = "output") -> str:
        """Results of a batch, in a file that it names."""
        content = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        file = self.keep(content, "batch_output", f"{known_as}_{where}.jsonl")
        self.run(known_as, **{f"{where}_file_id": file})
        return file


@asynccontextmanager
async def running_shelf() -> AsyncIterator[Shelf]:
    it = Shelf()
    app = web.Application(client_max_size=MOST, middlewares=[_noted(it)])
    app.router.add_post("/v1/files", _upload(it))
    app.router.add_get("/v1/files/{id}/content", _content(it))
    app.router.add_delete("/v1/files/{id}", _delete(it))
    app.router.add_post("/v1/batches", _begin(it))
    app.router.add_get("/v1/batches/{id}", _look(it))
    app.router.add_post("/v1/batches/{id}/cancel", _cancel(it))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)  # some of them never end
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    it.port = runner.addresses[0][1]
    try:
        yield it
    finally:
        await runner.cleanup()


def _noted(it: Shelf) -> Any:
    @web.middleware
    async def note(request: web.Request, handler: Any) -> web.StreamResponse:
        asked = f"{request.method} {request.path.removeprefix('/v1')}"
        it.asked.append(asked)
        it.keys.add(request.headers.get("authorization", ""))
        if asked == it.holds_back:
            await asyncio.Event().wait()
        refusal = it.refuses(asked)
        if refusal is not None:
            return refusal
        answered: web.StreamResponse = await handler(request)
        return answered

    return note


def _upload(it: Shelf) -> Any:
    async def upload(request: web.Request) -> web.Response:
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField)
        content = file.file.read()
        plain = {name: value for name, value in form.items() if name != "file"}
        it.forms.append({**plain, "filename": file.filename})
        known_as = it.keep(content, str(form["purpose"]), file.filename)
        return web.json_response(it.files[known_as])

    return upload


def _content(it: Shelf) -> Any:
    async def content(request: web.Request) -> web.Response:
        found = it.contents.get(request.match_info["id"])
        return _missing() if found is None else web.Response(body=found, content_type="text/html")

    return content


def _delete(it: Shelf) -> Any:
    async def delete(request: web.Request) -> web.Response:
        known_as = request.match_info["id"]
        if it.files.pop(known_as, None) is None:
            return _missing()
        del it.contents[known_as]
        return web.json_response({"id": known_as, "object": "file", "deleted": True})

    return delete


def _begin(it: Shelf) -> Any:
    async def begin(request: web.Request) -> web.Response:
        asked = await request.json()
        known_as = f"batch_UPSTREAM{next(it._numbers)}"
        lines = len(it.contents[asked["input_file_id"]].splitlines())
        it.batches[known_as] = {
            "id": known_as,
            "object": "batch",
            "status": "validating",
            "created_at": CREATED,
            "expires_at": CREATED + 86_400,
            "request_counts": {"total": lines, "completed": 0, "failed": 0},
            **asked,
        }
        return web.json_response(it.batches[known_as])

    return begin


def _look(it: Shelf) -> Any:
    async def look(request: web.Request) -> web.Response:
        found = it.batches.get(request.match_info["id"])
        return _missing() if found is None else web.json_response(found)

    return look


def _cancel(it: Shelf) -> Any:
    async def cancel(request: web.Request) -> web.Response:
        found = it.batches.get(request.match_info["id"])
        if found is None:
            return _missing()
        if found["status"] in ("cancelled", "completed"):
            return web.json_response({"error": {"message": "It has ended."}}, status=409)
        found["status"] = "cancelling"
        return web.json_response(found)

    return cancel


def _missing() -> web.Response:
    error = {"message": "No such File object", "type": "invalid_request_error"}
    return web.json_response({"error": error}, status=404)
