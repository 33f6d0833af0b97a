"""Every role on every operation of the Admin API: what is allowed is done, what is not changes nothing, and
either leaves exactly one record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from security.admin_api import ANY, BACK, OFF, Api
from tollhouse.admin.resources import RESOURCES
from tollhouse.domain.admin_tokens import Claims
from tollhouse.domain.operations import OPERATIONS, Role

pytestmark = pytest.mark.req("B-12", "S-45", "S-52", "P-39")

SERVED = sorted({name for each in RESOURCES for name in each.operations})

Wish = tuple[str, str, Any]
Arrange = Callable[[Api], Awaitable[Wish]]


def at(method: str, path: str, body: Any = None) -> Arrange:
    async def arrange(_api: Api) -> Wish:
        return method, path, body

    return arrange


def on(make: Callable[[Api], Awaitable[str]], method: str, path: str, body: Any = None) -> Arrange:
    async def arrange(api: Api) -> Wish:
        return method, path.format((await make(api)).replace("/", "%2F")), body

    return arrange


def fresh(path: str, body: dict[str, Any]) -> Arrange:
    async def arrange(api: Api) -> Wish:
        named = {name: value.format(api.fresh()) for name, value in body.items()}
        return "POST", path, named

    return arrange


async def new_member(api: Api) -> Wish:
    return "POST", "/members", {"user": await api.user(), "at": "tenant:acme", "role": "member"}


async def a_token(api: Api) -> str:
    return (await api.mint(Claims())).id


async def an_unknown_call(api: Api) -> str:
    call = api.fresh()
    sql = """INSERT INTO calls (id, request_id, owner, tenant, project, user_id, key_id, tenant_account,
        project_account, user_account, key_account, route, model, held, state, created_at)
        VALUES ($1, '', '', 'acme', 'acme/default', '', '', 0, 0, 0, 0, 'chat', 'm', 0, 'unknown', 1)"""
    await api.gateway.on_store(lambda store: store.write((sql, (call,))))
    return call


async def a_limited_key(api: Api) -> str:
    key = await api.key()
    await api.ask("owner", "PATCH", f"/limits/key:{key}", {"concurrent": 2}, ANY)
    return key


async def a_price_update(api: Api) -> str:
    return await api.price_update(("3", "4"))


async def a_session(api: Api) -> str:
    return await api.session()


OUTSIDE = {
    "tenant": "acme",
    "source": "meter",
    "events": [
        {
            "id": "e-1",
            "at": "2026-01-31T12:00:00Z",
            "user": "acme/owner",
            "target": "up:m-real",
            "input": 10,
            "owed": "0.01",
        }
    ],
}
FREE = {"target": "x:{}", "input": "0", "output": "0"}
CASES: dict[str, Arrange] = {
    "tenants.list": at("GET", "/tenants"),
    "tenants.create": fresh("/tenants", {"tenant": "{}"}),
    "tenants.disable": on(Api.tenant, "PATCH", "/tenants/{}", OFF),
    "tenants.enable": on(Api.tenant, "PATCH", "/tenants/{}", BACK),
    "tenants.delete": on(Api.tenant, "DELETE", "/tenants/{}"),
    "projects.list": at("GET", "/projects"),
    "projects.create": fresh("/projects", {"tenant": "acme", "name": "{}"}),
    "projects.disable": on(Api.project, "PATCH", "/projects/{}", OFF),
    "projects.enable": on(Api.project, "PATCH", "/projects/{}", BACK),
    "projects.delete": on(Api.project, "DELETE", "/projects/{}"),
    "users.list": at("GET", "/users?tenant=acme"),
    "users.create": fresh("/users", {"tenant": "acme", "name": "{}"}),
    "users.disable": on(Api.user, "PATCH", "/users/{}", OFF),
    "users.enable": on(Api.user, "PATCH", "/users/{}", BACK),
    "users.allow": on(Api.user, "PATCH", "/users/{}", {"models": ["gpt-*"]}),
    "users.delete": on(Api.user, "DELETE", "/users/{}"),
    "members.list": at("GET", "/members"),
    "members.add": new_member,
    "members.change": on(Api.member, "PATCH", "/members/{}", {"role": "member"}),
    "members.remove": on(Api.member, "DELETE", "/members/{}"),
    "keys.list": at("GET", "/keys"),
    "keys.show": on(Api.key, "GET", "/keys/{}"),
    "keys.create": at("POST", "/keys", {"tenant": "acme", "name": "web"}),
    "keys.grant": on(Api.key, "PATCH", "/keys/{}", {"grant": ["m"]}),
    "keys.withdraw": on(Api.key, "PATCH", "/keys/{}", {"withdraw": ["m"]}),
    "keys.prioritize": on(Api.key, "PATCH", "/keys/{}", {"priority": "low"}),
    "keys.exempt": on(Api.key, "PATCH", "/keys/{}", {"is_exempt": True}),
    "keys.ceiling": on(Api.key, "PATCH", "/keys/{}", {"per_conversation": "0.50"}),
    "keys.bind": on(Api.key, "PATCH", "/keys/{}", {"foreign_users": "tolerate"}),
    "keys.confine": on(Api.key, "PATCH", "/keys/{}", {"networks": ["10.0.0.0/8"]}),
    "keys.constrain": on(Api.key, "PATCH", "/keys/{}", {"proof_key": None}),
    "keys.retire": on(Api.key, "POST", "/keys/{}/retire", {}),
    "keys.disable": on(Api.key, "PATCH", "/keys/{}", OFF),
    "keys.enable": on(Api.key, "PATCH", "/keys/{}", BACK),
    "keys.rotate": on(Api.key, "POST", "/keys/{}/rotate", {}),
    "keys.revoke": on(Api.key, "POST", "/keys/{}/revoke", {}),
    "budgets.list": at("GET", "/budgets"),
    "budgets.set": on(Api.project, "PUT", "/budgets/project:{}", {"limit": "1.50"}),
    "limits.list": at("GET", "/limits"),
    "limits.set": on(Api.key, "PATCH", "/limits/key:{}", {"concurrent": 2}),
    "limits.remove": on(a_limited_key, "DELETE", "/limits/key:{}"),
    "prices.list": at("GET", "/prices"),
    "prices.show": at("GET", "/prices/up:m-real"),
    "prices.set": fresh("/prices", FREE),
    "prices.diff": on(a_price_update, "GET", "/price-updates/{}"),
    "prices.update": at("POST", "/price-updates", {"book": "packaged"}),
    "prices.approve": on(a_price_update, "POST", "/price-updates/{}/approve", {}),
    "prices.reject": on(a_price_update, "POST", "/price-updates/{}/reject", {}),
    "usage.list": at("GET", "/calls"),
    "usage.resolve": on(an_unknown_call, "POST", "/calls/{}/resolve", {"owed": "release"}),
    "usage.import": at("POST", "/calls/import", OUTSIDE),
    "usage.report": at("GET", "/usage?by=tenant,model"),
    "access.review": at("GET", "/access-review"),
    "admin.tokens": at("GET", "/tokens"),
    "audit.acts": at("GET", "/acts"),
    "issuers.list": at("GET", "/issuers"),
    "issuers.revoked": at("GET", "/revocations"),
    "sessions.list": at("GET", "/sessions"),
    "sessions.revoke": on(a_session, "DELETE", "/sessions/{}"),
    "admin.revoke": on(a_token, "DELETE", "/tokens/{}"),
}


def test_every_operation_that_is_served_is_asked_for_here() -> None:
    assert sorted(CASES) == SERVED


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("name", SERVED)
async def test_a_role_does_what_the_table_says_and_each_request_leaves_one_record(
    api: Api, name: str, role: Role
) -> None:
    operation = OPERATIONS[name]
    method, path, body = await CASES[name](api)
    request_id = f"{name}-{role}"
    before = await state_of(api, path)

    got = await api.ask(role, method, path, body, [*ANY, ("x-request-id", request_id)])

    is_allowed = role in operation.roles or (name in LISTS and role in operation.own)
    (record,) = await api.records(request_id)
    assert record["kind"] == ("act" if operation.mutates else "call")
    if is_allowed:
        assert got.status in (200, 201), got
        assert record["outcome"] == "ok"
    else:
        assert (got.status, got.code) == (403, "role_insufficient")
        assert (record["outcome"], record["code"]) == ("refused", "role_insufficient")
        assert await state_of(api, path) == before
    if operation.mutates:
        assert (record["operation"], record["actor"]) == (name, f"acme/{role}")
        assert (record["role"], record["source"]) == (role if is_allowed else None, "api")


LISTS = {"keys.list", "admin.tokens", "sessions.list"}
"""What is one's own is listed, and may be nothing."""


