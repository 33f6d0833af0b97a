"""Batches at a house whose provider is a fake: what it says, and a house where one runs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from fakes import FakeAnswer
from pipeline.houses import BODY, NOW_NS, World
from pipeline.shelved import CHAT, KEPT, Keeper, form, served, shelved
from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.domain.batches import Batch
from tollhouse.domain.errors import (
    StoreUnavailable,
)
from tollhouse.domain.models import Ask
from tollhouse.domain.pricing import Price
from tollhouse.pipeline.upload import upload
from tollhouse.storage import batches
from tollhouse.storage.sqlite import SqliteDatabase

BATCH = "batch_" + "ab" * 16
NOW_MS = NOW_NS // 1_000_000
PRICE = Price(1, "first", 10**6, 2 * 10**6, 0, 0)
HELD = 1_000_000
SHOWN = json.dumps({"id": BATCH, "endpoint": CHAT, "metadata": {"for": "tests"}, "status": "odd"})
BEGUN = FakeAnswer(200, [b'{"id":"batch_known","status":"validating"}'])
ANSWERED = {"prompt_tokens": 11, "completion_tokens": 5}


def told(status: str = "in_progress", **members: Any) -> FakeAnswer:
    said = {"id": "known", "status": status, **members}
    return FakeAnswer(200, [json.dumps(said).encode()])


def results(*usages: Any) -> FakeAnswer:
    lines = [
        {"custom_id": "a", "response": {"status_code": 200, "body": {"usage": usage}}}
        for usage in usages
    ]
    return FakeAnswer(200, [json.dumps(line).encode() + b"\n" for line in lines])


def line(name: str = "a", url: str = CHAT, **members: Any) -> dict[str, Any]:
    return {"custom_id": name, "method": "POST", "url": url, "body": {**BODY, **members}}


def lines(*each: dict[str, Any]) -> bytes:
    return b"\n".join(json.dumps(one).encode() for one in each)


class AwayAtFirst:
    """A database that is there again after it was asked once."""

    def __init__(self, store: SqliteDatabase) -> None:
        self.write = store.write
        self._store = store
        self._was_asked = False

    async def read(self, sql: str, *values: Any) -> Any:
        if not self._was_asked:
            self._was_asked = True
            raise StoreUnavailable
        return await self._store.read(sql, *values)


class Lasting(OpenAIChat):
    """Has a way to ask that a prompt be kept for long."""

    def peek(self, body: Any) -> Ask:
        return replace(super().peek(body), may_keep_long=b"keep" in body)


class Broken(Keeper):
    def errand(self, errand: Any) -> Any:
        raise RuntimeError("nobody thought of this")


def strict(store: SqliteDatabase, *answers: FakeAnswer) -> tuple[World, Keeper]:
    """One that takes three short lines."""
    world, keeper = shelved(store, *answers)
    endpoints = {**world.shelves.endpoints, "/v1/completions": world.shelves.endpoints[CHAT]}
    world.shelves = replace(world.shelves, endpoints=endpoints, most_lines=3, most_line_bytes=1000)
    return world, keeper


async def with_input(
    store: SqliteDatabase, *answers: FakeAnswer, purpose: str = "batch"
) -> tuple[World, Keeper]:
    """The file is there already, and is named in `wish`."""
    world, keeper = shelved(store, KEPT, *answers)
    await served(upload, world, form(lines(line("a"), line("b")), purpose=purpose))
    return world, keeper


def wish(endpoint: str = CHAT) -> bytes:
    return json.dumps(
        {
            "input_file_id": "file-call-1",
            "endpoint": endpoint,
            "completion_window": "24h",
            "metadata": {"for": "x"},
        }
    ).encode()


def open_batch(price: Price | None = PRICE) -> Batch:
    return Batch(
        *(BATCH, "acme/default", "first", "known", "call-9", "file-1", "m", "first:m-real"),
        HELD,
        price,
        SHOWN,
        NOW_MS - 5000,
        NOW_MS - 2000,
    )


async def running(
    store: SqliteDatabase, *answers: FakeAnswer, price: Price | None = PRICE, **members: Any
) -> tuple[World, Keeper]:
    world, keeper = shelved(store, *answers)
    await batches.add(store, replace(open_batch(price), **members))
    return world, keeper
