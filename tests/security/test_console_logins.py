"""Logging on by an identity provider: a login ends once, where it began, for whom its rules name, or not at all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from issuing import signing_key
from journeys.browser import Browser, Page
from journeys.gateway import Gateway, free_port, furnish, now_ms, prepared, until
from journeys.oidc import AUTHORIZE, CLIENT, SECRET, TOKEN, IdentityProvider, identity_provider
from security.wire import Got, bearer, request, send
from tollhouse.control import members, revoking, tenancy
from tollhouse.domain.operations import Role
from tollhouse.domain.roles import HOUSE, Actor, Grant
from tollhouse.domain.sessions import csrf
from tollhouse.storage import tenancy as stored
from tollhouse.storage.tenancy import Kind
from tollhouse.wiring import Store

HOST = Actor("host:test", "host", (Grant(Role.OWNER, HOUSE),))


@dataclass
class Console:
    gateway: Gateway
    port: int
    okta: IdentityProvider
    other: IdentityProvider

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def mend(self) -> None:
        """As they were before the test."""
        for it in (self.okta, self.other):
            it.claims, it.document, it.answer_to_login, it.id_token = {}, {}, {}, ""
            it.is_down, it.secret, it.codes = False, SECRET, {}

    async def pressed(self, browser: Browser, provider: str = "okta") -> Page:
        """The whole way: to the provider, back, and to where that leads."""
        page = await browser.open(f"{self.url}/console/login")
        number = [action for action, _ in page.forms].index(f"/console/login/{provider}")
        return await browser.press(page, number)

    async def answer_for(self, browser: Browser, provider: str = "okta") -> str:
        """Up to the provider's answer, which is not followed: the address that it sends the browser to."""
        keeping = Halting(browser.cookies, browser.visited)
        await self.pressed(keeping, provider)
        return keeping.halted_at

    async def tenants(self, browser: Browser) -> Got:
        secret = browser.cookies["127.0.0.1"]["tollhouse"].value
        lines = [("cookie", f"tollhouse={secret}"), ("sec-fetch-site", "same-origin")]
        return await send(
            self.port, request(headers=lines, method="GET", target="/admin/v1/tenants")
        )

    async def refused(self, page: Page) -> None:
        assert page.status == 401, page
        assert "login_refused" in page.text
        assert "canary" not in page.text


class Halting(Browser):
    """Goes everywhere but to where a provider sends it back."""

    halted_at = ""

    async def _asked(self, method: str, url: str, *rest: Any) -> Page:
        if "/console/callback/" in url:
            self.halted_at = url
            return Page(url, 200, {}, "")
        return await super()._asked(method, url, *rest)


@pytest.mark.req("S-35", "P-20", "P-21")
async def test_who_logs_on_at_the_provider_is_logged_on_here_with_what_store_and_rule_give(
    console: Console,
) -> None:
    browser = Browser()

    page = await console.pressed(browser)

    assert (page.url, page.status) == (f"{console.url}/console", 200)
    assert "acme/anna" in page.text
    assert "finance<dd>at acme" in page.text
    assert "auditor<dd>at the house" in page.text
    assert (await console.tenants(browser)).status == 200
    assert list(browser.cookies["127.0.0.1"]) == ["tollhouse"]


@pytest.mark.req("S-35", "P-20")
async def test_the_record_says_who_logged_on_and_by_whom_and_no_secret_is_in_it(
    console: Console,
) -> None:
    browser = Browser()
    await console.pressed(browser)
    (code,) = [
        dict(parse_qsl(urlsplit(url).query))["code"]
        for url in browser.visited
        if "/console/callback/" in url
    ]

    async def is_written() -> bool:
        return any(it["proof"] == "login:okta" for it in console.gateway.calls())

    await until(is_written, "the login is recorded")
    record = [it for it in console.gateway.calls() if it["proof"] == "login:okta"][-1]
    assert (record["route"], record["user"]) == ("console_back", "acme/anna")
    told = console.gateway.log() + "".join(console.gateway.audit_lines())
    assert browser.cookies["127.0.0.1"]["tollhouse"].value not in told
    assert SECRET not in told
    assert f"={code}" not in told


