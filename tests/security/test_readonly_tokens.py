"""Who only reads: every row of the route table, by tokens of an issuer whose claims say what its bearer is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from issuing import AUDIENCE, ISSUER, TestIssuer
from journeys.endpoints import body_of, type_of
from journeys.gateway import MODEL, Gateway, furnish, now_ms, prepared, until
from journeys.provider import Provider, provider
from security.wire import Got, bearer, refused_in_dialect, request, send
from tollhouse.control import tenancy
from tollhouse.pipeline.route import ID, Metered, Route
from tollhouse.server.routes import route_table
from tollhouse.wiring.dialects import dialects

ROUTES = [route for route in route_table(dialects(), 1024) if route.method != "HEAD"]
ASKS_BY_POST = {"count", "ollama_show"}
"""They count and look up."""

pytestmark = pytest.mark.req("OP-5")


def changes(route: Route) -> bool:
    return route.method != "GET" and route.name not in ASKS_BY_POST


def test_whatever_is_metered_changes_something() -> None:
    assert all(changes(route) for route in ROUTES if route.metered is not Metered.FREE)
    assert {True, False} == {changes(route) for route in ROUTES}


async def test_a_token_that_only_reads_spends_and_changes_nothing_by_any_path(
    door: Gateway, issuer: TestIssuer, up: Provider
) -> None:
    token = issuer.token(roles=["guest", "readonly"])
    refused = 0
    for route in ROUTES:
        before = len(up.asked)
        got = await _sent(door, route, token)

        if changes(route):
            refused += 1
            refused_in_dialect(got, "role_readonly", route.path)
            assert len(up.asked) == before
        else:
            assert got.status not in (401, 403), (route.path, got)

    async def are_recorded() -> bool:
        codes = [each["code"] for each in door.calls()]
        return codes.count("role_readonly") == refused

    await until(are_recorded, "each refusal has its record")
    users = {each["user"] for each in door.calls() if each["code"] == "role_readonly"}
    assert users == {"acme/anna"}
    assert await door.held() == 0


@pytest.mark.parametrize("roles", ["user", ["readonly", "user"], ["admin"], "admin"])
async def test_of_several_roles_the_greatest_counts(
    door: Gateway, issuer: TestIssuer, roles: object
) -> None:
    chat = next(route for route in ROUTES if route.name == "chat")

    got = await _sent(door, chat, issuer.token(roles=roles))

    assert got.status == 200
    await door.nothing_is_held()


@pytest.mark.parametrize("roles", [None, [], "owner", ["Admin"], True, {"admin": 1}, 7])
async def test_who_names_no_role_where_the_rule_asks_for_one_is_nobody(
    door: Gateway, issuer: TestIssuer, roles: object
) -> None:
    chat = next(route for route in ROUTES if route.name == "chat")

    got = await _sent(door, chat, issuer.token(roles=roles))

    refused_in_dialect(got, "token_invalid", chat.path)


async def _sent(door: Gateway, route: Route, token: str) -> Got:
    lines = (type_of(route.name), bearer(token))
    target = route.path.replace(ID, "one")
    return await send(
        door.port, request(body_of(route.name), lines, method=route.method, target=target)
    )


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
    directory: Path = tmp_path_factory.mktemp("readonly")
    (directory / "keys.json").write_bytes(issuer.key_set)
    said = f"""
[issuers.okta]
issuer = "{ISSUER}"
audiences = ["{AUDIENCE}"]
keys_file = "{directory}/keys.json"
[[issuers.okta.rules]]
tenant = "acme"
user = "claim:sub"
calls_as = "claim:roles"
models = ["{MODEL}"]
"""
    it = prepared(directory, up.url, settings=said)
    await furnish(it, 10**12)
    await it.on_store(lambda store: tenancy.create_user(store, "acme", "anna", now_ms()))
    async with it.serving():
        yield it
