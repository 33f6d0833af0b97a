"""Every role on every operation of the Admin API: what is allowed is done, what is not changes nothing, and
either leaves exactly one record."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from journeys.gateway import Gateway, free_port, gateway, now_ms, until
from security.wire import JSON, Got, Lines, bearer, request, send
from tollhouse.admin.resources import RESOURCES
from tollhouse.control import admin_tokens, members, peppers, tenancy
from tollhouse.domain.admin_tokens import Claims
from tollhouse.domain.operations import OPERATIONS, Role
from tollhouse.domain.roles import HOUSE, Actor, Grant
from tollhouse.wiring import Store

pytestmark = pytest.mark.req("B-12", "S-45", "S-52", "P-39")

HOST = Actor("host:test", "host", (Grant(Role.OWNER, HOUSE),))
ANY: Lines = [("if-match", "*")]
SERVED = sorted({name for each in RESOURCES for name in each.operations})


@dataclass
class Api:
    """The Admin API of a served gateway, for whoever bears a token."""

    gateway: Gateway
    port: int
    tokens: dict[str, str] = field(default_factory=dict)
    numbers: Any = field(default_factory=count)

    async def ask(
        self, who: str, method: str, path: str, body: Any = None, headers: Lines = ()
    ) -> Got:
        lines = [bearer(self.tokens[who]), *headers]
        if body is None:
            target = f"/admin/v1{path}"
            return await send(self.port, request(headers=lines, method=method, target=target))
        sent = json.dumps(body).encode()
        raw = request(sent, [*lines, JSON], method=method, target=f"/admin/v1{path}")
        return await send(self.port, raw)

    async def made(self, path: str, body: Any) -> Any:
        got = await self.ask("owner", "POST", path, body)
        assert got.status == 201, got
        return got.json

    def fresh(self) -> str:
        return f"n{next(self.numbers)}"

    async def tenant(self) -> str:
        return str((await self.made("/tenants", {"tenant": self.fresh()}))["id"])

    async def project(self) -> str:
        wish = {"tenant": "acme", "name": self.fresh()}
        return str((await self.made("/projects", wish))["id"])

    async def user(self) -> str:
        return str((await self.made("/users", {"tenant": "acme", "name": self.fresh()}))["id"])

    async def key(self, **wish: Any) -> str:
        return str((await self.made("/keys", {"tenant": "acme", "name": "k", **wish}))["id"])

    async def member(self) -> str:
        wish = {"user": await self.user(), "at": "tenant:acme", "role": "readonly"}
        return str((await self.made("/members", wish))["id"])

    async def mint(self, claims: Claims) -> admin_tokens.Minted:
        async def work(store: Store) -> admin_tokens.Minted:
            known = await peppers.opened(self.gateway.settings, store)
            return await admin_tokens.mint(store, known, claims, 900, "host:test", now_ms())

        return await self.gateway.on_store(work)

    async def records(self, request_id: str) -> list[dict[str, Any]]:
        """Those of one request: there is one as soon as it is answered, or right after."""
        found: list[dict[str, Any]] = []

        async def is_there() -> bool:
            lines = [line for line in self.gateway.audit_lines() if line.endswith("}")]
            found[:] = [
                each for each in map(json.loads, lines) if each.get("request_id") == request_id
            ]
            return bool(found)

        await until(is_there, "the request is recorded")
        return found


@pytest.fixture(scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    port = free_port()
    lines = f'[admin]\nlisten = "127.0.0.1:{port}"\n'
    directory = tmp_path_factory.mktemp("admin-api")
    async with gateway(directory, "http://127.0.0.1:1/v1", settings=lines) as served:
        made = Api(served, port)
        await furnish(made)
        yield made


async def furnish(api: Api) -> None:
    """A user of each role at the house, `own:` ones at the tenant, and a token for each."""

    async def people(store: Store) -> None:
        for at, prefix in (("house", ""), ("tenant:acme", "own-")):
            for role in Role:
                user = await tenancy.create_user(store, "acme", f"{prefix}{role}", now_ms())
                await members.add(store, HOST, user, at, role, now_ms())

    await api.gateway.on_store(people)
    for who in (*Role, *(f"own-{role}" for role in Role)):
        api.tokens[who] = (await api.mint(Claims(f"acme/{who}"))).token


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


OFF, BACK = {"is_disabled": True}, {"is_disabled": False}
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
    "keys.disable": on(Api.key, "PATCH", "/keys/{}", OFF),
    "keys.enable": on(Api.key, "PATCH", "/keys/{}", BACK),
    "keys.rotate": on(Api.key, "POST", "/keys/{}/rotate", {}),
    "keys.revoke": on(Api.key, "POST", "/keys/{}/revoke", {}),
    "budgets.list": at("GET", "/budgets"),
    "budgets.set": on(Api.project, "PUT", "/budgets/project:{}", {"limit": "1.50"}),
    "prices.list": at("GET", "/prices"),
    "prices.show": at("GET", "/prices/up:m-real"),
    "prices.set": fresh("/prices", FREE),
    "usage.list": at("GET", "/calls"),
    "usage.resolve": on(an_unknown_call, "POST", "/calls/{}/resolve", {"owed": "release"}),
    "usage.report": at("GET", "/usage?by=tenant,model"),
    "admin.tokens": at("GET", "/tokens"),
    "audit.acts": at("GET", "/acts"),
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


LISTS = {"keys.list", "admin.tokens"}
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


async def test_of_two_who_change_one_state_one_does_and_the_other_is_told(api: Api) -> None:
    key = await api.key()
    seen = (await api.ask("owner", "GET", f"/keys/{key}")).headers["etag"]

    ends = await asyncio.gather(
        *(
            api.ask("owner", "PATCH", f"/keys/{key}", {"grant": [f"m{n}"]}, [("if-match", seen)])
            for n in range(6)
        )
    )

    assert sorted(got.status for got in ends) == [200, *[412] * 5]
    (won,) = [got for got in ends if got.status == 200]
    assert len(won.json["models"]) == 1
    assert won.headers["etag"] != seen


@pytest.mark.parametrize(("method", "body"), [("PATCH", OFF), ("DELETE", None)])
async def test_who_does_not_say_what_they_saw_changes_nothing(
    api: Api, method: str, body: Any
) -> None:
    project = (await api.project()).replace("/", "%2F")

    got = await api.ask("owner", method, f"/projects/{project}", body)

    assert (got.status, got.code) == (428, "precondition_required")
    assert (await api.ask("owner", "GET", f"/projects/{project}")).json["is_disabled"] is False


async def test_a_request_that_comes_again_is_answered_again_and_done_once(api: Api) -> None:
    wish = {"tenant": "acme", "name": api.fresh()}
    key = [("idempotency-key", api.fresh())]

    first, again = [await api.ask("owner", "POST", "/keys", wish, key) for _ in range(2)]

    assert (first.status, again.status) == (201, 201)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json == {**first.json, "key": None}
    listed = (await api.ask("owner", "GET", "/keys")).json["data"]
    assert [each["name"] for each in listed].count(wish["name"]) == 1
    stored = (await api.gateway.rows("SELECT body FROM replies")) + (
        await api.gateway.rows("SELECT asked FROM replies")
    )
    assert first.json["key"] not in str(stored)


@pytest.mark.req("S-46")
async def test_a_narrower_token_is_not_told_what_a_wider_one_was(api: Api) -> None:
    wish, key = {"tenant": api.fresh()}, [("idempotency-key", api.fresh())]
    for name, claims in (("wide", Claims()), ("narrow", Claims(role=Role.READONLY))):
        api.tokens[name] = (await api.mint(claims)).token

    done, told = [await api.ask(who, "POST", "/tenants", wish, key) for who in ("wide", "narrow")]

    assert (done.status, told.status, told.code) == (201, 403, "role_insufficient")


async def test_requests_that_come_at_once_under_one_key_are_done_once(api: Api) -> None:
    wish = {"tenant": "acme", "name": api.fresh()}
    key = [("idempotency-key", api.fresh())]

    ends = await asyncio.gather(*(api.ask("owner", "POST", "/keys", wish, key) for _ in range(6)))

    assert {got.status for got in ends} <= {201, 409}
    listed = (await api.ask("owner", "GET", "/keys")).json["data"]
    assert [each["name"] for each in listed].count(wish["name"]) == 1


async def test_a_key_that_came_with_another_request_is_refused(api: Api) -> None:
    key = [("idempotency-key", api.fresh())]
    await api.ask("owner", "POST", "/tenants", {"tenant": api.fresh()}, key)

    got = await api.ask("owner", "POST", "/tenants", {"tenant": api.fresh()}, key)

    assert (got.status, got.code) == (422, "idempotency_key_reused")


@pytest.mark.req("S-13")
@pytest.mark.parametrize(
    ("path", "body", "code", "param"),
    [
        ("/tenants", {"tenant": "x", "owner": "me"}, "field_refused", "owner"),
        ("/tenants", {}, "field_invalid", "tenant"),
        ("/tenants", {"tenant": 7}, "field_invalid", "tenant"),
        ("/tenants", {"tenant": "No"}, "field_invalid", "tenant"),
        ("/keys", {"tenant": "acme", "name": "k", "limit": 1.5}, "field_invalid", "limit"),
        ("/keys", {"tenant": "acme", "name": "k", "limit": "-1"}, "field_invalid", "limit"),
        ("/keys", {"tenant": "acme", "name": "k", "limit": "1e9"}, "field_invalid", "limit"),
        ("/keys", {"tenant": "acme", "name": "k", "priority": "top"}, "field_invalid", "priority"),
        ("/prices", {"target": "a:b", "input": "NaN", "output": "1"}, "field_invalid", "input"),
        (
            "/prices",
            {"target": "a:b", "input": "1", "output": "1", "tiers": [{"above": 9, "input": "NaN"}]},
            "field_invalid",
            "tiers[0].input",
        ),
        ("/members", {"user": "acme/owner", "at": "acme", "role": "owner"}, "field_invalid", "at"),
    ],
)
async def test_a_member_that_is_wrong_is_named(
    api: Api, path: str, body: Any, code: str, param: str
) -> None:
    got = await api.ask("owner", "POST", path, body)

    assert (got.status, got.code, got.json["param"]) == (400, code, param)


@pytest.mark.req("OT-28", "OT-32", "B-19")
async def test_a_price_says_all_that_was_set_and_who_set_it(api: Api) -> None:
    wish = {
        "target": f"up:{api.fresh()}",
        "input": "3",
        "output": "15",
        "kinds": {"audio_input": "40"},
        "tiers": [{"above": 200_000, "input": "6"}],
        "tenant": "acme",
        "effective_at": "2027-01-01T00:00:00Z",
        "effective_to": "2027-07-01T00:00:00Z",
    }

    told = await api.made("/prices", wish)

    assert {name: told[name] for name in wish} == wish
    assert told["set_by"]


async def test_a_member_that_comes_twice_is_refused(api: Api) -> None:
    raw = request(
        b'{"tenant": "a", "tenant": "b"}',
        [bearer(api.tokens["owner"]), JSON],
        method="POST",
        target="/admin/v1/tenants",
    )

    got = await send(api.port, raw)

    assert (got.status, got.code) == (400, "json_duplicate_key")


async def test_what_is_in_use_is_not_deleted_and_told_by_what(api: Api) -> None:
    got = await api.ask("owner", "DELETE", "/tenants/acme", headers=ANY)

    assert (got.status, got.code) == (409, "in_use")
    assert "keys" in got.json["detail"]


async def test_a_list_is_read_page_by_page_to_its_end(api: Api) -> None:
    made = {await api.user() for _ in range(5)}
    found, after, pages = set(), "", 0

    while after is not None:
        path = f"/users?tenant=acme&limit=3{'&after=' + after if after else ''}"
        page = (await api.ask("owner", "GET", path)).json
        assert len(page["data"]) <= 3
        found |= {each["id"] for each in page["data"]}
        after, pages = page["next"], pages + 1

    assert made <= found
    assert pages > 1


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "limit=1&limit=2", "after=%21", "nobody=1"]
)
async def test_a_query_that_is_not_understood_is_refused(api: Api, query: str) -> None:
    got = await api.ask("owner", "GET", f"/users?{query}")

    assert (got.status, got.code) == (400, "field_invalid")


@pytest.mark.req("OT-15", "OT-16", "OT-17", "OT-24", "B-7")
async def test_a_key_is_issued_listed_rotated_and_shut_out_with_its_user(api: Api) -> None:
    user = await api.user()
    key = await api.made("/keys", {"tenant": "acme", "name": "k", "user": user, "models": ["m"]})

    fresh = (await api.ask("owner", "POST", f"/keys/{key['id']}/rotate", {})).json
    await api.ask("owner", "PATCH", f"/users/{user.replace('/', '%2F')}", OFF, ANY)
    shown = (await api.ask("owner", "GET", f"/keys/{key['id']}")).json

    assert (fresh["id"], fresh["key"] != key["key"]) == (key["id"], True)
    assert (shown["state"], "key" in shown) == ("blocked", False)


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


@pytest.mark.req("P-39")
async def test_an_auditor_reads_who_changed_what_page_by_page(api: Api) -> None:
    key = await api.key()
    for model in ("a", "b", "c"):
        await api.ask("admin", "PATCH", f"/keys/{key}", {"grant": [model]}, ANY)

    told: list[Any] = []
    after: str | None = ""
    while after is not None:
        more = f"&after={after}" if after else ""
        page = await api.ask("auditor", "GET", f"/acts?subject=key:{key}&limit=2{more}")
        told += page.json["data"]
        after = page.json["next"]

    assert [each["operation"] for each in told] == [*["keys.grant"] * 3, "keys.create"]
    assert told[0]["changed"]["models"] == [["a", "b"], ["a", "b", "c"]]


@pytest.mark.req("S-110", "B-12")
async def test_where_no_record_can_be_written_nothing_is_changed(tmp_path: Path) -> None:
    port = free_port()
    lines = f'[admin]\nlisten = "127.0.0.1:{port}"\n'
    async with gateway(tmp_path, "http://127.0.0.1:1/v1", settings=lines) as served:
        api = Api(served, port)
        await furnish(api)
        shutil.rmtree(tmp_path / "data" / "audit")

        async def is_refused() -> bool:
            return (await api.ask("owner", "GET", "/tenants")).status == 503

        await until(is_refused, "the log is known to be gone")
        got = await api.ask("owner", "POST", "/tenants", {"tenant": "bolt"})

        assert (got.status, got.code) == (503, "audit_unavailable")
        assert await served.rows("SELECT id FROM tenants") == [("acme",)]


async def test_no_request_left_two_records(api: Api) -> None:
    await api.ask("owner", "GET", "/tenants", headers=[("x-request-id", "the-last")])
    await api.records("the-last")

    records = [json.loads(line) for line in api.gateway.audit_lines() if line.endswith("}")]
    asked = Counter(each["request_id"] for each in records if each["kind"] in ("act", "call"))
    assert [each for each, times in asked.items() if times > 1] == []


async def test_the_log_is_whole_after_all_this(api: Api) -> None:
    await api.gateway.audit_is_whole()
    await api.gateway.is_consistent()