@pytest.mark.req("S-35", "S-27")
async def test_on_the_way_back_no_strict_cookie_comes_along_and_none_is_needed(
    console: Console,
) -> None:
    browser = Browser()
    await console.pressed(browser)
    before = browser.cookies["127.0.0.1"]["tollhouse"].value

    page = await console.pressed(browser)

    assert page.status == 200
    assert browser.cookies["127.0.0.1"]["tollhouse"].value != before
    stale = Browser({"127.0.0.1": {**browser.cookies["127.0.0.1"]}})
    cookie = stale.cookies["127.0.0.1"]["tollhouse"]
    stale.cookies["127.0.0.1"]["tollhouse"] = type(cookie)(before, cookie.attributes)
    assert (await console.tenants(stale)).code == "session_over"


@pytest.mark.req("S-35")
async def test_what_is_asked_of_the_provider_is_different_each_time_and_proves_nothing_alone(
    console: Console,
) -> None:
    browsers = [Browser(), Browser()]
    for browser in browsers:
        await console.answer_for(browser)

    asked = [
        dict(parse_qsl(urlsplit(url).query))
        for browser in browsers
        for url in browser.visited
        if AUTHORIZE in url
    ]

    for name in ("state", "nonce", "code_challenge"):
        assert asked[0][name] != asked[1][name]
        assert len(asked[0][name]) >= 43
    assert asked[0]["redirect_uri"] == f"{console.url}/console/callback/okta"
    for browser, query in zip(browsers, asked, strict=True):
        cookie = browser.cookies["127.0.0.1"]["tollhouse-login"].value
        assert cookie not in str(query)


@pytest.mark.req("S-35")
async def test_an_answer_is_taken_once(console: Console) -> None:
    browser = Browser()
    answer = await console.answer_for(browser)
    kept = Browser({"127.0.0.1": dict(browser.cookies["127.0.0.1"])})

    first = await browser.open(answer, by=console.okta.issuer)
    second = await kept.open(answer, by=console.okta.issuer)

    assert first.status == 200
    await console.refused(second)


@pytest.mark.req("S-35")
async def test_of_many_who_bring_one_answer_at_once_one_is_let_in(console: Console) -> None:
    browser = Browser()
    answer = await console.answer_for(browser)
    copies = [Browser({"127.0.0.1": dict(browser.cookies["127.0.0.1"])}) for _ in range(5)]

    pages = await asyncio.gather(*(copy.open(answer, by=console.okta.issuer) for copy in copies))

    assert sorted(page.status for page in pages) == [200, 401, 401, 401, 401]


@pytest.mark.req("S-35", "S-36a")
@pytest.mark.parametrize("has_begun", [False, True])
async def test_nobody_is_logged_on_as_somebody_else_by_a_link(
    console: Console, *, has_begun: bool
) -> None:
    attacker, victim = Browser(), Browser()
    answer = await console.answer_for(attacker)
    if has_begun:
        await console.answer_for(victim)

    page = await victim.open(answer, by="https://evil.example")

    await console.refused(page)
    assert "tollhouse" not in victim.cookies.get("127.0.0.1", {})


@pytest.mark.req("S-35")
async def test_a_code_of_another_login_opens_nothing(console: Console) -> None:
    """Brought in another browser's own answer: its verifier is another."""
    attacker, victim = Browser(), Browser()
    stolen = dict(parse_qsl(urlsplit(await console.answer_for(victim)).query))["code"]
    answer = await console.answer_for(attacker)
    own = dict(parse_qsl(urlsplit(answer).query))["code"]

    page = await attacker.open(answer.replace(f"code={own}", f"code={stolen}"))

    await console.refused(page)


@pytest.mark.req("S-35")
async def test_an_answer_of_one_provider_is_none_of_another(console: Console) -> None:
    browser = Browser()
    answer = await console.answer_for(browser)

    page = await browser.open(answer.replace("/callback/okta", "/callback/other"))

    await console.refused(page)
    assert console.other.codes == {}


@pytest.mark.req("S-35")
async def test_a_provider_that_sends_back_in_anothers_name_is_refused(console: Console) -> None:
    console.okta.answer_to_login = {"iss": console.other.issuer}
    await console.refused(await console.pressed(Browser()))

    console.okta.answer_to_login = {"iss": ""}
    console.okta.document = {"authorization_response_iss_parameter_supported": True}
    await console.refused(await console.pressed(Browser()))


