"""JWT-SVIDs: tokens of workloads, by the keys of their own trust domain's bundle and by no others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from auth.bearers import MEMBERS, NOW
from issuing import ISSUER, SigningKey, said, signing_key
from tollhouse.auth.key_ring import KeyRing
from tollhouse.auth.key_sets import FOR_SVIDS, FOR_SVIDS_ALONE, KeySetWithdrawn
from tollhouse.auth.tokens import Issuer, Tokens
from tollhouse.domain.claims import Expected, Rule
from tollhouse.domain.errors import IssuerUnavailable, TokenInvalid
from tollhouse.domain.identity import Principal
from tollhouse.domain.limiting import Defaults, Rules
from tollhouse.domain.people import Member, People
from tollhouse.domain.snapshot import Names, Snapshot

WEB = "spiffe://prod.example.org/ns/anna"
LIFE_S = 3600
PROD, OTHER = signing_key("p1", "ES256", 21), signing_key("o1", "ES256", 22)
LOGIN = signing_key("l1", "ES256", 23)
RULE = Rule({"/path/1": "ns"}, "acme", "default", "claim:/path/2", ("m",))


def bundle(*keys: SigningKey, use: str = "jwt-svid") -> bytes:
    """As SPIFFE has it: an authority for certificates beside the keys."""
    listed = [{**{k: v for k, v in key.public.items() if k != "alg"}, "use": use} for key in keys]
    others: list[dict[str, Any]] = [{"use": "x509-svid", "kty": "EC", "x5c": ["AAAA"]}]
    return json.dumps({"keys": [*others, *listed], "spiffe_sequence": 7}).encode()


class Door:
    """Two trust domains, and an identity provider."""

    def __init__(self, prod: bytes = b"") -> None:
        self.prod = prod or bundle(PROD)
        self.revoked: dict[tuple[str, str], int] = {}
        login = json.dumps({"keys": [LOGIN.public]}).encode()
        self.tokens = Tokens(
            {
                "spiffe://prod.example.org": self._issuer("prod", lambda: self.prod),
                "spiffe://other.example.org": self._issuer("other", lambda: bundle(OTHER)),
                ISSUER: Issuer(
                    Expected("okta", ISSUER, frozenset({"x"}), LIFE_S, (RULE,)),
                    KeyRing("okta", _fetching(lambda: login), ["ES256"], refresh_s=9, stale_s=9),
                ),
            }
        )

    def _issuer(self, name: str, raw: Any) -> Issuer:
        domain = f"{name}.example.org"
        expected = Expected(name, "", frozenset({"tollhouse"}), LIFE_S, (RULE,), domain)
        fetch = _fetching(raw)
        ring = KeyRing(name, fetch, ["ES256"], refresh_s=9, stale_s=9, use=FOR_SVIDS)
        return Issuer(expected, ring)

    async def let_in(self, token: str) -> Principal:
        members = {**MEMBERS, "issuer:prod": Member(8), "issuer:other": Member(9)}
        people = People(members, Rules(Defaults(), {}), revoked_before=self.revoked)
        snapshot = Snapshot(1, {}, Names({}), {}, people=people)
        found = self.tokens.identify(token, snapshot, NOW)
        while not isinstance(found, Principal):
            await found
            found = self.tokens.identify(token, snapshot, NOW)
        return found


def svid(key: SigningKey = PROD, /, **claims: Any) -> str:
    """As SPIRE signs it: without `iss`."""
    return key.token(said(NOW, **{"iss": None, "aud": ["tollhouse"], "sub": WEB, **claims}))


def _fetching(raw: Any) -> Any:
    async def fetch() -> bytes:
        return bytes(raw())

    return fetch


@pytest.mark.req("S-41", "OC-3")
async def test_a_workload_comes_in_by_what_its_trust_domain_signed() -> None:
    caller = await Door().let_in(svid())

    assert (caller.user, caller.accounts[3], caller.proof.by) == ("acme/anna", 8, "token:prod")
    assert caller.key.startswith("prod:")


@pytest.mark.req("S-41")
async def test_it_need_not_say_who_issued_it_and_when() -> None:
    assert (await Door().let_in(svid(iat=None, iss="https://spire.example.org"))).user


@pytest.mark.req("S-41", "H-143", "S-31")
@pytest.mark.parametrize(
    "claims",
    [
        {"aud": None},
        {"aud": []},
        {"aud": ["tollhouse", "other"]},
        {"aud": "other"},
        {"sub": None},
        {"sub": "anna"},
        {"sub": "spiffe://prod.example.org"},
        {"sub": "spiffe://prod.example.org/"},
        {"sub": "spiffe://PROD.example.org/ns/anna"},
        {"sub": "spiffe://prod.example.org/ns/anna?x"},
        {"sub": "spiffe://prod.example.org:1/ns/anna"},
        {"sub": f"spiffe://prod.example.org/ns/{'a' * 2048}"},
        {"sub": "spiffe://elsewhere.example.org/ns/anna"},
        {"sub": "spiffe://prod.example.org/other/anna"},
        {"exp": None},
        {"exp": NOW - 1},
        {"exp": int(NOW) + LIFE_S + 61, "iat": None},
        {"path": {"1": "ns"}, "sub": "spiffe://prod.example.org/x/anna"},
    ],
    ids=str,
)
async def test_what_is_wrong_with_one_lets_nobody_in(claims: dict[str, Any]) -> None:
    await refused(Door(), svid(**claims))


@pytest.mark.req("S-42", "S-41")
async def test_the_keys_of_one_trust_domain_sign_for_no_other_and_for_no_provider() -> None:
    door = Door()

    await refused(door, svid(OTHER, sub=WEB))
    await refused(door, OTHER.token(said(NOW, iss=ISSUER, aud="x", sub="anna")))
    await refused(door, svid(LOGIN))
    await refused(door, PROD.token(said(NOW, iss=ISSUER, aud="x", sub=WEB)))


@pytest.mark.req("S-41")
async def test_a_key_of_the_bundle_that_is_for_something_else_signs_nothing() -> None:
    await unknown(Door(bundle(PROD, use="sig")))
    await unknown(Door(bundle(PROD, use="x509-svid").replace(b'"x5c": ["AAAA"]', b'"x": 1')))


@pytest.mark.req("S-41")
async def test_one_that_does_not_say_when_it_was_issued_is_as_old_as_it_can_be() -> None:
    door = Door()
    door.revoked["prod", WEB] = int(NOW) - LIFE_S + 700

    assert (await door.let_in(svid())).user
    await refused(door, svid(iat=None))


@pytest.mark.req("S-41", "S-42")
async def test_keys_that_an_agent_says_need_not_say_what_they_are_for_and_may_be_withdrawn() -> (
    None
):
    said_by_agent: list[bytes | None] = [json.dumps({"keys": [_without_use(PROD)]}).encode()]

    async def fetch() -> bytes:
        if (raw := said_by_agent[-1]) is None:
            raise KeySetWithdrawn("it has none of that trust domain")
        return raw

    ring = KeyRing("prod", fetch, ["ES256"], refresh_s=9, stale_s=9, use=FOR_SVIDS_ALONE)
    await _looked(ring)
    assert ring.key("p1")
    said_by_agent.append(None)
    await _looked(ring)
    assert not ring.keys
    others = {**_without_use(OTHER), "use": "x509-svid"}
    said_by_agent.append(json.dumps({"keys": [_without_use(PROD), others]}).encode())
    await _looked(ring)
    assert ring.keys.keys() == {"p1"}


async def _looked(ring: KeyRing) -> None:
    ring.refresh()
    ring.refresh()  # whoever looks already is enough
    looking = ring.looked()
    assert looking is not None
    await looking


def _without_use(key: SigningKey) -> dict[str, Any]:
    return {name: value for name, value in key.public.items() if name not in ("use", "alg")}


async def refused(door: Door, token: str) -> None:
    with pytest.raises(TokenInvalid):
        await door.let_in(token)


async def unknown(door: Door) -> None:
    with pytest.raises(IssuerUnavailable):
        await door.let_in(svid())
