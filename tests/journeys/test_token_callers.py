"""Callers by tokens of an identity provider: answered, paid for and written down as any other."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from issuing import AUDIENCE, ISSUER, TestIssuer, signing_key
from journeys.gateway import MODEL, Gateway, ask, furnish, now_ms, prepared, until
from journeys.provider import Provider, provider
from tollhouse.control import own_tokens, tenancy
from tollhouse.control.own_tokens import Wish
from tollhouse.wiring import issuers

RULE = f"""
[[issuers.okta.rules]]
when = {{ groups = "ml" }}
tenant = "acme"
user = "claim:sub"
models = ["{MODEL}"]
"""


OURS = """
[tokens]
secrets = { 1 = "env:SIGNING" }
"""


def settings(keys: str, rules: str = RULE) -> str:
    return f"""
[issuers.okta]
issuer = "{ISSUER}"
audiences = ["{AUDIENCE}"]
{keys}
{rules}
"""


@pytest.mark.req("P-21", "P-2", "OP-1")
async def test_who_bears_a_good_token_is_answered_and_his_own_accounts_pay(
    door: Gateway, issuer: TestIssuer, up: Provider
) -> None:
    status, _ = await asked(door, issuer.token())

    assert status == 200
    spent = dict(await _spent(door))
    assert {owner: spent[owner] > 0 for owner in spent} == {
        "issuer:okta": True,
        "project:acme/default": True,
        "tenant:acme": True,
        "user:acme/anna": True,
    }
    await door.is_consistent()


@pytest.mark.req("P-21", "OC-10")
async def test_the_record_says_who_it_was_how_that_was_proved_and_until_when(
    door: Gateway, issuer: TestIssuer
) -> None:
    until = int(time.time()) + 300

    await asked(door, issuer.token(exp=until))

    record = await record_of(door)
    assert (record["tenant"], record["project"], record["user"]) == (
        "acme",
        "acme/default",
        "acme/anna",
    )
    assert record["key"].startswith("okta:")
    assert record["proof"] == "token:okta"
    assert record["proved_until"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(until))


@pytest.mark.req("OP-2", "OP-1")
async def test_a_token_of_our_own_calls_what_it_lists_and_its_record_says_so(
    door: Gateway,
) -> None:
    async def issued(*models: str) -> str:
        keys = issuers.own_keys_of(door.settings)
        assert keys is not None
        wish = Wish("acme/anna", "default", models, 60)
        return await door.on_store(
            lambda store: own_tokens.issue(store, keys.token, wish, 3600, now_ms())
        )

    granted, _ = await asked(door, await issued(MODEL))
    refused, told = await asked(door, await issued())

    assert (granted, refused) == (200, 403)
    assert "[issuers" not in json.dumps(told)
    record = await record_of(door)
    assert (record["user"], record["proof"]) == ("acme/anna", "token:tollhouse")
    await door.nothing_is_held()


@pytest.mark.req("OC-3", "P-21")
async def test_a_pod_of_kubernetes_comes_in_by_the_token_of_its_service_account(
    tmp_path: Path, up: Provider
) -> None:
    """As the kubelet projects it: bound to a pod, for one audience, by the cluster's own key."""
    cluster = TestIssuer([signing_key("cluster", "RS256")], "https://kubernetes.default.svc")
    (tmp_path / "cluster.json").write_bytes(cluster.key_set)
    text = f"""
[issuers.cluster]
issuer = "{cluster.issuer}"
keys_file = "{tmp_path}/cluster.json"
audiences = ["tollhouse"]
algorithms = ["RS256"]
[[issuers.cluster.rules]]
when = {{ "/kubernetes.io/namespace" = "prod", "/kubernetes.io/serviceaccount/name" = "web" }}
tenant = "acme"
user = "web"
models = ["{MODEL}"]
"""

    def projected(namespace: str) -> str:
        about = {
            "namespace": namespace,
            "serviceaccount": {"name": "web", "uid": "6e1f2c1a"},
            "pod": {"name": "web-7c9d", "uid": "0b7a"},
            "node": {"name": "n1"},
            "warnafter": int(time.time()) + 500,
        }
        claims = {"aud": ["tollhouse"], "nbf": int(time.time()), "groups": None}
        subject = f"system:serviceaccount:{namespace}:web"
        return cluster.token(sub=subject, **claims, **{"kubernetes.io": about})

    door = prepared(tmp_path, up.url, settings=text)
    await furnish(door, 10**12)
    await door.on_store(lambda store: tenancy.create_user(store, "acme", "web", now_ms()))
    try:
        await door.start()
        status, _ = await asked(door, projected("prod"))
        other, _ = await asked(door, projected("default"))
    finally:
        while door.processes:
            door.kill()

    assert (status, other) == (200, 401)


async def asked(door: Gateway, token: str) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{door.base_url}/chat/completions",
            json=ask(),
            headers={"authorization": f"Bearer {token}"},
        ) as reply,
    ):
        return reply.status, await reply.json()


async def _spent(door: Gateway) -> list[tuple[str, int]]:
    await door.nothing_is_held()
    rows = await door.rows("SELECT owner, spent FROM accounts WHERE spent > 0")
    return [(owner, spent) for owner, spent in rows]


@pytest.fixture
def issuer() -> TestIssuer:
    return TestIssuer()


@pytest.fixture
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        yield it


@pytest.fixture
async def door(tmp_path: Path, issuer: TestIssuer, up: Provider) -> AsyncIterator[Gateway]:
    (tmp_path / "keys.json").write_bytes(issuer.key_set)
    async with knowing_anna(tmp_path, up, settings(f'keys_file = "{tmp_path}/keys.json"')) as it:
        yield it


@asynccontextmanager
async def knowing_anna(directory: Path, up: Provider, said: str) -> AsyncIterator[Gateway]:
    """She is there before it starts."""
    it = prepared(directory, up.url, settings=said + OURS)
    it.environ["SIGNING"] = "canary-of-the-signing-secret-0123"
    await furnish(it, 10**12)
    await it.on_store(lambda store: tenancy.create_user(store, "acme", "anna", now_ms()))
    async with it.serving():
        yield it


async def record_of(door: Gateway, number: int = 0) -> dict[str, Any]:
    """The record of a call, once it is written."""

    async def is_written() -> bool:
        return len(door.calls()) > number

    await until(is_written, "its record is written")
    return door.calls()[number]
