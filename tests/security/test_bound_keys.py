"""Keys that are bound, at the served door: from where they are used, and what for."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from journeys.gateway import MODEL, Gateway, ask, furnish, prepared, until
from journeys.provider import Provider
from security.wire import CHAT, JSON, Got, bearer, recorded, refused_in_dialect, request, send
from tollhouse.control import key_rights, keys
from tollhouse.domain.hours import DAYS
from tollhouse.storage.keys import KeyRow

pytestmark = pytest.mark.req("B-21")

BODY = json.dumps(ask()).encode()
EMBED = json.dumps({"model": MODEL, "input": "hello"}).encode()


@pytest.fixture(scope="module")
async def proxied(up: Provider, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """Behind a proxy on this machine, which says who calls."""
    door = prepared(
        tmp_path_factory.mktemp("bound"), up.url, server='trusted_proxies = ["127.0.0.1/32"]'
    )
    await furnish(door, 10**12)
    async with door.serving():
        yield door


@pytest.mark.parametrize("caller", ["10.1.2.3", "::ffff:10.1.2.3", "203.0.113.9, 10.1.2.3"])
async def test_a_key_is_taken_from_its_networks(proxied: Gateway, caller: str) -> None:
    key = await _key(proxied, networks=("10.0.0.0/8",))

    got = await _ask(proxied, key.key, caller)

    assert got.status == 200


@pytest.mark.parametrize("caller", ["11.1.2.3", "::1", "10.1.2.3, 203.0.113.9", "", "nonsense"])
async def test_a_stolen_key_is_refused_from_elsewhere_before_anything_is_done(
    proxied: Gateway, up: Provider, caller: str
) -> None:
    key, before = await _key(proxied, networks=("10.0.0.0/8",)), len(up.asked)
    request_id = f"elsewhere-{key.id}"

    got = await _ask(proxied, key.key, caller, ("x-request-id", request_id))

    refused_in_dialect(got, "network_not_allowed")
    record = await recorded(proxied, request_id)
    assert (record["key"], record["code"]) == (key.id, "network_not_allowed")
    assert (record["held_nanos"], len(up.asked)) == (0, before)


async def test_whom_the_proxy_does_not_name_is_the_proxy_itself(proxied: Gateway) -> None:
    key = await _key(proxied, networks=("127.0.0.0/8",))

    got = await send(proxied.port, request(BODY, (bearer(key.key), JSON)))

    assert got.status == 200


@pytest.mark.parametrize(
    ("purpose", "target", "body", "is_taken"),
    [
        ("embeddings", "/v1/embeddings", EMBED, True),
        ("embeddings", CHAT, BODY, False),
        ("chat", CHAT, BODY, True),
        ("chat", "/v1/embeddings", EMBED, False),
        ("route:responses", CHAT, BODY, False),
    ],
)
async def test_a_key_does_what_it_is_for_and_nothing_else(
    proxied: Gateway, up: Provider, purpose: str, target: str, body: bytes, is_taken: bool
) -> None:
    key, before = await _key(proxied, purposes=(purpose,)), len(up.asked)
    request_id = f"purpose-{key.id}"
    lines = (bearer(key.key), JSON, ("x-request-id", request_id))

    got = await send(proxied.port, request(body, lines, target=target))

    record = await recorded(proxied, request_id)
    if not is_taken:
        refused_in_dialect(got, "purpose_not_allowed")
    assert (record["code"] == "purpose_not_allowed", record["key"]) == (not is_taken, key.id)
    assert len(up.asked) == before + is_taken


@pytest.mark.parametrize(("method", "is_taken"), [("GET", True), ("POST", False)])
async def test_a_key_that_only_reads_the_list_of_models_calls_none(
    proxied: Gateway, method: str, is_taken: bool
) -> None:
    key = await _key(proxied, purposes=("models",))
    target, body = ("/v1/models", b"") if method == "GET" else (CHAT, BODY)

    got = await send(
        proxied.port, request(body, (bearer(key.key), JSON), method=method, target=target)
    )

    assert (got.status == 200) is is_taken


async def test_outside_its_hours_a_key_is_refused_and_nothing_is_done(
    proxied: Gateway, up: Provider
) -> None:
    """The day before yesterday is never today, whatever hour it is."""
    key = await _key(proxied)
    other_day = DAYS[(datetime.now(UTC).weekday() - 2) % 7]
    confined = key_rights.confine
    await proxied.on_store(lambda store: confined(store, key.id, hours=f"{other_day} UTC"))

    async def is_out() -> bool:
        return (await _ask(proxied, key.key, "10.1.2.3")).status == 403

    await until(is_out, "it is bound")
    before, request_id = len(up.asked), f"late-{key.id}"
    got = await _ask(proxied, key.key, "10.1.2.3", ("x-request-id", request_id))

    refused_in_dialect(got, "hours_not_allowed")
    record = await recorded(proxied, request_id)
    assert (record["key"], record["code"]) == (key.id, "hours_not_allowed")
    assert (record["held_nanos"], len(up.asked)) == (0, before)
    await proxied.on_store(lambda store: confined(store, key.id, hours=""))

    async def is_in() -> bool:
        return (await _ask(proxied, key.key, "10.1.2.3")).status == 200

    await until(is_in, "the bound is taken away")


async def test_what_is_said_of_a_key_holds_within_a_second_and_is_taken_back(
    proxied: Gateway,
) -> None:
    key = await _key(proxied)
    said = []
    for networks, status in (["192.0.2.0/24"], 403), ([], 200):
        row = await _confine(proxied, key.id, networks)
        said.append(row.networks)
        await _becomes(proxied, key.key, status)

    assert said == [("192.0.2.0/24",), ()]


async def _key(door: Gateway, **wish: Any) -> keys.Issued:
    issued = await door.new_key(models=(MODEL,), **wish)
    await _is_known(door, issued.key)
    return issued


async def _is_known(door: Gateway, key: str) -> None:
    """Whatever it may; a list of models is asked of nobody else."""

    async def is_known() -> bool:
        raw = request(b"", (bearer(key),), method="GET", target="/v1/models")
        return (await send(door.port, raw)).status != 401

    await until(is_known, "a new key is known")


async def _ask(door: Gateway, key: str, caller: str, *lines: tuple[str, str]) -> Got:
    headers = (bearer(key), JSON, ("x-forwarded-for", caller), *lines)
    return await send(door.port, request(BODY, headers))


async def _confine(door: Gateway, key: str, networks: list[str]) -> KeyRow:
    return await door.on_store(lambda store: key_rights.confine(store, key, networks))


async def _becomes(door: Gateway, key: str, status: int) -> None:
    async def has_become() -> bool:
        return (await _ask(door, key, "203.0.113.5")).status == status

    await until(has_become, f"a key is answered with {status}")
