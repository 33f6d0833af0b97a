"""otari's paths for keys, users, budgets, prices and usage: every role on every row, and what is refused."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from journeys.gateway import Gateway, furnish, gateway, now_ms, prepared, until
from security.wire import JSON, Got, Lines, bearer, request, send
from tollhouse.admin.otari.routes import RESOURCES, otari_routes
from tollhouse.admin.resource import Resource
from tollhouse.control import admin_tokens, members, peppers, plans, tenancy
from tollhouse.control.plans import Terms
from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.domain.admin_tokens import Claims
from tollhouse.domain.operations import OPERATIONS, Role
from tollhouse.domain.periods import iso
from tollhouse.domain.roles import HOUSE, Actor, Grant
from tollhouse.wiring import Store

pytestmark = pytest.mark.req("OT-19", "B-12", "S-45", "OT-81")

HOST = Actor("host:test", "host", (Grant(Role.OWNER, HOUSE),))
TARGET = "up:m-real"


@dataclass
class Api:
    """What an otari client reaches, for whoever bears a token."""

    door: Gateway
    tokens: dict[str, str] = field(default_factory=dict)
    numbers: Any = field(default_factory=count)

    async def ask(
        self, who: str, method: str, path: str, body: Any = None, headers: Lines = ()
    ) -> Got:
        lines: Lines = [bearer(self.tokens.get(who, who)), *headers]
        target = path if path.startswith("/api") else f"/v1{path}"
        sent = b"" if body is None else json.dumps(body).encode()
        if sent:
            lines = [*lines, JSON]
        return await send(self.door.port, request(sent, lines, method=method, target=target))

    async def made(self, path: str, body: Any) -> Any:
        got = await self.ask("owner", "POST", path, body)
        assert got.status == 200, got
        return got.json

    def fresh(self) -> str:
        return f"n{next(self.numbers)}"

    async def user(self) -> str:
        return str((await self.made("/users", {"user_id": self.fresh()}))["user_id"])

    async def key(self) -> str:
        return str((await self.made("/keys", {}))["id"])

    async def budget(self) -> str:
        return str((await self.made("/budgets", {"max_budget": 5}))["budget_id"])

    async def records(self, request_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []

        async def is_there() -> bool:
            lines = [line for line in self.door.audit_lines() if line.endswith("}")]
            found[:] = [
                each for each in map(json.loads, lines) if each.get("request_id") == request_id
            ]
            return bool(found)

        await until(is_there, "the request is recorded")
        return found


@pytest.fixture(scope="module")
async def api(
    anyio_backend: object, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Api]:
    door = prepared(tmp_path_factory.mktemp("otari-api"), "http://127.0.0.1:1/v1")
    door.program = ("-m", "tollhouse", "--profile", "otari")
    await furnish(door, 10**12)
    made = Api(door)

    async def people(store: Store) -> None:
        await tenancy.create_tenant(store, "main", now_ms())
        known = await peppers.opened(door.settings, store)
        for role in Role:
            user = await tenancy.create_user(store, "main", f"the-{role}", now_ms())
            await members.add(store, HOST, user, "house", role, now_ms())
            claims = Claims(user)
            token = await admin_tokens.mint(store, known, claims, 900, "host:test", now_ms())
            made.tokens[role] = token.token
        within = Claims(role=Role.ADMIN, at="tenant:main")
        token = await admin_tokens.mint(store, known, within, 900, "host:test", now_ms())
        made.tokens["within"] = token.token
        narrow = Claims(at="tenant:main", operations=("keys.create", "users.create"))
        token = await admin_tokens.mint(store, known, narrow, 900, "host:test", now_ms())
        made.tokens["narrow"] = token.token

    await door.on_store(people)
    async with door.serving():
        yield made


Arrange = Callable[[Api], Awaitable[str]]
ROWS = {row.name.removeprefix("otari_"): row for row in RESOURCES}
SUBJECTS: dict[str, Arrange] = {"keys": Api.key, "users": Api.user, "budgets": Api.budget}
PRICE = {"input_price_per_million": 1, "output_price_per_million": 2.5}
EXTERNAL = {
    "timestamp": "2026-01-31T12:00:00Z",
    "provider": "up",
    "model": "m-real",
    "input_tokens": 1000,
    "output_tokens": 100,
}
MEANT = {"by_filter": True, "provider": "up"}
BODIES: dict[str, Callable[[Api], Any]] = {
    "keys_create": lambda _api: {"key_name": "web"},
    "keys_update": lambda _api: {"key_name": "shop", "is_active": False},
    "users_create": lambda api: {"user_id": api.fresh()},
    "users_update": lambda _api: {"alias": "Anna"},
    "budgets_create": lambda _api: {"max_budget": 10, "budget_duration_sec": 86400},
    "budgets_update": lambda _api: {"max_budget": 0.1},
    "usage_external": lambda _api: {
        "source": "meter",
        "user_id": "the-owner",
        "events": [{**EXTERNAL, "source_event_id": "e-roles", "timestamp": iso(now_ms())}],
    },
    "usage_set_price": lambda api: {**MEANT, "model": api.fresh(), **PRICE},
    "pricing_set": lambda api: {"model_key": f"up:{api.fresh()}", **PRICE},
}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("name", [name for name in ROWS if name != "pricing_delete"])
async def test_a_role_does_what_the_table_says_and_each_act_leaves_one_record(
    api: Api, name: str, role: Role
) -> None:
    row = ROWS[name]
    path, body = await target(api, row), BODIES.get(name, lambda _api: None)(api)
    request_id = f"otari-{name}-{role}"

    got = await api.ask(role, row.method, path, body, [("x-request-id", request_id)])

    records = await api.records(request_id)
    operation = OPERATIONS[row.operations[0]]
    is_allowed = role in operation.roles or (name == "keys_list" and role in operation.own)
    if is_allowed:
        assert got.status in (200, 204), got
        assert {each["outcome"] for each in records} == {"ok"}
    else:
        assert (got.status, got.code) == (403, "role_insufficient")
        assert [(each["outcome"], each["code"]) for each in records] == [
            ("refused", "role_insufficient")
        ]
    done = [each["operation"] for each in records if each["kind"] == "act"]
    assert set(done) <= set(row.operations)
    assert len(done) == len(set(done))
    if row.method == "GET":
        assert [each["kind"] for each in records] == ["call"]
    elif is_allowed:
        assert done
        assert {each["actor"] for each in records} == {f"main/the-{role}"}


async def target(api: Api, row: Resource) -> str:
    kind = row.name.split("_")[1]
    if row.path == "/pricing/":
        return f"/pricing/{TARGET}"
    if kind == "pricing":
        return row.path.replace("{id}", TARGET)
    return row.path.replace("{id}", await SUBJECTS[kind](api)) if "{id}" in row.path else row.path


@pytest.mark.req("OT-12")
async def test_a_key_opens_no_administration_and_a_token_calls_no_model(api: Api) -> None:
    body = {"model": "m", "messages": []}

    by_key = await api.ask(api.door.key, "GET", "/keys")
    by_token = await api.ask("owner", "POST", "/chat/completions", body)
    by_nobody = await send(api.door.port, request(method="GET", target="/api/v1/users"))

    assert (by_key.status, by_key.code) == (401, "key_malformed")
    assert (by_token.status, by_token.code) == (401, "key_malformed")
    assert (by_nobody.status, by_nobody.code) == (401, "key_missing")
    assert by_nobody.json["detail"]


@pytest.mark.req("OT-12", "R-1")
async def test_the_token_may_stand_in_any_header_that_takes_a_key(api: Api) -> None:
    for header in (
        ("otari-key", f"Bearer {api.tokens['owner']}"),
        ("x-api-key", api.tokens["owner"]),
    ):
        raw = request(headers=[header], method="GET", target="/api/v1/budgets")
        assert (await send(api.door.port, raw)).status == 200


UNFIT: list[tuple[str, str, Any, str]] = [
    ("POST", "/pricing", {"model_key": TARGET, **PRICE, "input_price_per_million": -1}, "input"),
    ("POST", "/pricing", {"model_key": TARGET, **PRICE, "unit": "tons"}, "unit"),
    ("POST", "/pricing", {"model_key": "no target", **PRICE}, "target"),
    ("POST", "/pricing", {"model_key": TARGET}, "input_price_per_million"),
    ("POST", "/budgets", {"max_budget": -0.5}, "max_budget"),
    ("POST", "/budgets", {"max_budget": 1e12}, "max_budget"),
    ("POST", "/budgets", {"budget_duration_sec": 0}, "budget_duration_sec"),
    ("POST", "/budgets", {"reset_alignment": "calendar_year"}, "reset_alignment"),
    (
        *("POST", "/budgets", {"reset_alignment": "calendar_day", "budget_duration_sec": 60}),
        "reset_alignment",
    ),
    ("POST", "/budgets", {"token_limit": 5}, "token_limit"),
    ("POST", "/keys", {"expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
    ("POST", "/keys", {"expires_at": "tomorrow"}, "expires_at"),
    ("POST", "/keys", {"capture_agent_telemetry": True}, "capture_agent_telemetry"),
    ("POST", "/keys", {"colour": "blue"}, "colour"),
    ("POST", "/keys", {"metadata": {"x": "y" * 20_000}}, "metadata"),
    ("POST", "/users", {"user_id": "Not A Name"}, "name"),
    ("POST", "/users", {"alias": "Anna"}, "user_id"),
    ("GET", "/keys?limit=0", None, "limit"),
    ("GET", "/usage?start_date=soon", None, "start_date"),
    ("GET", "/usage?colour=blue", None, "colour"),
]


@pytest.mark.req("OT-28", "OT-35")
@pytest.mark.parametrize(("method", "path", "body", "param"), UNFIT)
async def test_what_does_not_fit_is_refused_by_the_name_of_its_member(
    api: Api, method: str, path: str, body: Any, param: str
) -> None:
    got = await api.ask("owner", method, path, body)

    assert (got.status, got.code) == (422, "field_invalid"), got
    assert got.json.get("param", param) == param
    assert param in got.json["detail"] or param == "name"


@pytest.mark.req("OT-15", "OT-16", "OT-17", "OT-26")
async def test_a_key_is_told_again_as_it_was_asked_for_and_never_in_clear(api: Api) -> None:
    wish = {
        "key_name": "web",
        "user_id": api.fresh(),
        "expires_at": "2030-01-01T00:00:00Z",
        "allowed_models": ["m", "up:*"],
        "metadata": {"team": ["a", 1]},
        "exclude_from_budget": True,
        "reject_user_mismatch": False,
    }

    made = await api.made("/keys", wish)
    (listed,) = [
        each for each in (await api.ask("owner", "GET", "/keys")).json if each["id"] == made["id"]
    ]
    rotated = (await api.ask("owner", "POST", f"/keys/{made['id']}/rotate")).json
    changed = await api.ask(
        "owner", "PATCH", f"/keys/{made['id']}", {"allowed_models": None, "expires_at": None}
    )

    assert {name: made[name] for name in wish} == wish
    assert made["key"] not in json.dumps(listed)
    assert rotated["key"] not in (made["key"], None)
    assert rotated["expires_at"] == wish["expires_at"]
    assert (changed.json["allowed_models"], changed.json["expires_at"]) == (None, None)


@pytest.mark.req("OT-26")
async def test_a_key_of_a_bound_user_gets_its_models_and_no_more(api: Api) -> None:
    user = api.fresh()
    await api.made("/users", {"user_id": user, "allowed_models": ["m"]})

    inherited = await api.made("/keys", {"user_id": user})
    beyond = await api.ask("owner", "POST", "/keys", {"user_id": user, "allowed_models": ["x"]})

    assert inherited["allowed_models"] == ["m"]
    assert beyond.status == 422


@pytest.mark.req("OT-35")
async def test_a_budget_is_each_users_own_and_changes_for_all(api: Api) -> None:
    budget = (await api.made("/budgets", {"max_budget": 5, "reset_alignment": "calendar_day"}))[
        "budget_id"
    ]
    for _ in range(2):
        await api.made("/users", {"user_id": api.fresh(), "budget_id": budget})

    changed = await api.ask("owner", "PATCH", f"/budgets/{budget}", {"max_budget": 7.25})
    in_use = await api.ask("owner", "DELETE", f"/budgets/{budget}")

    assert (changed.json["max_budget"], changed.json["user_count"]) == (7.25, 2)
    assert changed.json["reset_alignment"] == "calendar_day"
    assert (in_use.status, in_use.code) == (409, "in_use")
    limits = await api.door.rows(
        "SELECT DISTINCT limit_nanos, period FROM accounts JOIN users ON owner = 'user:' || users.id "
        f"WHERE plan = '{budget}'"
    )
    assert limits == [(7_250_000_000, "day")]


@pytest.mark.req("OT-28", "OT-29", "OT-30")
async def test_a_price_is_told_by_the_million_and_each_that_it_had(api: Api) -> None:
    model = f"up:{api.fresh()}/x"
    tier = {"min_input_tokens": 200_000, "input_price_per_million": 2.5}
    wish = {
        **PRICE,
        "model_key": model,
        "cache_read_price_per_million": 0.1,
        "cache_write_1h_price_per_million": 4,
        "pricing_tiers": [tier],
    }
    path = f"/pricing/{model.replace('/', '%2F')}"

    await api.made(
        "/pricing", {**PRICE, "model_key": model, "effective_at": "2020-01-01T00:00:00Z"}
    )
    made = await api.made("/pricing", wish)
    then = await api.ask("owner", "GET", f"{path}?as_of=2021-01-01T00:00:00Z")
    gone = await api.ask("owner", "DELETE", path)
    history = await api.ask("owner", "GET", f"{path}/history")

    assert {name: made[name] for name in wish if name != "pricing_tiers"} == {
        name: value for name, value in wish.items() if name != "pricing_tiers"
    }
    assert {name: made["pricing_tiers"][0][name] for name in tier} == tier
    assert then.json["cache_write_1h_price_per_million"] is None
    assert (gone.status, gone.code) == (409, "conflict")
    assert history.status == 400 or len(history.json) == 2


async def test_who_administrates_the_tenant_alone_needs_no_role_at_the_house(api: Api) -> None:
    name = api.fresh()

    user = await api.ask("within", "POST", "/users", {"user_id": name})
    own = await api.ask("within", "POST", "/keys", {"user_id": name, "exclude_from_budget": False})
    new = await api.ask("within", "POST", "/keys", {"user_id": api.fresh()})
    bare = await api.ask("within", "POST", "/keys", {})
    prices = await api.ask("within", "GET", "/pricing")

    assert [each.status for each in (user, own, new, bare)] == [200] * 4
    assert (prices.status, prices.code) == (403, "role_insufficient")


@pytest.mark.parametrize(
    ("path", "wish"),
    [
        ("/keys", {}),
        ("/keys", {"user_id": "new", "exclude_from_budget": True}),
        ("/keys", {"user_id": "new", "reject_user_mismatch": True}),
        ("/users", {"user_id": "new"}),
    ],
)
async def test_nothing_is_made_of_which_not_all_may_be_said(
    api: Api, path: str, wish: dict[str, Any]
) -> None:
    count = "SELECT (SELECT COUNT(*) FROM keys), (SELECT COUNT(*) FROM users)"
    before = await api.door.rows(count)

    got = await api.ask("narrow", "POST", path, wish)

    assert (got.status, got.code) == (403, "role_insufficient")
    assert await api.door.rows(count) == before


async def test_nothing_of_another_tenant_is_seen_or_changed(api: Api) -> None:
    foreign = api.door.key_id
    plan = await api.door.on_store(lambda store: plans.create(store, "acme", Terms("a"), now_ms()))

    got = [
        await api.ask("owner", "GET", f"/keys/{foreign}"),
        await api.ask("owner", "PATCH", f"/keys/{foreign}", {"is_active": False}),
        await api.ask("owner", "POST", f"/keys/{foreign}/rotate"),
        await api.ask("owner", "DELETE", f"/keys/{foreign}"),
        await api.ask("owner", "GET", f"/budgets/{plan.id}"),
        await api.ask("owner", "DELETE", f"/budgets/{plan.id}"),
        await api.ask("owner", "GET", "/users/key-" + foreign),
    ]
    listed = await api.ask("owner", "GET", "/keys")
    usage = await api.ask("owner", "GET", f"/usage?api_key_id={foreign}")

    assert [each.status for each in got] == [404] * len(got)
    assert foreign not in [each["id"] for each in listed.json]
    assert usage.json == []
    ((is_disabled,),) = await api.door.rows(
        f"SELECT is_disabled FROM keys WHERE id = '{foreign}' AND digest <> ''"
    )
    assert is_disabled == 0


async def test_every_worker_serves_them(tmp_path: Any) -> None:
    door = prepared(tmp_path, "http://127.0.0.1:1/v1", server="workers = 2")
    door.program = ("-m", "tollhouse", "--profile", "otari")
    await furnish(door, None)
    try:
        await door.start()
        codes = {
            (await send(door.port, request(method="GET", target="/v1/keys"))).code for _ in range(8)
        }
    finally:
        while door.processes:
            door.kill()

    assert codes == {"key_missing"}


async def test_without_a_tenant_for_them_these_paths_are_not_there(tmp_path: Any) -> None:
    async with gateway(tmp_path, "http://127.0.0.1:1/v1") as door:
        raw = request(headers=[bearer(door.key)], method="GET", target="/v1/keys")
        got = await send(door.port, raw)

    assert (got.status, got.code) == (404, "route_unknown")


def test_each_row_stands_under_both_roots() -> None:
    paths = {route.path for route in otari_routes(OpenAIChat())}

    assert {path for path in paths if path.startswith("/v1")} == {
        path.removeprefix("/api") for path in paths if path.startswith("/api/v1")
    }


@pytest.mark.req("OT-78", "OT-77")
async def test_usage_from_outside_is_counted_once_and_told_as_its_sources(api: Api) -> None:
    user, source = await api.user(), api.fresh()
    await api.made("/pricing", {"model_key": f"{source}:m", **PRICE, "effective_at": "2025-01-01"})
    event = {**EXTERNAL, "provider": source, "model": "m", "source_event_id": "e-1"}
    cached = {**event, "source_event_id": "e-2", "cache_read_tokens": 400}
    inside = {**cached, "source_event_id": "e-3", "cache_tokens_in_prompt": True}
    body = {"source": source, "user_id": user, "events": [event, event, cached, inside]}

    first = await api.made("/usage/external-events", body)
    again = await api.made("/usage/external-events", body)

    rows = (await api.ask("owner", "GET", f"/usage?user_id={user}")).json
    assert first == {"accepted": 3, "duplicate": 1, "rejected": 0, "errors": []}
    assert (again["accepted"], again["duplicate"]) == (0, 4)
    assert sorted(row["cost"] for row in rows) == [0.00125, 0.00125, 0.00165]
    assert sorted(row["prompt_tokens"] for row in rows) == [1000, 1000, 1400]
    for row in rows:
        assert (row["source"], row["endpoint"], row["provider"]) == (source, "external", source)
        assert (row["api_key_id"], row["latency_ms"], row["counts_toward_budget"]) == (
            *(None, None),
            True,
        )
    told = (await api.ask("owner", "GET", f"/users/{user}")).json
    assert told["spend"] == 0.00415


@pytest.mark.req("OT-78")
@pytest.mark.parametrize(
    ("beside", "param"),
    [
        ({"model": "m-unknown"}, "events[1].target"),
        ({"user_id": "nobody"}, "events[1].user"),
        ({"status": "odd"}, "events[1].status"),
        ({"session_label": "web"}, "events[1].session_label"),
        ({"duration_ms": 5}, "events[1].duration_ms"),
        ({"timestamp": "soon"}, "events[1].timestamp"),
        ({"timestamp": "2999-01-01T00:00:00Z"}, "events[1].at"),
        ({"cache_read_tokens": 1001, "cache_tokens_in_prompt": True}, "events[1].input_tokens"),
        ({"source_event_id": "e-0"}, "events[1].id"),
        ({"prompt": "hello"}, "prompt"),
    ],
)
async def test_an_event_that_does_not_fit_is_named_and_none_of_them_is_counted(
    api: Api, beside: dict[str, Any], param: str
) -> None:
    source, path = api.fresh(), "/usage/external-events"
    await api.made("/pricing", {"model_key": TARGET, **PRICE, "effective_at": moment(api)})
    event = {**EXTERNAL, "source_event_id": "e-0"}
    other = {**event, "source_event_id": "e-1", "input_tokens": 999, **beside}
    body = {"source": source, "user_id": "the-owner", "events": [event, other]}

    got = await api.ask("owner", "POST", path, body)

    assert (got.status, got.code) == (422, "field_invalid"), got
    assert got.json["param"] == param
    assert await api.door.rows(f"SELECT id FROM calls WHERE request_id LIKE '{source}:%'") == []


def moment(api: Api) -> str:
    """One from before the event, and another one each time."""
    return f"2025-01-01T00:00:{next(api.numbers) % 60:02d}.{next(api.numbers):03d}Z"


@pytest.mark.req("OT-34")
async def test_calls_are_priced_anew_and_what_they_were_billed_is_kept(api: Api) -> None:
    source, user = api.fresh(), await api.user()
    await api.made("/pricing", {"model_key": f"{source}:m", **PRICE, "effective_at": "2025-01-01"})
    event = {**EXTERNAL, "provider": source, "model": "m"}
    events = [{**event, "source_event_id": f"e-{number}"} for number in range(3)]
    await api.made("/usage/external-events", {"source": source, "user_id": user, "events": events})
    wish = {**MEANT, "provider": source, "model": "m", **PRICE, "input_price_per_million": 3}

    first = await api.made("/usage/set-price", wish)
    again = await api.made("/usage/set-price", {**wish, "end_date": "2020-01-01"})

    rows = (await api.ask("owner", "GET", f"/usage?user_id={user}")).json
    assert first == {"matched": 3, "updated": 3, "unchanged": 0}
    assert again == {"matched": 0, "updated": 0, "unchanged": 0}
    assert [row["cost"] for row in rows] == [0.00325] * 3
    assert (await api.ask("owner", "GET", f"/users/{user}")).json["spend"] == 0.00975
    kept = await api.door.rows(
        "SELECT DISTINCT was, k.owed FROM corrections AS k JOIN calls ON id = call "
        f"WHERE user_id = 'main/{user}'"
    )
    assert kept == [(1_250_000, 3_250_000)]
    await api.door.is_consistent()


@pytest.mark.req("OT-34")
@pytest.mark.parametrize(
    ("beside", "param"),
    [
        ({"by_filter": False}, "by_filter"),
        ({"model": None}, "model"),
        ({"provider": None}, "provider"),
        ({"priced": True}, "priced"),
        ({"ids": ["x"]}, "ids"),
        ({"user_id": "anna"}, "user_id"),
        ({"tool": "any"}, "tool"),
        ({"start_date": "soon"}, "start_date"),
        ({"input_price_per_million": -1}, "input"),
        ({"provider": "No Provider"}, "target"),
    ],
)
async def test_what_would_be_priced_anew_is_said_whole_or_refused(
    api: Api, beside: dict[str, Any], param: str
) -> None:
    wish = {**MEANT, "model": "m", **PRICE, **beside}

    got = await api.ask("owner", "POST", "/usage/set-price", wish)

    assert (got.status, got.json["param"]) == (422, param), got