async def state_of(api: Api, path: str) -> Any:
    """What a request could have changed: the thing itself, or the list it would be in."""
    words = path.partition("?")[0].split("/")
    single = "/".join(words[:3])
    got = await api.ask("owner", "GET", single if words[1] != "calls" else "/calls")
    if words[1] in ("tokens", "acts") or len(words) < 3:
        return [each.get("id", each) for each in got.json.get("data", [])]
    return got.json


@pytest.mark.req("S-47")
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("name", ["keys.show", "keys.disable", "keys.revoke", "usage.list"])
async def test_what_is_their_own_is_open_to_those_whom_the_table_names(
    api: Api, name: str, role: Role
) -> None:
    key = await api.key(user=f"own-{role}")
    method, path, body = {
        "keys.show": ("GET", f"/keys/{key}", None),
        "keys.disable": ("PATCH", f"/keys/{key}", OFF),
        "keys.revoke": ("POST", f"/keys/{key}/revoke", {}),
        "usage.list": ("GET", f"/calls?key={key}", None),
    }[name]

    got = await api.ask(f"own-{role}", method, path, body, ANY)

    operation = OPERATIONS[name]
    assert (got.status == 200) == (role in operation.roles | operation.own)


@pytest.mark.req("S-46")
async def test_a_member_reaches_no_key_but_their_own(api: Api) -> None:
    key = await api.key()

    for method, path, body in (
        ("GET", f"/keys/{key}", None),
        ("PATCH", f"/keys/{key}", OFF),
        ("GET", f"/calls?key={key}", None),
    ):
        got = await api.ask("own-member", method, path, body, ANY)
        assert (got.status, got.code) == (403, "role_insufficient")

    listed = await api.ask("own-member", "GET", "/keys")
    assert {each["user"] for each in listed.json["data"]} <= {"acme/own-member"}