HOUR = 3600
WRONG: dict[str, dict[str, Any]] = {
    "no nonce": {"nonce": None},
    "another nonce": {"nonce": "0" * 64},
    "a nonce that is none": {"nonce": 7},
    "another client": {"aud": "another-client"},
    "two clients": {"aud": [CLIENT, "another-client"]},
    "no audience": {"aud": None},
    "given to another": {"azp": "another-client"},
    "another access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    "another issuer": {"iss": "https://login.example.com"},
    "over": {"iat": int(time.time()) - 2 * HOUR, "exp": int(time.time()) - HOUR},
    "of a login from before": {"iat": int(time.time()) - 700, "exp": int(time.time()) + HOUR},
    "without an end": {"exp": None},
    "about nobody": {"sub": None},
    "no rule": {"groups": ["sales"]},
    "nobody here": {"sub": "stranger"},
    "bound to a key": {"cnf": {"jkt": "x"}},
}


@pytest.mark.req("S-35", "S-33")
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
async def test_a_token_that_is_not_of_this_login_logs_nobody_on(
    console: Console, wrong: dict[str, Any]
) -> None:
    console.okta.claims = wrong
    browser = Browser()

    await console.refused(await console.pressed(browser))

    assert "tollhouse" not in browser.cookies["127.0.0.1"]


@pytest.mark.req("S-33", "S-35")
@pytest.mark.parametrize("kind", ["unsigned", "another key", "another issuer's", "none", "garbage"])
async def test_a_token_that_the_provider_did_not_sign_logs_nobody_on(
    console: Console, kind: str
) -> None:
    good = console.okta.token(aud=CLIENT)
    console.okta.id_token = {
        "unsigned": good.rpartition(".")[0] + ".",
        "another key": signing_key("k1", "ES256", 9).token({"iss": console.okta.issuer}),
        "another issuer's": console.other.token(aud=CLIENT),
        "none": "e30.e30.",
        "garbage": "x" * 9000,
    }[kind]

    await console.refused(await console.pressed(Browser()))


@pytest.mark.req("S-35")
async def test_a_good_token_of_another_provider_of_ours_ends_no_login_of_this_one(
    console: Console,
) -> None:
    own = console.okta.keys
    console.okta.keys, console.okta.claims = console.other.keys, {"iss": console.other.issuer}

    try:
        await console.refused(await console.pressed(Browser()))
    finally:
        console.okta.keys = own


@pytest.mark.req("S-35")
async def test_the_token_of_a_login_opens_no_call_and_one_for_calls_ends_no_login(
    console: Console,
) -> None:
    as_key = await send(
        console.gateway.port,
        request(
            headers=[bearer(console.okta.token(aud=CLIENT, nonce="n"))],
            method="GET",
            target="/v1/models",
        ),
    )
    console.okta.id_token = console.okta.token()

    await console.refused(await console.pressed(Browser()))
    assert (as_key.status, as_key.code) == (401, "token_invalid")


@pytest.mark.req("S-35")
async def test_a_provider_that_says_no_or_nothing_logs_nobody_on(console: Console) -> None:
    for told in ({"code": "", "error": "<b>canary</b>"}, {"code": ""}, {"code": "made-up"}):
        console.okta.answer_to_login = told
        await console.refused(await console.pressed(Browser()))
    console.okta.answer_to_login, console.okta.secret = {}, "another"
    await console.refused(await console.pressed(Browser()))


async def test_while_the_provider_is_away_that_is_said_and_nothing_is_left(
    console: Console,
) -> None:
    console.okta.is_down = True
    before = await console.gateway.rows("SELECT COUNT(*) FROM logins")

    page = await console.pressed(Browser())

    assert page.status == 503
    assert "canary" not in page.text
    assert await console.gateway.rows("SELECT COUNT(*) FROM logins") == before


@pytest.mark.req("S-35", "S-65")
@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://login.example.com"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": None},
    ],
)
async def test_a_document_that_leads_astray_leads_nowhere(
    console: Console, document: dict[str, Any]
) -> None:
    console.okta.document = document

    page = await console.pressed(Browser())

    assert page.status == 503


