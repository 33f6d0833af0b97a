"""The admin listener: its own address, its own credentials, one path, and a record of each request."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from journeys.gateway import Gateway, free_port, gateway, now_ms, until
from security.wire import Got, Lines, bearer, request, send
from tollhouse.control import admin_tokens, peppers
from tollhouse.domain.admin_tokens import Claims
from tollhouse.wiring import Store

pytestmark = pytest.mark.req("S-52", "B-23", "CN-22")


@dataclass
class Plane:
    gateway: Gateway
    port: int

    async def token(self, *, ago_s: int = 0) -> str:
        async def mint(store: Store) -> str:
            known = await peppers.opened(self.gateway.settings, store)
            minted_ms = now_ms() - ago_s * 1000
            minted = await admin_tokens.mint(store, known, Claims(), 900, "host:test", minted_ms)
            return minted.token

        return await self.gateway.on_store(mint)

    async def get(self, headers: Lines, target: str = "/openapi.json", **more: str) -> Got:
        return await send(self.port, request(headers=headers, method="GET", target=target, **more))


@pytest.fixture(scope="module")
async def plane(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Plane]:
    port = free_port()
    directory = tmp_path_factory.mktemp("admin")
    lines = f'[admin]\nlisten = "127.0.0.1:{port}"\n'
    async with gateway(directory, "http://127.0.0.1:1/v1", settings=lines) as it:
        yield Plane(it, port)


async def test_the_document_is_served_to_who_bears_a_token(plane: Plane) -> None:
    got = await plane.get([bearer(await plane.token())])

    assert (got.status, got.headers["content-type"]) == (200, "application/json")
    assert got.json["openapi"] == "3.1.0"
    assert "/v1/chat/completions" in got.json["paths"]


async def test_what_the_command_mints_is_good_and_printed_alone(plane: Plane) -> None:
    words = ["-m", "tollhouse", "--config", str(plane.gateway.config), "admin", "token"]
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        *words,
        env=plane.gateway.environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await program.communicate()

    assert program.returncode == 0, err
    assert (await plane.get([bearer(out.decode().strip())])).status == 200


@pytest.mark.parametrize(
    "path", ["/", "/health", "/v1/models", "/docs", "/openapi.json/", "/admin"]
)
async def test_any_other_path_is_404_even_with_a_token(plane: Plane, path: str) -> None:
    got = await plane.get([bearer(await plane.token())], target=path)

    assert (got.status, got.code) == (404, "route_unknown")
    assert got.headers["content-type"] == "application/problem+json"


async def test_a_virtual_key_opens_nothing_here(plane: Plane) -> None:
    got = await plane.get([bearer(plane.gateway.key)])

    assert (got.status, got.code) == (401, "key_malformed")
    assert got.headers["content-type"] == "application/problem+json"
    assert b'"paths"' not in got.body


async def test_an_admin_token_opens_nothing_on_the_data_plane(plane: Plane) -> None:
    token = await plane.token()

    for target in ("/v1/models", "/openapi.json"):
        got = await send(
            plane.gateway.port, request(headers=[bearer(token)], method="GET", target=target)
        )
        assert got.status in (401, 404)


async def test_a_token_is_refused_after_its_time(plane: Plane) -> None:
    got = await plane.get([bearer(await plane.token(ago_s=901))])

    assert (got.status, got.code) == (401, "key_expired")


async def test_a_token_that_was_changed_is_refused(plane: Plane) -> None:
    token = await plane.token()

    got = await plane.get([bearer(token[:-1] + ("0" if token[-1] != "0" else "1"))])

    assert (got.status, got.code) == (401, "key_unknown")


async def test_without_a_token_nothing_is_told(plane: Plane) -> None:
    got = await plane.get([])

    assert (got.status, got.code) == (401, "key_missing")


@pytest.mark.req("B-10")
async def test_another_host_is_refused_here_too(plane: Plane) -> None:
    got = await plane.get([bearer(await plane.token())], host="rebound.example")

    assert (got.status, got.code) == (421, "host_not_allowed")


async def test_each_request_is_recorded_with_the_token_by_its_id_alone(plane: Plane) -> None:
    token = await plane.token()

    got = await plane.get([bearer(token), ("x-request-id", "look-at-me")])

    async def is_recorded() -> bool:
        return any(each["request_id"] == "look-at-me" for each in plane.gateway.calls())

    await until(is_recorded, "the request is recorded")
    (record,) = [each for each in plane.gateway.calls() if each["request_id"] == "look-at-me"]
    assert got.status == record["status"] == 200
    assert (record["route"], record["key"]) == ("description", token.split("_")[2])
    assert token not in json.dumps(plane.gateway.audit_lines()) + plane.gateway.log()


async def test_several_workers_have_one_admin_listener(tmp_path: Path) -> None:
    port = free_port()
    lines = f'[admin]\nlisten = "127.0.0.1:{port}"\n'
    async with gateway(
        tmp_path, "http://127.0.0.1:1/v1", settings=lines, server="workers = 2"
    ) as it:
        plane = Plane(it, port)

        async def is_served() -> bool:
            try:
                return (await plane.get([bearer(await plane.token())])).status == 200
            except ConnectionError:
                return False

        await until(is_served, "the admin listener answers")
