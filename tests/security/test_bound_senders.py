"""Keys and tokens whose bearer has to show or prove something beside them, at the served door."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from journeys.gateway import MODEL, Gateway, ask, furnish, prepared, until
from journeys.provider import Provider
from proving import Holder
from security.wire import CHAT, JSON, Got, recorded, refused_in_dialect, request, send
from tollhouse.control import key_rights
from tollhouse.control.keys import Issued

pytestmark = pytest.mark.req("B-21", "P-37")

BODY = json.dumps(ask()).encode()
ME = Holder()
URL = "https://gate.example.com" + CHAT
HOST = "gate.example.com"


@pytest.fixture(scope="module")
async def bound(
    up: Provider, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Gateway, Issued]]:
    door = prepared(
        tmp_path_factory.mktemp("senders"), up.url, server='hosts = ["gate.example.com"]'
    )
    await furnish(door, 10**12)
    key = await door.new_key(models=(MODEL,))
    await door.on_store(lambda store: key_rights.constrain(store, key.id, None, ME.thumbprint))
    async with door.serving():
        yield door, key


@pytest.mark.parametrize("scheme", ["Bearer", "DPoP", "dpop"])
async def test_a_key_with_its_proof_is_taken_and_the_same_proof_is_not_again(
    bound: tuple[Gateway, Issued], up: Provider, scheme: str
) -> None:
    door, key = bound
    proof, before = _proof(key), len(up.asked)

    first = await _ask(door, f"{scheme} {key.key}", ("dpop", proof))
    again = await _ask(door, f"{scheme} {key.key}", ("dpop", proof))

    assert first.status == 200
    refused_in_dialect(again, "proof_invalid")
    assert len(up.asked) == before + 1


async def test_a_stolen_key_without_its_proof_is_refused_and_says_what_it_would_take(
    bound: tuple[Gateway, Issued], up: Provider
) -> None:
    (door, key), before = bound, len(up.asked)
    request_id = f"stolen-{uuid4().hex}"

    got = await _ask(door, f"Bearer {key.key}", ("x-request-id", request_id))

    refused_in_dialect(got, "proof_missing")
    assert got.headers["www-authenticate"].startswith("DPoP ")
    record = await recorded(door, request_id)
    assert (record["key"], record["code"]) == (key.id, "proof_missing")
    assert len(up.asked) == before


async def test_two_proofs_or_one_of_a_thief_or_for_another_path_are_refused_alike(
    bound: tuple[Gateway, Issued], up: Provider
) -> None:
    (door, key), before = bound, len(up.asked)
    thief = Holder(number=8)
    wrong = (
        (("dpop", _proof(key)), ("dpop", _proof(key))),
        (("dpop", thief.proof(key.key, URL, time.time())),),
        (("dpop", ME.proof(key.key, URL + "x", time.time())),),
    )

    told = [await _ask(door, f"DPoP {key.key}", *lines) for lines in wrong]

    for got in told:
        refused_in_dialect(got, "proof_invalid")
        assert (
            got.headers["www-authenticate"] == 'DPoP realm="tollhouse", error="invalid_dpop_proof"'
        )
    assert len(up.asked) == before


async def test_a_key_that_is_bound_to_none_is_not_shown_as_one_that_is(
    bound: tuple[Gateway, Issued],
) -> None:
    door, _ = bound

    got = await _ask(door, f"DPoP {door.key}", ("dpop", ME.proof(door.key, URL, time.time())))

    refused_in_dialect(got, "proof_invalid")


async def test_a_key_that_is_bound_to_a_certificate_is_refused_without_one(
    bound: tuple[Gateway, Issued], up: Provider
) -> None:
    door, _ = bound
    key = await door.new_key(models=(MODEL,))
    await door.on_store(lambda store: key_rights.constrain(store, key.id, ["ab" * 32]))
    before = len(up.asked)

    async def is_known() -> bool:
        return (await _ask(door, f"Bearer {key.key}")).code == "certificate_foreign"

    await until(is_known, "the key is bound")

    assert len(up.asked) == before


def _proof(key: Issued) -> str:
    return ME.proof(key.key, URL, time.time(), jti=uuid4().hex)


async def _ask(door: Gateway, authorization: str, *lines: tuple[str, str]) -> Got:
    headers = (("authorization", authorization), JSON, *lines)
    return await send(door.port, request(BODY, headers, host=HOST))
