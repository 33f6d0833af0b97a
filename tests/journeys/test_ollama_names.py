"""Who sees which models by Ollama's paths, with a key, without one, and by a setting."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from journeys.gateway import MODEL, Gateway, gateway
from security.wire import JSON, Got, bearer, recorded, refused_in_dialect, request, send

NOWHERE = "http://127.0.0.1:1/v1"
OTHER = '[models."other:latest"]\ntargets = ["up:m-real"]\n'


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with gateway(tmp_path, NOWHERE, settings=OTHER) as it:
        yield it


@pytest.fixture
async def open_door(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with gateway(tmp_path, NOWHERE, settings=OTHER + "[ollama]\nopen_names = true\n") as it:
        yield it


@pytest.mark.req("R-16", "P-5")
async def test_a_key_sees_what_it_may_call_and_nothing_else(door: Gateway) -> None:
    listed = await _get(door, "/api/tags", door.key)

    assert [model["name"] for model in listed.json["models"]] == [MODEL]
    (model,) = listed.json["models"]
    assert model["model"] == MODEL
    assert len(model["digest"]) == 64
    refused_in_dialect(await _show(door, door.key, model="other"), "model_unknown", "/api/show")


@pytest.mark.req("R-16")
async def test_each_model_has_a_digest_of_its_own(open_door: Gateway) -> None:
    models = (await _get(open_door, "/api/tags")).json["models"]

    assert len({model["digest"] for model in models}) == len(models) == 2


@pytest.mark.req("R-16")
@pytest.mark.parametrize(
    "named",
    [{"model": MODEL}, {"name": MODEL}, {"model": f"{MODEL}:latest"}, {"name": MODEL, "model": ""}],
)
async def test_a_model_is_shown_by_either_member_and_either_name(
    door: Gateway, named: dict[str, str]
) -> None:
    got = await _show(door, door.key, **named)

    assert got.status == 200
    assert got.json["capabilities"][:2] == ["completion", "tools"]
    assert got.json["details"]["family"]


@pytest.mark.req("R-16")
async def test_a_name_without_the_tag_finds_the_one_with_it(open_door: Gateway) -> None:
    assert (await _show(open_door, model="other")).status == 200


@pytest.mark.req("R-3", "P-2")
async def test_names_are_told_to_strangers_by_a_setting_only(door: Gateway) -> None:
    refused_in_dialect(await _get(door, "/api/tags"), "key_missing", "/api/tags")
    refused_in_dialect(await _show(door, model=MODEL), "key_missing", "/api/show")


@pytest.mark.req("R-3")
async def test_open_names_need_no_key_and_leave_their_record(open_door: Gateway) -> None:
    listed = await _get(open_door, "/api/tags")
    shown = await _show(open_door, name=MODEL)

    assert {model["name"] for model in listed.json["models"]} == {MODEL, "other:latest"}
    assert shown.status == 200
    record = await recorded(open_door, listed.headers["x-request-id"])
    assert (record["route"], record["key"], record["status"]) == ("ollama_tags", "anonymous", 200)


@pytest.mark.req("R-3", "P-2")
async def test_open_names_are_no_way_around_a_key_that_is_wrong(open_door: Gateway) -> None:
    refused_in_dialect(
        await _get(open_door, "/api/tags", "thk_nonsense"), "key_malformed", "/api/tags"
    )


@pytest.mark.req("R-3", "P-2")
@pytest.mark.parametrize("path", ["/api/chat", "/api/generate", "/api/ps", "/api/pull"])
async def test_open_names_open_nothing_else(open_door: Gateway, path: str) -> None:
    method = "GET" if path == "/api/ps" else "POST"

    got = await send(open_door.port, request(b"{}", (JSON,), method=method, target=path))

    refused_in_dialect(got, "key_missing", path)


@pytest.mark.req("R-2")
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/v1/chat/completions"), ("GET", "/api/v1/models"), ("POST", "/api/chat")],
)
async def test_the_longer_way_to_openais_paths_is_none_of_ollamas(
    door: Gateway, method: str, path: str
) -> None:
    got = await send(door.port, request(b"{}", (JSON,), method=method, target=path))

    refused_in_dialect(got, "key_missing", path)


@pytest.mark.req("OL-33")
@pytest.mark.parametrize("path", ["/api/tags", "/api/ps"])
async def test_a_head_is_the_head_of_the_list(door: Gateway, path: str) -> None:
    whole = await _get(door, path, door.key)

    head = await send(door.port, request(headers=(bearer(door.key),), method="HEAD", target=path))

    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"]


@pytest.mark.req("OL-34")
async def test_the_version_is_the_one_that_is_set(tmp_path: Path) -> None:
    lines = '[ollama]\nversion = "1.2.3-rc1"\n'
    async with gateway(tmp_path, NOWHERE, settings=lines) as door:
        assert (await _get(door, "/api/version")).json == {"version": "1.2.3-rc1"}


async def _get(door: Gateway, path: str, key: str | None = None) -> Got:
    headers = (bearer(key),) if key else ()
    return await send(door.port, request(headers=headers, method="GET", target=path))


async def _show(door: Gateway, key: str | None = None, **named: Any) -> Got:
    headers = (JSON, bearer(key)) if key else (JSON,)
    body = json.dumps(named).encode()
    return await send(door.port, request(body, headers, target="/api/show"))
