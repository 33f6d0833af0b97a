"""Users who are made when a token of theirs comes first: once, so many in an hour, and none that was taken away."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from issuing import AUDIENCE, ISSUER, TestIssuer
from journeys.gateway import MODEL, Gateway, ask, furnish, now_ms, prepared, until
from journeys.provider import Provider, provider
from security.wire import CHAT, Got, bearer, refused_in_dialect, request, send
from tollhouse.control import removing, tenancy
from tollhouse.storage.tenancy import Kind

JSON = ("content-type", "application/json")
BODY = json.dumps(ask()).encode()
MOST = 4
pytestmark = pytest.mark.req("P-20", "P-21", "B-25")


async def test_two_first_calls_at_once_make_one_user_who_pays_and_one_act_says_so(
    door: Gateway, issuer: TestIssuer
) -> None:
    tokens = [issuer.token(sub="erna", jti=str(number)) for number in range(6)]

    answers = await asyncio.gather(*(called(door, token) for token in tokens))

    assert [each.status for each in answers] == [200] * 6
    await door.nothing_is_held()
    rows = await door.rows("SELECT made_by FROM users WHERE id = 'acme/erna'")
    spent = await door.rows("SELECT spent FROM accounts WHERE owner = 'user:acme/erna'")
    assert (rows, spent[0][0] > 0) == ([("okta",)], True)
    (act,) = await acts(door, "user:acme/erna")
    assert (act["actor"], act["operation"], act["outcome"]) == ("issuer:okta", "users.create", "ok")
    await door.is_consistent()


async def test_who_was_taken_away_does_not_come_back_by_a_token_until_an_operator_makes_them(
    door: Gateway, issuer: TestIssuer
) -> None:
    token = issuer.token(sub="fritz")
    assert (await called(door, token)).status == 200
    await door.nothing_is_held()

    await door.on_store(lambda store: removing.delete(store, Kind.USER, "acme/fritz"))

    async def is_out() -> bool:
        return (await called(door, token)).status == 401

    await until(is_out, "fritz is out")
    refused_in_dialect(await called(door, issuer.token(sub="fritz")), "token_invalid", CHAT)
    assert await door.rows("SELECT 1 FROM users WHERE id = 'acme/fritz'") == []

    await door.on_store(lambda store: tenancy.create_user(store, "acme", "fritz", now_ms()))

    async def is_in() -> bool:
        return (await called(door, token)).status == 200

    await until(is_in, "fritz is in again")


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "gustav", "org": "nowhere"},
        {"sub": "gustav", "groups": ["guests"]},
        {"sub": "Gustav/../root"},
        {"sub": "gustav", "exp": 2, "iat": 1},
    ],
)
async def test_nobody_is_made_whom_the_rule_does_not_let_in(
    door: Gateway, issuer: TestIssuer, claims: dict[str, Any]
) -> None:
    refused_in_dialect(await called(door, issuer.token(**claims)), "token_invalid", CHAT)

    assert await door.rows("SELECT 1 FROM users WHERE id LIKE '%gustav%'") == []


async def test_more_than_so_many_in_an_hour_are_refused_loudly_and_who_is_here_goes_on(
    tmp_path: Path, issuer: TestIssuer, up: Provider
) -> None:
    async with opened(tmp_path, up, issuer) as door:
        first = [await called(door, issuer.token(sub=f"user-{n}")) for n in range(MOST)]
        before = len(up.asked)
        more = [await called(door, issuer.token(sub=f"more-{n}")) for n in range(3)]

        assert [each.status for each in first] == [200] * MOST
        for got in more:
            refused_in_dialect(got, "new_users_limited", CHAT)
        assert len(up.asked) == before
        assert (await called(door, issuer.token(sub="user-0"))).status == 200
        await door.nothing_is_held()
        ((made,),) = await door.rows("SELECT COUNT(*) FROM users WHERE made_by = 'okta'")
        assert made == MOST
        assert "as many users as it may" in door.log()


@pytest.fixture(scope="module")
def issuer() -> TestIssuer:
    return TestIssuer()


@pytest.fixture(scope="module")
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        yield it


@pytest.fixture(scope="module")
async def door(
    tmp_path_factory: pytest.TempPathFactory, issuer: TestIssuer, up: Provider
) -> AsyncIterator[Gateway]:
    async with opened(tmp_path_factory.mktemp("first-sight"), up, issuer) as it:
        yield it


@asynccontextmanager
async def opened(directory: Path, up: Provider, issuer: TestIssuer) -> AsyncIterator[Gateway]:
    (directory / "keys.json").write_bytes(issuer.key_set)
    said = f"""
[issuers.okta]
issuer = "{ISSUER}"
audiences = ["{AUDIENCE}"]
keys_file = "{directory}/keys.json"
new_users_per_hour = {MOST}
[[issuers.okta.rules]]
when = {{ org = "nowhere" }}
tenant = "nowhere"
user = "claim:sub"
creates = true
[[issuers.okta.rules]]
when = {{ groups = "guests" }}
tenant = "acme"
user = "claim:sub"
[[issuers.okta.rules]]
tenant = "acme"
user = "claim:sub"
models = ["{MODEL}"]
creates = true
"""
    it = prepared(directory, up.url, settings=said)
    await furnish(it, 10**12)
    async with it.serving():
        yield it


async def called(door: Gateway, token: str) -> Got:
    return await send(door.port, request(BODY, (JSON, bearer(token))))


async def acts(door: Gateway, subject: str) -> list[dict[str, Any]]:
    def found() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in door.audit_lines() if line.endswith("}")]
        return [each for each in lines if each["kind"] == "act" and each["subject"] == subject]

    async def is_there() -> bool:
        return bool(found())

    await until(is_there, "the act is written")
    return found()
