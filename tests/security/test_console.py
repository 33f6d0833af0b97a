"""Logging on with a browser: by a link that is printed on the host, and what a session opens and to whom."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from journeys.browser import Browser, Page
from journeys.gateway import Gateway, free_port, gateway, now_ms, until
from security.wire import Got, bearer, request, send
from tollhouse.control import admin_tokens, members, peppers, sessions, tenancy
from tollhouse.domain.admin_tokens import Claims
from tollhouse.domain.operations import Role
from tollhouse.domain.roles import HOUSE, Actor, Grant
from tollhouse.domain.sessions import csrf
from tollhouse.wiring import Store

HOST = Actor("host:test", "host", (Grant(Role.OWNER, HOUSE),))
TENANT = {"tenant": "newcomer"}
OF_THE_HOST = Claims()


@dataclass
class Console:
    gateway: Gateway
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def claim(self, claims: Claims = OF_THE_HOST, ttl_s: int = 600) -> str:
        async def made(store: Store) -> str:
            return (await sessions.claim(store, claims, ttl_s, "host:test", now_ms())).secret

        return await self.gateway.on_store(made)

    async def link(self, claims: Claims = OF_THE_HOST) -> str:
        return f"{self.url}/console/claim?claim={await self.claim(claims)}"

    async def logged_on(self, claims: Claims = OF_THE_HOST) -> Browser:
        browser = Browser()
        page = await browser.press(await browser.open(await self.link(claims)))
        assert page.status == 200, page
        return browser

    async def token(self) -> str:
        async def mint(store: Store) -> str:
            known = await peppers.opened(self.gateway.settings, store)
            return (await admin_tokens.mint(store, known, Claims(), 900, "host:t", now_ms())).token

        return await self.gateway.on_store(mint)

    async def ask(
        self,
        browser: Browser,
        method: str = "GET",
        path: str = "/tenants",
        body: Any = None,
        **headers: str,
    ) -> Got:
        """The Admin API, as a script on a page of the console asks it; a header that is empty is left out."""
        secret = secret_of(browser)
        whole = {
            "cookie": f"tollhouse={secret}",
            "origin": self.url,
            "sec-fetch-site": "same-origin",
            "x-csrf-token": csrf(secret),
            "content-type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        lines = [(name, value) for name, value in whole.items() if value]
        sent = json.dumps(body).encode() if body is not None else b""
        target = f"/admin/v1{path}"
        return await send(self.port, request(sent, lines, method=method, target=target))

    async def record(self, route: str, code: str | None) -> dict[str, Any]:
        found: list[dict[str, Any]] = []

        async def is_there() -> bool:
            found[:] = [
                each
                for each in self.gateway.calls()
                if (each["route"], each["code"]) == (route, code)
            ]
            return bool(found)

        await until(is_there, f"a record of {route}")
        return found[-1]


def secret_of(browser: Browser) -> str:
    return browser.cookies["127.0.0.1"]["tollhouse"].value


@pytest.fixture(scope="module")
async def console(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Console]:
    port = free_port()
    lines = f'[admin]\nlisten = "127.0.0.1:{port}"\n'
    directory = tmp_path_factory.mktemp("console")
    async with gateway(directory, "http://127.0.0.1:1/v1", settings=lines) as it:

        async def people(store: Store) -> None:
            for name, role in (("anna", Role.FINANCE), ("bob", Role.OWNER)):
                user = await tenancy.create_user(store, "acme", name, now_ms())
                await members.add(store, HOST, user, "tenant:acme", role, now_ms())

        await it.on_store(people)
        yield Console(it, port)


@pytest.mark.req("S-27", "S-52", "B-23")
async def test_the_link_of_the_host_logs_on_and_the_page_says_who_one_is(console: Console) -> None:
    browser = Browser()

    page = await browser.press(await browser.open(await console.link(Claims("acme/anna"))))

    assert (page.url, page.status) == (f"{console.url}/console", 200)
    assert "acme/anna" in page.text
    assert "finance" in page.text
    record = await console.record("console_claimed", None)
    assert (record["user"], record["proof"], record["outcome"]) == ("acme/anna", "claim", "ok")
    assert record["key"].startswith("session:")


@pytest.mark.req("S-27")
async def test_the_cookie_is_kept_from_scripts_and_from_other_sites(console: Console) -> None:
    browser = await console.logged_on()

    cookie = browser.cookies["127.0.0.1"]["tollhouse"]

    assert cookie.attributes == {"path": "/", "httponly": "", "samesite": "strict"}
    assert len(cookie.value) == len("ths_") + 64


@pytest.mark.req("S-27")
async def test_opening_the_link_alone_uses_nothing_up(console: Console) -> None:
    link = await console.link()
    for _ in range(3):
        assert (await Browser().open(link)).status == 200

    browser = Browser()
    page = await browser.press(await browser.open(link))

    assert page.status == 200
    assert "tollhouse" in browser.cookies["127.0.0.1"]


@pytest.mark.req("S-27")
async def test_a_link_lets_in_once_and_then_says_no_more_than_of_one_that_never_was(
    console: Console,
) -> None:
    first, second = Browser(), Browser()
    page = await first.open(await console.link())
    await first.press(page)

    used = await second.press(page)
    never = await second.press(page, claim="thc_" + "0" * 64)

    assert [it.status for it in (used, never)] == [401, 401]
    assert _without_ids(used) == _without_ids(never)
    assert second.cookies == {}


@pytest.mark.req("S-36a", "S-27")
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "http://localhost:{port}"},
        {"origin": "https://127.0.0.1:{port}"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "http://127.0.0.1:{port}", "sec-fetch-site": "cross-site"},
        {"origin": "http://127.0.0.1:1", "sec-fetch-site": "same-origin"},
    ],
)
@pytest.mark.parametrize("path", ["/console/claim", "/console/logout"])
async def test_no_page_of_somebody_else_logs_anybody_on_or_out(
    console: Console, path: str, headers: Mapping[str, str]
) -> None:
    browser = await console.logged_on()
    secret = secret_of(browser)
    body = f"claim={await console.claim()}" if "claim" in path else f"csrf={csrf(secret)}"

    got = await _posted(console, path, body, {"cookie": f"tollhouse={secret}", **headers})

    assert (got.status, got.code) == (403, "origin_not_allowed")
    assert "set-cookie" not in got.headers
    assert (await console.ask(browser)).status == 200


@pytest.mark.req("S-36a")
async def test_who_is_logged_on_uses_the_admin_api_as_far_as_their_roles_go(
    console: Console,
) -> None:
    owner, anna = await console.logged_on(), await console.logged_on(Claims("acme/anna"))

    made = await console.ask(owner, "POST", "/tenants", TENANT)
    refused = await console.ask(anna, "POST", "/tenants", {"tenant": "another"})

    assert (made.status, refused.status, refused.code) == (201, 403, "role_insufficient")
    (act,) = [
        each
        for each in map(json.loads, console.gateway.audit_lines())
        if each["kind"] == "act" and each["subject"] == "tenant:newcomer"
    ]
    assert act["actor"] == "host:test"
    assert act["token"].startswith("session:")


@pytest.mark.req("S-36a", "S-39")
@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x_csrf_token": ""}, "csrf_token_invalid"),
        ({"x_csrf_token": "0" * 64}, "csrf_token_invalid"),
        ({"x_csrf_token": csrf("ths_" + "0" * 64)}, "csrf_token_invalid"),
        ({"x_csrf_token": "t\xf6ken"}, "csrf_token_invalid"),
        ({"origin": "", "sec_fetch_site": ""}, "origin_not_allowed"),
        ({"origin": "https://evil.example"}, "origin_not_allowed"),
        ({"origin": "null"}, "origin_not_allowed"),
        ({"sec_fetch_site": "cross-site"}, "origin_not_allowed"),
        ({"sec_fetch_site": "same-site"}, "origin_not_allowed"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
async def test_a_cookie_alone_changes_nothing(
    console: Console, method: str, headers: dict[str, str], code: str
) -> None:
    browser = await console.logged_on()
    before = await _tenants(console, browser)
    paths = {"POST": "/tenants", "PATCH": "/tenants/acme", "DELETE": "/tenants/acme"}
    body = {"POST": {"tenant": "forged"}, "PATCH": {"is_disabled": True}}.get(method)

    got = await console.ask(browser, method, paths[method], body, if_match="*", **headers)

    assert (got.status, got.code) == (403, code)
    assert await _tenants(console, browser) == before


@pytest.mark.req("S-36a")
async def test_no_other_page_reads_by_a_cookie(console: Console) -> None:
    browser = await console.logged_on()

    for site in ("cross-site", "same-site"):
        got = await console.ask(browser, sec_fetch_site=site)
        assert (got.status, got.code) == (403, "origin_not_allowed")


@pytest.mark.req("S-44", "S-24")
async def test_a_session_and_a_token_in_one_request_are_refused(console: Console) -> None:
    browser = await console.logged_on()

    got = await console.ask(browser, authorization=f"Bearer {await console.token()}")
    twice = await console.ask(
        browser, cookie=f"tollhouse={secret_of(browser)}; tollhouse=ths_{'0' * 64}"
    )

    assert (got.status, got.code) == (401, "ambiguous_credentials")
    assert (twice.status, twice.code) == (401, "ambiguous_credentials")


@pytest.mark.req("OL-6", "S-52")
async def test_a_session_is_none_in_a_header_and_none_where_calls_come_in(console: Console) -> None:
    browser = await console.logged_on()
    secret = secret_of(browser)

    as_token = await send(
        console.port, request(headers=[bearer(secret)], method="GET", target="/admin/v1/tenants")
    )
    on_calls = await send(
        console.gateway.port,
        request(headers=[("cookie", f"tollhouse={secret}")], method="GET", target="/v1/models"),
    )

    assert (as_token.status, as_token.code) == (401, "key_malformed")
    assert (on_calls.status, on_calls.code) == (401, "key_missing")


@pytest.mark.req("S-27")
async def test_after_logging_out_the_session_opens_nothing_whoever_kept_it(
    console: Console,
) -> None:
    browser = await console.logged_on()
    secret = secret_of(browser)
    kept = Browser({"127.0.0.1": dict(browser.cookies["127.0.0.1"])})

    page = await browser.press(await browser.open(f"{console.url}/console"))

    assert page.url.endswith("/console/login")
    assert browser.cookies["127.0.0.1"] == {}
    got = await console.ask(kept)
    assert (got.status, got.code) == (401, "session_over")
    record = await console.record("console_logout", None)
    assert record["key"].startswith("session:")
    assert secret not in console.gateway.log() + "".join(console.gateway.audit_lines())


@pytest.mark.req("S-35", "S-27")
async def test_logging_on_again_ends_the_session_from_before_and_takes_none_that_was_planted(
    console: Console,
) -> None:
    browser = await console.logged_on()
    before = secret_of(browser)
    planted = Browser({"127.0.0.1": dict(browser.cookies["127.0.0.1"])})

    page = await browser.press(await browser.open(await console.link(Claims("acme/bob"))))

    assert "acme/bob" in page.text
    assert secret_of(browser) != before
    assert (await console.ask(planted)).code == "session_over"


@pytest.mark.req("S-27", "S-26")
async def test_a_session_that_is_ended_from_outside_is_over_at_once(console: Console) -> None:
    owner, other = await console.logged_on(), await console.logged_on(Claims("acme/anna"))
    session = _id((await other.open(f"{console.url}/console")).text)

    ended = await console.ask(owner, "DELETE", f"/sessions/{session}", if_match="*")

    assert ended.status == 200
    assert (await console.ask(other)).code == "session_over"
    told = (await console.ask(owner, path=f"/sessions/{session}")).json
    assert (told["user"], told["ended_by"]) == ("acme/anna", "host:test")
    assert secret_of(other) not in json.dumps(told)


@pytest.mark.req("S-48")
async def test_one_sees_and_ends_ones_own_sessions_and_nobody_elses(console: Console) -> None:
    anna, bob = [await console.logged_on(Claims(f"acme/{name}")) for name in ("anna", "bob")]
    session = _id((await bob.open(f"{console.url}/console")).text)

    seen = (await console.ask(anna, path="/sessions")).json["data"]
    got = await console.ask(anna, "DELETE", f"/sessions/{session}", if_match="*")

    assert {it["user"] for it in seen} == {"acme/anna"}
    assert got.status in (403, 404)
    assert (await console.ask(bob)).status == 200


@pytest.mark.req("S-15", "S-36a")
async def test_every_page_forbids_scripts_frames_and_caches(console: Console) -> None:
    browser = await console.logged_on()
    pages = [
        await browser.open(await console.link()),
        await browser.open(f"{console.url}/console"),
        await browser.open(f"{console.url}/console/claim?claim=%3Cscript%3E"),
    ]

    for page in pages:
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert "<script" not in page.text


@pytest.mark.req("S-27")
@pytest.mark.parametrize("query", ["?next=https://evil.example", "?return_to=//evil.example/"])
async def test_nobody_is_sent_to_another_place_after_logging_on(
    console: Console, query: str
) -> None:
    browser = Browser()
    page = await browser.open(f"{await console.link()}&{query[1:]}")

    await browser.press(page)

    assert all(url.startswith(console.url) for url in browser.visited)


@pytest.mark.req("S-12")
@pytest.mark.parametrize(
    ("body", "media", "code"),
    [
        ("claim=a&claim=b", "application/x-www-form-urlencoded", "field_invalid"),
        ("claim=a&role=owner", "application/x-www-form-urlencoded", "field_invalid"),
        ('{"claim": "a"}', "application/json", "media_type_unsupported"),
        ("claim=a", "text/plain", "media_type_unsupported"),
        ("claim=" + "a" * 5000, "application/x-www-form-urlencoded", "body_too_large"),
        ("", "application/x-www-form-urlencoded", "login_refused"),
        ("claim=%00%ff", "application/x-www-form-urlencoded", "login_refused"),
    ],
)
async def test_a_form_that_is_not_ours_is_refused(
    console: Console, body: str, media: str, code: str
) -> None:
    headers = {"origin": console.url, "content-type": media}

    got = await _posted(console, "/console/claim", body, headers)

    assert got.code == code
    record = await console.record("console_claimed", code)
    assert record["outcome"] == "refused"


@pytest.mark.req("B-24", "S-30")
async def test_who_tries_sessions_out_has_to_wait_and_who_has_one_does_not(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    port = free_port()
    lines = f'[admin]\nlisten = "127.0.0.1:{port}"\n'
    directory = tmp_path_factory.mktemp("throttled")
    auth = "[auth]\nfailures_per_minute = 3\n"
    async with gateway(directory, "http://127.0.0.1:1/v1", settings=lines, store=auth) as it:
        console = Console(it, port)
        browser = await console.logged_on()

        async def tried(number: int) -> int:
            secret = f"thc_{number:064x}"
            body = f"claim={secret}"
            got = await _posted(console, "/console/claim", body, {"origin": console.url})
            return got.status

        tries = [await tried(number) for number in range(8)]

        assert tries[0] == 401
        assert tries[-1] == 429
        assert (await console.ask(browser)).status == 200


async def _posted(console: Console, path: str, body: str, headers: Mapping[str, str]) -> Got:
    whole = {"content-type": "application/x-www-form-urlencoded", **headers}
    lines = [(name, value.format(port=console.port)) for name, value in whole.items()]
    raw = request(body.encode(), lines, target=path, host=f"127.0.0.1:{console.port}")
    return await send(console.port, raw)


async def _tenants(console: Console, browser: Browser) -> list[Any]:
    data = (await console.ask(browser)).json["data"]
    return [(it["id"], it["is_disabled"]) for it in data]


def _id(text: str) -> str:
    (found,) = re.findall(r"<dt>session<dd>(\w+)", text)
    return str(found)


def _without_ids(page: Page) -> str:
    return page.text.replace(page.headers["x-request-id"], "")


async def test_a_browser_without_a_session_is_led_to_where_one_logs_on(console: Console) -> None:
    page = await Browser().open(f"{console.url}/console")

    assert page.url == f"{console.url}/console/login"
    assert page.status == 200
    assert "tollhouse admin claim" in page.text
