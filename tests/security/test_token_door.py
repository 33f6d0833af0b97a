"""Tokens before a served gateway that asks an identity provider for keys: by every path, and while keys change."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from issuing import AUDIENCE, ISSUER, TestIssuer, said, signing_key
from journeys.endpoints import body_of, type_of
from journeys.gateway import MODEL, Gateway, ask, furnish, now_ms, prepared, until
from journeys.oidc import DISCOVERY, KEYS, IdentityProvider, identity_provider
from journeys.provider import Provider, provider
from security.wire import CHAT, Got, Lines, bearer, refused_in_dialect, request, send
from tollhouse.control import revoking, tenancy
from tollhouse.pipeline.route import ID
from tollhouse.server.routes import route_table
from tollhouse.wiring import Store
from tollhouse.wiring.dialects import dialects

BODY = json.dumps(ask()).encode()
JSON = ("content-type", "application/json")
ROUTES = [route for route in route_table(dialects(), 1024) if route.method != "HEAD"]


def bad_tokens(issuer: TestIssuer) -> dict[str, str]:
    """One of each kind; the first letters are the same, and so is what is told."""
    key, stranger = issuer.keys[0], signing_key("k1", "ES256", number=11)
    good = issuer.token()
    stem, _, signature = good.rpartition(".")
    return {
        "unsigned": f"{stem}.",
        "no algorithm": key.token(said(iss=issuer.issuer), alg="none"),
        "a shared secret": key.token(said(iss=issuer.issuer), alg="HS256"),
        "a key of its own": stranger.token(said(iss=issuer.issuer), jwk=stranger.public),
        "a stranger's": stranger.token(said(iss=issuer.issuer)),
        "another signature": f"{stem}.{signature[::-1]}",
        "expired": issuer.token(iat=1, exp=2),
        "not yet": issuer.token(nbf=2**40),
        "another issuer": key.token(said(iss=ISSUER)),
        "another audience": issuer.token(aud="https://other.example.com"),
        "no group of ours": issuer.token(groups=["sales"]),
        "nobody here": issuer.token(sub="mallory"),
        "cut": good[:-10],
        "in two": good.replace(".", "", 1),
    }


@pytest.mark.req("S-21", "OP-3", "OC-1", "P-2")
async def test_every_path_refuses_every_bad_token_and_each_leaves_one_record(
    door: Gateway, issuer: IdentityProvider, up: Provider
) -> None:
    for route in ROUTES:
        path = route.path.replace(ID, "one")
        for token in bad_tokens(issuer).values():
            headers: Lines = (type_of(route.name), bearer(token))
            raw = request(body_of(route.name), headers, method=route.method, target=path)
            got = await send(door.port, raw)

            refused_in_dialect(got, "token_invalid", path)
            assert got.headers["www-authenticate"] == 'Bearer realm="tollhouse"'

    expected = len(ROUTES) * len(bad_tokens(issuer))
    await until(lambda: _has_records(door, expected), "each has its record")
    records = door.calls()
    assert {(each["code"], each["key"], each["proof"]) for each in records} == {
        ("token_invalid", "anonymous", None)
    }
    assert up.asked == []
    assert await door.held() == 0
    assert len(issuer.asked) <= 4  # once as it began, and once for a key that nobody has


@pytest.mark.req("S-25", "P-16")
async def test_whatever_is_wrong_the_same_bytes_say_so_and_no_token_is_written_down(
    door: Gateway, issuer: IdentityProvider
) -> None:
    answers = {
        name: await _asked(door, token, ("x-request-id", "same"))
        for name, token in bad_tokens(issuer).items()
    }

    told = {(each.status, each.body, tuple(each.headers)) for each in answers.values()}
    assert len(told) == 1
    for token in bad_tokens(issuer).values():
        assert token.split(".")[1][:60] not in door.log() + "".join(door.audit_lines())


@pytest.mark.req("S-44", "H-84", "OT-12")
async def test_a_token_beside_a_key_is_refused_though_both_are_good(
    door: Gateway, issuer: IdentityProvider, up: Provider
) -> None:
    before = len(up.asked)
    both = (bearer(issuer.token()), ("x-api-key", door.key))

    got = await send(door.port, request(BODY, (JSON, *both)))

    refused_in_dialect(got, "ambiguous_credentials", CHAT)
    assert len(up.asked) == before


@pytest.mark.req("B-24", "OT-22", "H-89")
async def test_bad_tokens_are_throttled_and_a_good_one_passes(
    tmp_path: Path, issuer: IdentityProvider, up: Provider
) -> None:
    async with opened(tmp_path, up, issuer, "[auth]\nfailures_per_minute = 10\n") as door:
        good = issuer.token()
        assert (await _asked(door, good)).status == 200

        answers = [await _asked(door, issuer.token(aud="x", jti=str(n))) for n in range(30)]

        assert [each.status for each in answers[:10]] == [401] * 10
        assert {each.status for each in answers[11:]} == {429}
        assert (await _asked(door, good)).status == 200


@pytest.mark.req("H-137", "S-34", "S-28")
async def test_keys_change_under_load_without_one_failed_call(
    door: Gateway, issuer: IdentityProvider
) -> None:
    statuses: list[int] = []
    is_over = asyncio.Event()

    async def go_on(name: int) -> None:
        number = 0
        while not is_over.is_set():
            number += 1
            got = await _asked(door, issuer.token(jti=f"{name}-{number // 3}"))
            statuses.append(got.status)

    async with asyncio.TaskGroup() as crowd:
        for name in range(6):
            crowd.create_task(go_on(name))
        await until(lambda: _more_than(statuses, 60), "calls are answered")
        old, new = issuer.keys[0], signing_key("k2", "RS256")
        issuer.keys = [new, old]
        before = len(statuses)
        await until(lambda: _more_than(statuses, before + 60), "calls go on")
        issuer.keys = [new]
        await until(lambda: _more_than(statuses, before + 120), "calls go on")
        is_over.set()

    assert set(statuses) == {200}
    await door.nothing_is_held()
    await door.is_consistent()


@pytest.mark.req("S-34", "S-65", "P-17", "OC-8")
async def test_while_keys_cannot_be_had_or_are_elsewhere_nobody_is_let_in_but_by_keys_of_ours(
    tmp_path: Path, up: Provider
) -> None:
    async with (
        identity_provider() as down,
        identity_provider() as misleading,
        identity_provider() as elsewhere,
    ):
        down.is_down, misleading.keys_at = True, elsewhere.issuer + KEYS
        async with opened(tmp_path, up, down, _settings(misleading, "misled")) as door:
            before = len(up.asked)
            answers = [await _asked(door, each.token()) for each in (down, misleading)]

            for got in answers:
                refused_in_dialect(got, "issuer_unavailable", CHAT)
                assert "retry-after" in got.headers
                assert b"canary-of-the-provider" not in got.body
            assert elsewhere.asked == []
            assert set(misleading.asked) == {DISCOVERY}
            assert len(up.asked) == before
            assert (await _asked(door, door.key)).status == 200


@pytest.mark.req("OP-10", "H-140", "S-27")
async def test_a_token_that_was_taken_back_is_refused_a_moment_later(
    door: Gateway, issuer: IdentityProvider
) -> None:
    token, other = issuer.token(jti="t1"), issuer.token(jti="t2")
    assert (await _asked(door, token)).status == 200

    async def take_back(store: Store) -> None:
        await revoking.revoke(store, "okta", 3600, "t1", "", now_ms())

    await door.on_store(take_back)

    async def is_out() -> bool:
        return (await _asked(door, token)).status == 401

    await until(is_out, "it is out")
    assert (await _asked(door, other)).status == 200


@pytest.fixture(scope="module")
async def issuer() -> AsyncIterator[IdentityProvider]:
    async with identity_provider() as it:
        yield it


@pytest.fixture(scope="module")
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        yield it


@pytest.fixture(scope="module")
async def door(
    tmp_path_factory: pytest.TempPathFactory, issuer: IdentityProvider, up: Provider
) -> AsyncIterator[Gateway]:
    async with opened(tmp_path_factory.mktemp("door"), up, issuer) as it:
        yield it


@asynccontextmanager
async def opened(
    directory: Path, up: Provider, issuer: IdentityProvider, further: str = ""
) -> AsyncIterator[Gateway]:
    it = prepared(directory, up.url, settings=further + _settings(issuer))
    await furnish(it, 10**12)
    await it.on_store(lambda store: tenancy.create_user(store, "acme", "anna", now_ms()))
    async with it.serving():
        yield it


def _settings(issuer: IdentityProvider, name: str = "okta") -> str:
    return f"""
[issuers.{name}]
issuer = "{issuer.issuer}"
audiences = ["{AUDIENCE}"]
[[issuers.{name}.rules]]
when = {{ groups = "ml" }}
tenant = "acme"
user = "claim:sub"
models = ["{MODEL}"]
"""


async def _asked(door: Gateway, credential: str, *headers: tuple[str, str]) -> Got:
    return await send(door.port, request(BODY, (JSON, bearer(credential), *headers)))


async def _has_records(door: Gateway, number: int) -> bool:
    return len(door.calls()) == number


async def _more_than(statuses: list[int], number: int) -> bool:
    return len(statuses) > number
