"""Tokens that this gateway signs itself: two secrets while one is exchanged for the other, and nobody else's."""

from __future__ import annotations

import hmac
import json
from typing import Any

import pytest

from auth.bearers import NOW
from issuing import encoded
from tollhouse.auth.own_keys import OwnKeys
from tollhouse.auth.tokens import Issuer, Tokens
from tollhouse.domain.claims import Expected, Rule
from tollhouse.domain.errors import TokenInvalid
from tollhouse.domain.identity import Principal
from tollhouse.domain.limiting import Defaults, Rules
from tollhouse.domain.people import Member, People
from tollhouse.domain.snapshot import Names, Snapshot

OLD, NEW = b"o" * 32, b"n" * 32
OWNERS = ("tenant:acme", "project:acme/default", "user:acme/anna", "issuer:tollhouse")
PEOPLE = People({name: Member(at) for at, name in enumerate(OWNERS)}, Rules(Defaults(), {}))
SNAPSHOT = Snapshot(1, {}, Names({}), {}, people=PEOPLE)
RULE = Rule({}, "claim:tenant", "claim:project", "claim:user", ("*",), models_claim="models")
EXPECTED = Expected("tollhouse", "tollhouse", frozenset({"tollhouse"}), 3600, (RULE,))


class Clock:
    now_s = 0.0


def claims(**others: Any) -> dict[str, Any]:
    return {
        "iss": "tollhouse",
        "aud": "tollhouse",
        "sub": "acme/anna",
        "iat": int(NOW),
        "exp": int(NOW) + 600,
        "models": ["m"],
        "tenant": "acme",
        "project": "default",
        "user": "anna",
        **others,
    }


def own(clock: Clock, until_s: float = 100.0) -> tuple[Tokens, OwnKeys, OwnKeys]:
    """The door with both secrets, and who signed before and after the change."""
    both = OwnKeys({1: OLD, 2: NEW}, 2, until_s, lambda: clock.now_s)
    before = OwnKeys({1: OLD}, 1, 0, lambda: clock.now_s)
    return Tokens({"tollhouse": Issuer(EXPECTED, both)}), before, both


@pytest.mark.req("OP-2", "B-22", "S-28")
def test_what_the_secret_before_signed_is_good_until_the_grace_is_over() -> None:
    clock = Clock()
    tokens, before, after = own(clock)
    old, new = before.token(claims()), after.token(claims())

    clock.now_s = 99.9
    assert _let_in(tokens, old) == _let_in(tokens, new) == ("acme/anna", ("m",))

    clock.now_s = 100.0
    assert _let_in(tokens, new) == ("acme/anna", ("m",))
    with pytest.raises(TokenInvalid):
        tokens.identify(old, SNAPSHOT, NOW)


@pytest.mark.req("OP-2")
def test_without_a_grace_the_secret_before_is_none() -> None:
    tokens, before, _ = own(Clock(), until_s=float("-inf"))

    with pytest.raises(TokenInvalid):
        tokens.identify(before.token(claims()), SNAPSHOT, NOW)


@pytest.mark.req("OP-9", "OP-4", "S-33")
@pytest.mark.parametrize(
    ("head", "secret"),
    [
        ({"alg": "HS256", "kid": "2"}, OLD),
        ({"alg": "HS256", "kid": "1"}, NEW),
        ({"alg": "HS256", "kid": "3"}, NEW),
        ({"alg": "HS256"}, NEW),
        ({"alg": "HS256", "kid": "None"}, NEW),
        ({"alg": "HS256", "kid": ""}, NEW),
        ({"alg": "HS512", "kid": "2"}, NEW),
        ({"alg": "none", "kid": "2"}, NEW),
        ({"alg": "RS256", "kid": "2"}, NEW),
        ({"alg": "HS256", "kid": "2"}, b""),
        ({"alg": "HS256", "kid": "2"}, b"dev-secret-key"),
    ],
)
def test_another_secret_key_or_algorithm(head: dict[str, str], secret: bytes) -> None:
    tokens, _, _ = own(Clock())
    said = f"{encoded(json.dumps(head).encode())}.{encoded(json.dumps(claims()).encode())}"
    digest = f"sha{head['alg'][2:]}" if head["alg"].startswith("HS") else "sha256"
    mac = hmac.digest(secret, said.encode(), digest)

    with pytest.raises(TokenInvalid):
        tokens.identify(f"{said}.{encoded(mac)}", SNAPSHOT, NOW)


def test_a_secret_shows_in_nothing() -> None:
    _, _, keys = own(Clock())

    assert "nnnn" not in repr(keys.keys) + repr(keys)


def _let_in(tokens: Tokens, token: str) -> tuple[str, tuple[str, ...]]:
    caller = tokens.identify(token, SNAPSHOT, NOW)
    assert isinstance(caller, Principal)
    return caller.user, caller.models
