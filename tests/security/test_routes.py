"""Nobody enters unknown, by whatever path: what is not declared whole does not exist."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

import pytest

from journeys.endpoints import body_of, type_of
from journeys.gateway import Gateway
from journeys.provider import Provider
from security.callers import Callers
from security.wire import (
    CHAT,
    JSON,
    Got,
    Lines,
    bearer,
    recorded,
    refused_in_dialect,
    request,
    send,
)
from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.domain.bounds import PURPOSES
from tollhouse.pipeline.route import ID, Audited, Cancelled, Does, Metered, Route, RouteTable, Takes
from tollhouse.pipeline.serve import serve
from tollhouse.server.routes import route_table, unrouted
from tollhouse.wiring.dialects import dialects


def named(route: Route) -> str:
    """Its path, of something that is not there."""
    return route.path.replace(ID, "one")


ROUTES = list(route_table(dialects(), 1024))
DECLARED = [(route.method, named(route)) for route in ROUTES if route.method != "HEAD"]
UNDECLARED = [
    (method, path)
    for path in sorted({path for _, path in DECLARED})
    for method in ("DELETE", "PUT", "PATCH", "OPTIONS")
    if (method, path) not in DECLARED
]
HEADS = [route.path for route in ROUTES if route.method == "HEAD"]
BODIES = {named(route): body_of(route.name) for route in ROUTES}
TYPES = {named(route): type_of(route.name) for route in ROUTES}
BODY = BODIES[CHAT]
METERED = {route.path for route in ROUTES if route.metered is Metered.TOKENS}
STRANGERS: dict[str, tuple[Lines, str]] = {
    "no key": ((), "key_missing"),
    "an empty bearer": ((("authorization", "Bearer "),), "key_malformed"),
    "an empty header": ((("x-api-key", ""),), "key_malformed"),
    "another scheme": ((("authorization", "Basic dXNlcjpwYXNz"),), "key_malformed"),
    "a vendor's key": ((("x-api-key", "sk-ant-0123456789"),), "key_malformed"),
    "a token of three parts": ((bearer("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."),), "key_malformed"),
    "a quote": ((bearer("' OR '1'='1"),), "key_malformed"),
    "a quote in a key": ((bearer("thk_' OR '1'='1' --"),), "key_malformed"),
    "a second statement": ((bearer("thk_x'; DROP TABLE keys; --"),), "key_malformed"),
    "a wildcard": ((bearer("thk_%"),), "key_malformed"),
    "a path": ((bearer("thk_../../etc/passwd"),), "key_malformed"),
    "a template": ((bearer("thk_{0.__class__}"),), "key_malformed"),
    "letters of another script": ((bearer("thk_\u00e9\u00ff"),), "key_malformed"),
    "eight thousand letters": ((bearer("thk_" + "a" * 8000),), "key_malformed"),
    "a cookie": ((("cookie", "session=x"),), "key_missing"),
    "a proxy's word": ((("x-forwarded-user", "admin"), ("x-real-ip", "127.0.0.1")), "key_missing"),
}
"""Headers, and the code of the refusal."""

FOREIGN_HOSTS = [
    *("evil.example", "127.0.0.1.nip.test", "localhost.evil.example", "127.0.0.2", "[::2]", "0.0.0.0"),
    *("localhost:8400/#@x", "x/health?a=", "127.0.0.1:1/v1/models?", "a,b", "[::1", "x" * 4000, "a b"),
]  # fmt: skip
ODD_PATHS = [
    *("//v1/chat/completions", "/v1//chat/completions", "/v1/chat/completions/"),
    *("/v1%2fchat/completions", "/v1/chat%2Fcompletions", "/%76%31/chat/completions"),
    *("/v1/chat/completions;x=1", "/v1;/chat/completions", "/v1/chat/completions%00"),
    *("/v1/./chat/completions", "/v1/../v1/chat/completions", "/x/%2e%2e/v1/chat/completions"),
    *("/V1/chat/completions", "/v1/chat/completions%20", "/v1\\chat\\completions", "/v1/chat/completions.json"),
    *("/v1/proxy/chat/completions", "/proxy/v1/chat/completions", "/v1/chat/completions/x", "*"),
]  # fmt: skip
UNKNOWN = [
    *(("GET", "/v1"), ("POST", "/v1/completion"), ("POST", "/v1/embedding"), ("POST", "/key/generate")),
    *(("GET", "/metrics"), ("GET", "/docs"), ("GET", "/openapi.json"), ("GET", "/debug/pprof/")),
    *(("GET", "/admin"), ("POST", "/api/creates"), ("DELETE", "/api/v1/delete"), ("GET", "/api"), ("POST", "/health")),
    *(("GET", "/health/ready/x"), ("GET", "/.env"), ("PROPFIND", "/"), ("OPTIONS", "/v1/nowhere")),
]  # fmt: skip


@pytest.mark.req("P-2", "S-21", "S-22", "R-1")
@pytest.mark.parametrize("stranger", STRANGERS)
@pytest.mark.parametrize(("method", "path"), DECLARED)
async def test_every_route_refuses_every_stranger(
    door: Gateway, up: Provider, method: str, path: str, stranger: str
) -> None:
    headers, code = STRANGERS[stranger]

    got = await send(
        door.port, request(BODIES[path], (*headers, TYPES[path]), method=method, target=path)
    )

    refused_in_dialect(got, code, path)
    assert got.headers["www-authenticate"].startswith("Bearer")
    assert up.asked == []


@pytest.mark.req("P-2", "S-21", "OL-33")
@pytest.mark.parametrize("path", HEADS)
@pytest.mark.parametrize("stranger", STRANGERS)
async def test_the_head_of_a_route_is_told_to_no_stranger_either(
    door: Gateway, path: str, stranger: str
) -> None:
    headers, _ = STRANGERS[stranger]

    got = await send(door.port, request(headers=headers, method="HEAD", target=path))

    assert (got.status, got.body) == (401, b"")


@pytest.mark.req("P-2", "S-21", "S-24")
@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("expired", "key_expired"),
        ("disabled", "key_disabled"),
        ("revoked", "key_unknown"),
        ("unknown", "key_unknown"),
        ("wrong_secret", "key_unknown"),
        ("mistyped", "key_malformed"),
    ],
)
@pytest.mark.parametrize(("method", "path"), DECLARED)
async def test_every_route_refuses_every_key_that_is_not_valid(
    door: Gateway, callers: Callers, up: Provider, method: str, path: str, who: str, code: str
) -> None:
    headers = (bearer(getattr(callers, who)), TYPES[path])

    got = await send(door.port, request(BODIES[path], headers, method=method, target=path))

    refused_in_dialect(got, code, path)
    assert up.asked == []


@pytest.mark.req("P-2", "S-48", "P-5")
@pytest.mark.parametrize(("method", "path"), DECLARED)
async def test_a_key_of_another_tenant_gets_only_what_is_its_own(
    door: Gateway, callers: Callers, up: Provider, method: str, path: str
) -> None:
    got = await send(
        door.port,
        request(BODIES[path], (bearer(callers.poor), TYPES[path]), method=method, target=path),
    )

    assert up.asked == []
    if path in METERED:
        refused_in_dialect(got, "budget_missing", path)  # acme's budget is not its own
    else:
        assert b"acme" not in got.body


@pytest.mark.req("P-2", "S-3", "S-21", "S-39", "B-10", "H-31", "H-32", "H-34")
@pytest.mark.parametrize("host", FOREIGN_HOSTS)
@pytest.mark.parametrize(("method", "path"), [*DECLARED, ("POST", "/key/generate")])
async def test_no_host_opens_a_route(
    door: Gateway, up: Provider, method: str, path: str, host: str
) -> None:
    got = await send(door.port, request(BODY, (JSON,), method=method, target=path, host=host))

    assert (got.status, got.code) == (421, "host_not_allowed")
    assert up.asked == []


@pytest.mark.req("S-3", "S-21", "P-2")
@pytest.mark.parametrize("path", ODD_PATHS)
async def test_a_path_that_only_looks_like_a_route_is_none(
    door: Gateway, callers: Callers, up: Provider, path: str
) -> None:
    """Even with a good key: what a proxy before us reads differently is not answered."""
    got = await send(door.port, request(BODY, (bearer(callers.good), JSON), target=path))

    assert got.status in {400, 404}
    assert up.asked == []


@pytest.mark.req("S-21", "S-60", "P-2", "R-1", "H-88")
@pytest.mark.parametrize(("method", "path"), UNKNOWN)
@pytest.mark.parametrize("has_key", [False, True])
async def test_an_unknown_path_is_refused_and_written_down(
    door: Gateway, callers: Callers, up: Provider, method: str, path: str, has_key: bool
) -> None:
    request_id = f"unknown-{method}{path}-{has_key}"
    headers: list[tuple[str, str]] = [("x-request-id", request_id)]
    if has_key:
        headers.append(bearer(callers.good))

    got = await send(door.port, request(headers=headers, method=method, target=path))

    _is_problem_json(got, 404, "route_unknown", request_id)
    assert (await recorded(door, request_id))["code"] == "route_unknown"
    assert up.asked == []


@pytest.mark.req("S-21")
@pytest.mark.parametrize(("method", "path"), UNDECLARED)
async def test_a_method_that_a_route_does_not_take_is_refused(
    door: Gateway, callers: Callers, up: Provider, method: str, path: str
) -> None:
    request_id = f"method-{method}{path}"
    headers = (bearer(callers.good), ("x-request-id", request_id))

    got = await send(door.port, request(headers=headers, method=method, target=path))

    _is_problem_json(got, 405, "method_not_allowed", request_id)
    assert up.asked == []


@pytest.mark.req("S-21")
@pytest.mark.parametrize(
    "raw",
    [
        b"GET http/1.1\r\n\r\n",
        b"POST v1/chat/completions HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization : x\r\n\r\n",
        b"POST /v1/\xff HTTP/1.1\r\nhost: x\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_a_bad_request(door: Gateway, up: Provider, raw: bytes) -> None:
    got = await send(door.port, raw)

    assert got.status == 400
    assert up.asked == []


@pytest.mark.req("P-5", "S-21")
@pytest.mark.parametrize(
    "part",
    [
        *("metered", "does", "guardrails", "deadline_s", "cancelled", "audited", "takes"),
        *("max_body_bytes", "is_plain"),
    ],
)
def test_a_route_that_leaves_something_out_cannot_be_made(part: str) -> None:
    declared = _declaration()
    del declared[part]

    with pytest.raises(TypeError, match=part):
        Route(**declared)


@pytest.mark.req("P-5")
def test_no_part_of_a_route_has_a_default() -> None:
    parts = [part for part in fields(Route) if part.init]

    assert all(part.default is part.default_factory is MISSING for part in parts)


@pytest.mark.req("P-5")
@pytest.mark.parametrize(
    "wrong",
    [
        {"guardrails": ("does-not-exist",)},
        {"deadline_s": 0},
        {"deadline_s": -1.0},
        {"max_body_bytes": -1},
        {"path": "v1/chat"},
        {"path": ""},
    ],
)
def test_a_route_that_cannot_hold_what_it_says_is_not_registered(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="chat"):
        RouteTable(Route(**{**_declaration(), **wrong}))


@pytest.mark.req("P-5")
def test_a_path_is_declared_once() -> None:
    route = Route(**_declaration())

    with pytest.raises(ValueError, match="twice"):
        RouteTable(route, route)


@pytest.mark.req("P-5", "S-21")
@pytest.mark.parametrize("route", [*ROUTES, unrouted(OpenAIChat())], ids=lambda it: it.name)
def test_every_route_is_audited_bounded_and_cancelled_with_its_caller(route: Route) -> None:
    assert route.audited is Audited.ALWAYS
    assert route.cancelled is Cancelled.WITH_CALLER
    assert 0 < route.deadline_s <= 3600
    assert (route.metered is Metered.TOKENS) == (route.serve is serve)


def _declaration() -> dict[str, Any]:
    return {
        "name": "chat",
        "method": "POST",
        "path": CHAT,
        "dialect": OpenAIChat(),
        "serve": serve,
        "metered": Metered.TOKENS,
        "does": Does.CHANGES,
        "guardrails": (),
        "deadline_s": 1.0,
        "cancelled": Cancelled.WITH_CALLER,
        "audited": Audited.ALWAYS,
        "takes": Takes.JSON,
        "max_body_bytes": 1,
        "is_plain": False,
    }


def _is_problem_json(got: Got, status: int, code: str, request_id: str) -> None:
    assert got.status == status, got
    assert got.headers["content-type"] == "application/problem+json"
    assert got.headers["x-request-id"] == got.json["request_id"] == request_id
    assert got.headers["x-should-retry"] == "false"
    assert got.json["type"] == f"urn:tollhouse:error:{code}"
    assert (got.json["status"], got.json["code"]) == (status, code)


@pytest.mark.req("B-21")
def test_every_path_is_for_one_purpose_that_a_key_can_be_bound_to() -> None:
    """What belongs to none is refused to every key that is bound: give it a word in domain/bounds."""
    bound = [route for routes in PURPOSES.values() for route in routes]
    offered = {route.name for route in ROUTES} - {"ollama_manage"}

    assert sorted(bound) == sorted(offered)
