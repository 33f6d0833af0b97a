"""Requests that ask no model count where their route is limited, and go nowhere when they are too many."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from journeys.gateway import ask, gateway
from journeys.shelf import Shelf
from journeys.shelves import kept

ONCE = "[limits_for.route]\nrequests_per_day = 1\n"
LINE = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": ask()}


@pytest.mark.req("OP-21", "P-31", "OT-50", "OT-51", "S-60")
async def test_of_each_request_that_asks_no_model_the_second_is_one_too_many(
    tmp_path: Path, shelf: Shelf
) -> None:
    async with (
        gateway(tmp_path, shelf.url, up="keeps_files = true", store=ONCE) as door,
        aiohttp.ClientSession(
            door.origin, headers={"authorization": f"Bearer {door.key}"}
        ) as session,
    ):
        first, second = [await kept(door, shelf) for _ in range(2)]
        told: dict[str, list[tuple[int, str]]] = {}

        async def twice(method: str, path: str, body: Any = None, again: str = "") -> Any:
            came = await _asked(session, method, path, body)
            before = len(shelf.asked)
            refused = await _asked(session, method, again or path, body)
            assert len(shelf.asked) == before, path
            told[f"{method} {path}"] = [(came[0], ""), (refused[0], refused[1]["error"]["code"])]
            return came[1]

        sent = await twice("POST", "/v1/files", "form")
        batch = {"input_file_id": sent["id"], "endpoint": LINE["url"], "completion_window": "24h"}
        begun = await twice("POST", "/v1/batches", batch)
        await twice("GET", "/v1/files")
        await twice("GET", f"/v1/files/{first}")
        await twice("GET", f"/v1/files/{first}/content")
        await twice("DELETE", f"/v1/files/{first}", again=f"/v1/files/{second}")
        await twice("GET", "/v1/batches")
        await twice("GET", f"/v1/batches/{begun['id']}")
        await twice("POST", f"/v1/batches/{begun['id']}/cancel")
        await twice("GET", "/v1/models")
        await twice("POST", "/v1/messages/count_tokens", ask())
        door.stop()

        assert set(map(str, told.values())) == {str([(200, ""), (429, "rate_limited")])}, told
        assert len(door.calls()) == 2 * len(told)


async def _asked(
    session: aiohttp.ClientSession, method: str, path: str, body: Any
) -> tuple[int, Any]:
    how: dict[str, Any] = {}
    if body == "form":
        form = aiohttp.FormData({"purpose": "batch"})
        form.add_field("file", json.dumps(LINE).encode(), filename="in.jsonl")
        how["data"] = form
    elif body is not None:
        how["json"] = body
    async with session.request(method, path, **how) as reply:
        said = await reply.read()
        return reply.status, json.loads(said) if said.startswith(b"{") else {}
