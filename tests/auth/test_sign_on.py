"""Logging on by a provider, as the provider sees it: where browsers go, what is asked of it and what it answers."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from auth.bearers import NOW, door, said
from fakes import FakeAnswer, FakeExchange
from issuing import ISSUER, encoded, signing_key
from tollhouse.auth.sign_on import HASHES, Client, Giver, SignOn
from tollhouse.auth.tokens import Issuer, Tokens
from tollhouse.domain.claims import Expected, Rule
from tollhouse.domain.errors import IssuerUnavailable, LoginRefused
from tollhouse.domain.exchange import Sending
from tollhouse.domain.sessions import LoggedIn, derived
from tollhouse.domain.urls import parse

KEY = signing_key("k1", "ES256")
OTHER = "https://other.example.com"
BROWSER, STATE, CODE = "what-the-browser-keeps", "state", "code"
ACCESS = "an access token"
CLIENT = Client(
    id="con/sole", secret="canary:of the secret", redirect_uri="https://gate.example.com/back"
)
RULES = (
    Rule({"groups": "ops"}, "acme", "default", "bob", ()),
    Rule({"groups": "ml"}, "acme", "default", "claim:sub", ()),
)

pytestmark = pytest.mark.req("S-35")


@dataclass
class Provider:
    """Implements Upstream: its document, and what it gives for a code."""

    document: dict[str, Any] = field(default_factory=dict)
    given: Any = None
    status: int = 200
    """Of what it gives."""

    sent: list[Sending] = field(default_factory=list)

    def send(self, sending: Sending) -> FakeExchange:
        self.sent.append(sending)
        document = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            **self.document,
        }
        said = document if sending.method == b"GET" else self.given
        raw = said if isinstance(said, bytes) else json.dumps(said).encode()
        status = 200 if sending.method == b"GET" else self.status
        return FakeExchange(FakeAnswer(status, [raw]))


def sign_on(provider: Provider, client: Client = CLIENT, path: bytes | None = None) -> SignOn:
    ring = door(KEY).ring
    if provider.given is None:
        provider.given = {"id_token": token(), "access_token": ACCESS}
    expected = Expected("okta", ISSUER, frozenset({client.id}), 3600, RULES)
    known = {
        ISSUER: Issuer(expected, ring),
        OTHER: Issuer(replace(expected, name="other", issuer=OTHER), ring),
    }
    return SignOn(
        client=client,
        expected=expected,
        given=((("finance", "house"),), ()),
        url=parse(ISSUER),
        upstream=provider,
        giver=Giver(provider, path),
        tokens=Tokens(known),
        clock_s=lambda: NOW,
    )


def token(**claims: Any) -> str:
    whole = {"aud": CLIENT.id, "nonce": derived(BROWSER, "nonce"), **claims}
    return KEY.token(said(**whole))


async def logged_on(provider: Provider, issuer: str | None = ISSUER) -> LoggedIn:
    return await sign_on(provider).arrived(CODE, BROWSER, issuer)


async def why_not(provider: Provider, issuer: str | None = ISSUER) -> str:
    with pytest.raises(LoginRefused) as refused:
        await logged_on(provider, issuer)
    return refused.value.private or ""


@pytest.mark.parametrize(
    ("said_at", "told"),
    [(None, f"{ISSUER}/authorize?"), ("https://sso.example.com/go?a=b", "go?a=b&")],
)
async def test_browsers_go_where_the_settings_say_or_else_the_document(
    said_at: str | None, told: str
) -> None:
    provider = Provider()

    address = await sign_on(provider, replace(CLIENT, authorize_url=said_at)).address(
        STATE, BROWSER
    )

    assert told in address
    assert parse_qs(urlsplit(address).query)["state"] == [STATE]
    assert len(provider.sent) == (said_at is None)


async def test_a_provider_that_names_no_page_has_none() -> None:
    with pytest.raises(IssuerUnavailable):
        await sign_on(Provider({"authorization_endpoint": "javascript:1"})).address(STATE, BROWSER)


async def test_the_rule_that_fits_says_who_it_is_and_what_that_gives() -> None:
    anna = await logged_on(Provider())
    bob = await logged_on(Provider(given={"id_token": token(sub="x", groups=["ops"])}))

    assert anna == LoggedIn("acme/anna", "anna", ())
    assert bob == LoggedIn("acme/bob", "x", (("finance", "house"),))


@pytest.mark.parametrize(
    ("document", "issuer", "is_let_in"),
    [
        ({}, None, True),
        ({}, ISSUER, True),
        ({}, "https://other.example.com", False),
        ({"authorization_response_iss_parameter_supported": True}, ISSUER, True),
        ({"authorization_response_iss_parameter_supported": True}, None, False),
        ({"authorization_response_iss_parameter_supported": "yes"}, None, True),
    ],
    ids=range(6),
)
async def test_whoever_says_that_it_names_itself_has_to(
    document: dict[str, Any], issuer: str | None, *, is_let_in: bool
) -> None:
    if is_let_in:
        assert await logged_on(Provider(document), issuer)
    else:
        assert "another issuer" in await why_not(Provider(document), issuer)


@pytest.mark.parametrize("secret", ["", CLIENT.secret])
async def test_the_secret_goes_out_as_the_standard_has_it_or_none_does(secret: str) -> None:
    provider = Provider()

    await sign_on(provider, replace(CLIENT, secret=secret)).arrived(CODE, BROWSER, ISSUER)

    headers = dict(provider.sent[-1].headers)
    shown = b64decode(headers.get(b"authorization", b"").removeprefix(b"Basic ")).decode()
    assert shown == ("con%2Fsole:canary%3Aof%20the%20secret" if secret else "")


@pytest.mark.parametrize(("path", "asked"), [(None, b"/token"), (b"/elsewhere", b"/elsewhere")])
async def test_codes_are_exchanged_where_the_settings_say_or_else_the_document(
    path: bytes | None, asked: bytes
) -> None:
    provider = Provider()

    await sign_on(provider, path=path).arrived(CODE, BROWSER, ISSUER)

    assert provider.sent[-1].path == asked


@pytest.mark.parametrize("given", [b"no JSON", b"[]", {}, {"id_token": 7}], ids=repr)
async def test_what_is_no_answer_lets_nobody_in(given: Any) -> None:
    assert await why_not(Provider(given=given))


async def test_a_good_token_of_another_issuer_of_ours_lets_nobody_in() -> None:
    assert "another issuer" in await why_not(Provider(given={"id_token": token(iss=OTHER)}))


async def test_a_code_that_the_provider_does_not_take_lets_nobody_in() -> None:
    assert "not exchanged" in await why_not(Provider(status=400))


async def test_what_speaks_for_another_issuer_is_as_good_as_away() -> None:
    with pytest.raises(IssuerUnavailable):
        await logged_on(Provider({"issuer": OTHER}))


HALVES = {size: len(made(b"").digest()) // 2 for size, made in HASHES.items()}


def half(access: str, size: str = "256") -> str:
    return encoded(HASHES[size](access.encode()).digest()[: HALVES[size]])


@pytest.mark.parametrize(
    ("claims", "access"),
    [({}, ACCESS), ({"at_hash": half(ACCESS)}, ACCESS), ({"at_hash": half(ACCESS)}, None)],
    ids=range(3),
)
async def test_it_came_with_its_own_access_token_or_with_none(
    claims: dict[str, Any], access: str | None
) -> None:
    given = {"id_token": token(**claims), "access_token": access}

    assert await logged_on(Provider(given=given))


@pytest.mark.parametrize("said_hash", [half("another"), half(ACCESS, "512"), "", 7], ids=range(4))
async def test_it_did_not_come_with_another_access_token(said_hash: Any) -> None:
    given = {"id_token": token(at_hash=said_hash), "access_token": ACCESS}

    assert "another access token" in await why_not(Provider(given=given))