@pytest.mark.req("S-48", "P-19")
@pytest.mark.parametrize("role", Role)
async def test_another_tenant_is_told_like_one_that_never_was(api: Api, role: Role) -> None:
    tenant = await api.tenant()
    key = (await api.made("/keys", {"tenant": tenant, "name": "k"}))["id"]
    who = f"own-{role}"

    for there, nowhere in (
        (f"/keys/{key}", "/keys/000000000000"),
        (f"/tenants/{tenant}", "/tenants/nobody"),
        (f"/projects/{tenant}%2Fdefault", "/projects/nobody%2Fdefault"),
        (f"/budgets/tenant:{tenant}", "/budgets/tenant:nobody"),
    ):
        told = [await api.ask(who, "GET", path) for path in (there, nowhere)]
        assert told[0].status == told[1].status in (403, 404)
        assert told[0].json["detail"] == told[1].json["detail"]
    for path in ("/keys", "/projects", "/users", "/tenants", "/budgets"):
        assert tenant not in (await api.ask(who, "GET", path)).body.decode().split('"')


@pytest.mark.req("S-47")
async def test_who_owns_a_tenant_raises_no_budget_of_its_own(api: Api) -> None:
    got = await api.ask("own-owner", "PUT", "/budgets/tenant:acme", {"limit": "9"}, ANY)

    assert (got.status, got.code) == (403, "role_insufficient")