@pytest.mark.req("S-35", "S-65")
async def test_the_clients_secret_goes_to_the_issuers_own_origin_alone(console: Console) -> None:
    console.okta.document = {"token_endpoint": console.other.issuer + TOKEN}

    await console.refused(await console.pressed(Browser()))

    assert TOKEN not in console.other.asked


@pytest.mark.req("S-36a")
async def test_no_other_page_begins_a_login(console: Console) -> None:
    browser = Browser()

    page = await browser.send(f"{console.url}/console/login/okta", {}, "https://evil.example/")

    assert page.status == 403
    assert browser.cookies == {}
    unknown = await browser.send(f"{console.url}/console/login/nobody", {}, console.url)
    await console.refused(unknown)


@pytest.mark.req("S-27", "S-43")
@pytest.mark.parametrize("how", ["shut out", "another role", "taken back"])
async def test_who_is_not_what_they_were_is_logged_out_and_may_begin_again_if_still_here(
    console: Console, how: str
) -> None:
    browser = Browser()
    await console.pressed(browser)

    async def changed(store: Store) -> None:
        if how == "shut out":
            await stored.set_disabled(store, Kind.USER, "acme/anna", is_disabled=True)
        elif how == "another role":
            await members.change(store, HOST, "acme/anna", "tenant:acme", Role.READONLY)
        else:
            await revoking.revoke(store, "okta", HOUR, "", "anna", now_ms())

    async def put_back(store: Store) -> None:
        await stored.set_disabled(store, Kind.USER, "acme/anna", is_disabled=False)
        await members.change(store, HOST, "acme/anna", "tenant:acme", Role.FINANCE)

    await console.gateway.on_store(changed)
    over = await console.tenants(browser)
    await console.gateway.on_store(put_back)

    assert (over.status, over.code) == (401, "session_over")
    assert (await console.tenants(browser)).code == "session_over"
    assert (await console.pressed(Browser())).status == 200


@pytest.mark.req("S-36a")
async def test_the_session_of_a_login_changes_nothing_by_its_cookie_alone(console: Console) -> None:
    browser = Browser()
    await console.pressed(browser)
    secret = browser.cookies["127.0.0.1"]["tollhouse"].value
    own = [("cookie", f"tollhouse={secret}"), ("origin", console.url)]
    body, target = b'{"tenant": "forged"}', "/admin/v1/tenants"
    media = ("content-type", "application/json")

    without = await send(console.port, request(body, [*own, media], target=target))
    token = ("x-csrf-token", csrf(secret))
    with_it = await send(console.port, request(body, [*own, media, token], target=target))

    assert (without.status, without.code) == (403, "csrf_token_invalid")
    assert (with_it.status, with_it.code) == (403, "role_insufficient")


@pytest.fixture(scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Console]:
    directory, port = tmp_path_factory.mktemp("logins"), free_port()
    async with AsyncExitStack() as stack:
        okta = await stack.enter_async_context(identity_provider())
        other = await stack.enter_async_context(identity_provider())
        other.keys = [signing_key("k2", "ES256", 1)]
        said = f'[admin]\nlisten = "127.0.0.1:{port}"\n'
        for name, it in (("okta", okta), ("other", other)):
            said += f"""
[issuers.{name}]
issuer = "{it.issuer}"
audiences = ["https://llm.example.com"]
client_id = "{CLIENT}"
client_secret = "env:CLIENT_SECRET"
[[issuers.{name}.rules]]
when = {{ groups = "ml" }}
tenant = "acme"
user = "claim:sub"
role = "auditor"
"""
        it = prepared(directory, "http://127.0.0.1:1/v1", settings=said)
        it.environ["CLIENT_SECRET"] = SECRET
        await furnish(it, None)

        async def people(store: Store) -> None:
            await tenancy.create_user(store, "acme", "anna", now_ms())
            await members.add(store, HOST, "acme/anna", "tenant:acme", Role.FINANCE, now_ms())

        await it.on_store(people)
        async with it.serving():
            yield Console(it, port, okta, other)


@pytest.fixture
def console(served: Console) -> Console:
    served.mend()
    return served
