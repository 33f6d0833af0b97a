"""What an admin token opens, for how long, and that nothing else opens the Admin API."""

from __future__ import annotations

import json

import pytest

from security.admin_api import ANY, OFF, Api
from security.wire import bearer, request, send
from tollhouse.domain.admin_tokens import Claims
from tollhouse.domain.operations import Role

pytestmark = pytest.mark.req("B-12", "S-45", "S-52", "P-39")


@pytest.mark.req("B-23")
async def test_a_token_that_was_taken_back_opens_nothing_from_then_on(api: Api) -> None:
    minted = await api.mint(Claims())
    api.tokens["leaving"] = minted.token
    first = await api.ask("leaving", "GET", "/tenants")

    await api.ask("owner", "DELETE", f"/tokens/{minted.id}", headers=ANY)
    then = await api.ask("leaving", "GET", "/tenants")

    assert (first.status, then.status, then.code) == (200, 401, "key_disabled")


@pytest.mark.req("B-23", "S-46")
async def test_a_token_may_no_more_than_what_it_was_minted_for(api: Api) -> None:
    for name, claims in {
        "finance": Claims(role=Role.FINANCE),
        "there": Claims(at="project:acme/default"),
        "only": Claims(operations=("prices.*",)),
    }.items():
        api.tokens[f"narrow-{name}"] = (await api.mint(claims)).token

    refused = [
        await api.ask(f"narrow-{name}", "POST", "/tenants", {"tenant": "n"})
        for name in ("finance", "there", "only")
    ]

    assert [got.code for got in refused] == ["role_insufficient"] * 3
    assert (await api.ask("narrow-only", "GET", "/prices")).status == 200


@pytest.mark.req("B-23", "S-46")
async def test_a_role_that_was_taken_away_is_gone_for_tokens_that_are_out(api: Api) -> None:
    user = await api.user()
    wish = {"user": user, "at": "house", "role": "admin"}
    member = (await api.made("/members", wish))["id"]
    api.tokens["gone"] = (await api.mint(Claims(user))).token
    before = await api.ask("gone", "GET", "/tenants")

    await api.ask("owner", "DELETE", f"/members/{member}", headers=ANY)
    after = await api.ask("gone", "GET", "/tenants")
    await api.ask("owner", "PATCH", f"/users/{user.replace('/', '%2F')}", OFF, ANY)
    shut_out = await api.ask("gone", "GET", "/tenants")

    assert (before.status, after.status, shut_out.status) == (200, 403, 401)


@pytest.mark.req("B-23")
async def test_a_token_tells_when_it_was_used_last(api: Api) -> None:
    minted = await api.mint(Claims())
    api.tokens["used"] = minted.token

    await api.ask("used", "GET", "/prices")

    row = (await api.ask("owner", "GET", f"/tokens/{minted.id}")).json
    assert row["last_used_at"] is not None
    assert minted.token not in json.dumps(row)


@pytest.mark.req("S-46")
async def test_a_narrower_token_is_not_told_what_a_wider_one_was(api: Api) -> None:
    wish, key = {"tenant": api.fresh()}, [("idempotency-key", api.fresh())]
    for name, claims in (("wide", Claims()), ("narrow", Claims(role=Role.READONLY))):
        api.tokens[name] = (await api.mint(claims)).token

    done, told = [await api.ask(who, "POST", "/tenants", wish, key) for who in ("wide", "narrow")]

    assert (done.status, told.status, told.code) == (201, 403, "role_insufficient")


@pytest.mark.req("S-52", "H-88", "OT-19")
@pytest.mark.parametrize("path", ["/tenants", "/keys", "/prices"])
async def test_a_virtual_key_opens_nothing_here(api: Api, path: str) -> None:
    api.tokens["key"] = api.gateway.key

    got = await api.ask("key", "GET", path)

    assert (got.status, got.code) == (401, "key_malformed")


@pytest.mark.req("S-52")
async def test_the_data_plane_has_none_of_these_paths(api: Api) -> None:
    for lines in ([bearer(api.tokens["owner"])], [bearer(api.gateway.key)]):
        raw = request(headers=lines, method="GET", target="/admin/v1/tenants")
        assert (await send(api.gateway.port, raw)).status == 404
