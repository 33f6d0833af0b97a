"""Requests that are framed well and ask for what nobody should get: targets, hosts, methods, bodies."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from journeys.gateway import Gateway, ask
from journeys.provider import Provider
from security.callers import Callers
from security.wire import (
    CHAT,
    JSON,
    Got,
    Lines,
    bearer,
    chunked_request,
    exchange,
    head,
    recorded,
    records,
    request,
    send,
)

CANARY = "canary-41c7"
BODY = json.dumps(ask()).encode()

TARGETS = {
    "H-25": ["/v1/../admin/keys", "/..", "/v1/./models", "/../../etc/passwd"],
    "H-26": ["/v1%2f..%2fadmin", "/v1%2F%2e%2e%2Fadmin", "/v1%2fmodels", "/v1%5c..%5cadmin"],
    "H-27": ["//admin/keys", "/v1//models", "//v1/models"],
    "H-28": ["/v1/models%00", "/v1/models%0d%0ax: y", "/%7f", "/v1/models%"],
    "H-29": ["/%c0%ae%c0%ae/admin", "/%ff", "/%ed%a0%80"],
    "H-30": [
        "http://evil.example/v1/models",
        "http://localhost/v1/models",
        "https://localhost/",
        "*",
    ],
}
UNKNOWN = [
    *("/V1/Chat/Completions", "/v1/chat/completions/", "/v1/chat/completions;jsessionid=1", "/v1/models;a=b"),
    *("/v1;a=b/models", "/v1/chat%20/completions", "/v1/mo%64els", "/v1/chat/completions.", "/v1/%252e%252e/x"),
]  # fmt: skip
METHODS = [
    ("TRACE", CHAT), ("OPTIONS", CHAT), ("GET", CHAT), ("PUT", CHAT), ("DELETE", "/v1/models"), ("POST", "/v1/models"),
]  # fmt: skip
OVERRIDES = [
    ("x-http-method-override", "POST"), ("x-method-override", "POST"), ("x-http-method", "POST"),
    ("x-original-url", CHAT), ("x-rewrite-url", CHAT), ("x-forwarded-uri", CHAT), ("x-forwarded-method", "POST"),
    ("x-forwarded-host", "evil.example"), ("x-forwarded-prefix", "/admin"), ("forwarded", "host=evil.example"),
]  # fmt: skip


@pytest.mark.req("S-3", "H-25", "H-26", "H-27", "H-28", "H-29", "H-30", "OL-4")
@pytest.mark.parametrize("target", [target for targets in TARGETS.values() for target in targets])
async def test_a_target_that_could_be_cleaned_up_differently_is_refused(
    door: Gateway, callers: Callers, up: Provider, target: str
) -> None:
    got, named = await _sent(door, callers, "GET", target.replace(" ", "%20"))

    await _is_refused(door, up, got, named, 400, "target_invalid")


@pytest.mark.req("S-3", "S-21", "H-35")
@pytest.mark.parametrize("target", UNKNOWN)
async def test_a_target_that_resembles_a_route_is_unknown_with_and_without_a_key(
    door: Gateway, callers: Callers, up: Provider, target: str
) -> None:
    got, named = await _sent(door, callers, "POST", target)
    await _is_refused(door, up, got, named, 404, "route_unknown")

    stranger = await send(door.port, request(BODY, (JSON, ("x-request-id", named)), target=target))

    assert (stranger.status, stranger.body) == (got.status, got.body)


@pytest.mark.req("S-3", "S-39", "B-10", "H-31", "H-32", "H-34")
@pytest.mark.parametrize(
    "host", ["localhost:4000/#@x", "x/health?a=", "127.0.0.1.nip.test", "evil", CANARY, "localhost,evil"]
)  # fmt: skip
async def test_by_another_name_nobody_comes_in(
    door: Gateway, callers: Callers, up: Provider, host: str
) -> None:
    got, named = await _sent(door, callers, "POST", CHAT, host=host)

    await _is_refused(door, up, got, named, 421, "host_not_allowed")


@pytest.mark.req("S-39", "B-10")
@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"http://{CANARY}"])
async def test_a_page_from_elsewhere_may_not_ask(
    door: Gateway, callers: Callers, up: Provider, origin: str
) -> None:
    got, named = await _sent(door, callers, "POST", CHAT, ("origin", origin))

    await _is_refused(door, up, got, named, 403, "origin_not_allowed")
    assert not [name for name in got.headers if name.startswith("access-control-")]


@pytest.mark.req("S-39", "B-10", "H-34")
@pytest.mark.parametrize("target", ["/health", "/health/ready", "/", "/nowhere"])
async def test_nor_see_whether_anybody_lives_here(door: Gateway, target: str) -> None:
    rebound = await send(door.port, request(method="GET", target=target, host="evil.example"))
    page = await send(
        door.port, request(headers=[("origin", "http://x.test")], method="GET", target=target)
    )

    assert (rebound.code, page.code) == ("host_not_allowed", "origin_not_allowed")


@pytest.mark.req("S-5", "H-36")
@pytest.mark.parametrize(("method", "target"), METHODS)
async def test_a_method_is_taken_where_it_is_declared_and_nowhere_else(
    door: Gateway, callers: Callers, up: Provider, method: str, target: str
) -> None:
    got, named = await _sent(door, callers, method, target)

    await _is_refused(door, up, got, named, 405, "method_not_allowed")


@pytest.mark.req("S-3", "S-37", "H-36")
@pytest.mark.parametrize("override", OVERRIDES, ids=lambda it: it[0])
async def test_no_header_changes_the_method_or_the_target(
    door: Gateway, callers: Callers, up: Provider, override: tuple[str, str]
) -> None:
    on_chat, _ = await _sent(door, callers, "GET", CHAT, override)
    nowhere, _ = await _sent(door, callers, "POST", "/nowhere", override)

    assert (on_chat.code, nowhere.code) == ("method_not_allowed", "route_unknown")
    assert up.asked == []


@pytest.mark.req("S-4", "S-37", "H-21")
async def test_headers_that_others_would_believe_change_nothing(
    door: Gateway, callers: Callers, up: Provider
) -> None:
    named = "believed"
    lies = [
        *(("X_Forwarded_User", "admin"), ("Content_Length", "5"), ("Transfer_Encoding", "chunked")),
        *(
            ("x-forwarded-for", "203.0.113.9"),
            ("x-real-ip", "203.0.113.9"),
            ("x-forwarded-user", "admin"),
        ),
    ]

    got = await send(
        door.port, request(BODY, [bearer(callers.good), JSON, ("x-request-id", named), *lies])
    )

    assert got.status == 200
    assert json.loads(up.asked.pop().raw)["messages"] == ask()["messages"]
    record = await recorded(door, named)
    assert (record["outcome"], record["peer"], record["key"]) == (
        "ok",
        "127.0.0.1",
        callers.good_id,
    )


@pytest.mark.req("S-4", "H-22")
async def test_a_header_that_connection_names_is_still_asked_for(
    door: Gateway, callers: Callers, up: Provider
) -> None:
    hop = "Connection: Authorization, X-Api-Key, close\r\n"
    with_key = f"authorization: Bearer {callers.good}\r\n"

    for key, status in (("", 401), (with_key, 200)):
        raw = f"GET /v1/models HTTP/1.1\r\nhost: localhost\r\n{hop}{key}\r\n".encode()
        assert (await send(door.port, raw)).status == status

    assert up.asked == []


@pytest.mark.req("S-5", "H-23")
async def test_a_key_in_a_trailer_opens_nothing(
    door: Gateway, callers: Callers, up: Provider
) -> None:
    whole = chunked_request([BODY], (JSON, ("x-request-id", "trailed")))
    trailed = whole[:-2] + f"authorization: Bearer {callers.good}\r\n\r\n".encode()

    got = await send(door.port, trailed)

    await _is_refused(door, up, got, "trailed", 401, "key_missing")


@pytest.mark.req("S-5", "H-24")
@pytest.mark.parametrize("who", ["unknown", "revoked", "mistyped"])
async def test_who_may_not_come_in_is_not_told_to_go_on(
    door: Gateway, callers: Callers, up: Provider, who: str
) -> None:
    headers = (
        bearer(getattr(callers, who)),
        JSON,
        ("expect", "100-continue"),
        ("content-length", "99"),
        ("x-request-id", f"expecting-{who}"),
    )

    received = await exchange(door.port, head("POST", CHAT, headers))

    assert received.startswith(b"HTTP/1.1 401 ")
    assert b"100 Continue" not in received
    assert b"connection: close" in received
    assert (await recorded(door, f"expecting-{who}"))["status"] == 401
    assert up.asked == []
    await door.nothing_is_held()


@pytest.mark.req("S-5", "H-67")
@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
async def test_a_body_that_nobody_wanted_is_no_request(
    door: Gateway, callers: Callers, up: Provider, method: str
) -> None:
    """On the path of a listing; and with POST behind a refusal of 401."""
    target = CHAT if method == "POST" else "/v1/models"
    hidden = request(BODY, (bearer(callers.good), JSON, ("x-request-id", f"hidden-{method}")))
    first = request(hidden, (JSON,), method=method, target=target).replace(
        b"connection: close\r\n", b"", 1
    )
    second = request(headers=(bearer(callers.good),), method="GET", target="/v1/models")

    received = await exchange(door.port, first + second)

    assert re.findall(rb"HTTP/1\.1 (\d{3}) ", received)[1:] == [b"200"]
    assert records(door, f"hidden-{method}") == []
    assert up.asked == []


@pytest.mark.req("S-7", "B-2", "H-58")
@pytest.mark.parametrize("is_chunked", [True, False])
async def test_an_image_of_50_megabytes_is_refused_early(
    door: Gateway, callers: Callers, up: Provider, is_chunked: bool
) -> None:
    image = b"data:image/png;base64," + b"A" * 50_000_000
    named = f"image-{is_chunked}"
    headers = (bearer(callers.good), JSON, ("x-request-id", named))
    before = _kib(door)

    got = await send(
        door.port, chunked_request([image], headers) if is_chunked else request(image, headers)
    )

    await _is_refused(door, up, got, named, 413, "body_too_large")
    assert _kib(door) - before < 16 * 1024


@pytest.mark.req("H-69", "S-49")
@pytest.mark.parametrize(
    "model",
    [CANARY * 1000, "../", "*", "a/b/c", "m ", " m", "M", "m\n", "up:m-real", "m%00", "..%2fm", "m*", "m,m", "{m}"],
)  # fmt: skip
async def test_a_model_is_known_by_its_name_or_not_at_all(
    door: Gateway, callers: Callers, up: Provider, model: str
) -> None:
    named = f"model-{abs(hash(model))}"
    headers = (bearer(callers.good), JSON, ("x-request-id", named))

    got = await send(door.port, request(json.dumps({**ask(), "model": model}).encode(), headers))

    assert (got.status, got.code) == (404, "model_unknown")
    assert len(got.body) < 500
    record = await recorded(door, named)
    assert (record["code"], record["model"]) == ("model_unknown", None)
    assert up.asked == []
    await door.nothing_is_held()


async def _sent(
    door: Gateway,
    callers: Callers,
    method: str,
    target: str,
    *headers: tuple[str, str],
    host: str = "localhost",
) -> tuple[Got, str]:
    """With all that an honest request has."""
    named = f"strange-{abs(hash((method, target, headers, host)))}"
    lines: Lines = (
        bearer(callers.good),
        JSON,
        ("x-request-id", named),
        ("x-said", CANARY),
        *headers,
    )
    return await send(
        door.port, request(BODY, lines, method=method, target=target, host=host)
    ), named


async def _is_refused(
    door: Gateway, up: Provider, got: Got, named: str, status: int, code: str
) -> None:
    assert (got.status, got.code) == (status, code)
    assert got.headers["x-request-id"] == named
    assert CANARY.encode() not in got.body
    record = await recorded(door, named)
    assert (record["code"], record["status"], record["outcome"]) == (code, status, "refused")
    assert up.asked == []
    await door.nothing_is_held()


def _kib(door: Gateway) -> int:
    lines = Path(f"/proc/{door.processes[-1].pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
