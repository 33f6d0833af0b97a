"""What a token has to say before anybody hears of whom it is: each bound, and the moment before it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tollhouse.domain import spiffe
from tollhouse.domain.claims import (
    LEEWAY_S,
    LOGIN_S,
    LONGEST_SUBJECT,
    MOST_LISTED,
    Claimed,
    Expected,
    Role,
    Rule,
    account,
    claimed,
    logged_in,
)
from tollhouse.domain.tokens import TokenRefused

NOW = 1_800_000_000
LIFE_S = 3600
AUDIENCE = "https://llm.example.com"
BOT = Rule({}, "acme", "default", "bot", ("m",))
EXPECTED = Expected("okta", "https://login.example.com", frozenset({AUDIENCE}), LIFE_S, (BOT,))


def heard(rule: Rule = BOT, /, **claims: Any) -> Claimed:
    whole = {"aud": AUDIENCE, "sub": "anna", "iat": NOW, "exp": NOW + 600, **claims}
    return claimed(whole, replace(EXPECTED, rules=(rule,)), NOW)


def refused(rule: Rule = BOT, /, **claims: Any) -> str:
    with pytest.raises(TokenRefused) as caught:
        heard(rule, **claims)
    return str(caught.value)


@pytest.mark.req("H-127", "H-128", "S-31")
@pytest.mark.parametrize(
    "times",
    [
        {"exp": NOW + 1},
        {"iat": NOW + LEEWAY_S, "exp": NOW + LEEWAY_S + 1},
        {"exp": NOW + LIFE_S},
        {"nbf": 0},
        {"nbf": NOW + LEEWAY_S},
        {"nbf": NOW + 30, "exp": NOW + 30},
    ],
    ids=str,
)
def test_times_that_just_fit(times: dict[str, int]) -> None:
    assert heard(**times).until == times.get("exp", NOW + 600)


@pytest.mark.req("H-127", "H-128", "S-31")
@pytest.mark.parametrize(
    ("times", "why"),
    [
        ({"exp": NOW}, "expired"),
        ({"iat": NOW + LEEWAY_S + 1, "exp": NOW + LEEWAY_S + 2}, "of the future"),
        ({"iat": NOW + 30, "exp": NOW + 30}, "ends before it begins"),
        ({"exp": NOW + LIFE_S + 1}, "lives longer"),
        ({"nbf": NOW + LEEWAY_S + 1}, "has not come"),
        ({"nbf": NOW + 31, "exp": NOW + 30}, "has not come"),
        ({"iat": -1}, "no moment"),
    ],
    ids=str,
)
def test_times_that_just_do_not_fit(times: dict[str, int], why: str) -> None:
    assert why in refused(**times)


@pytest.mark.req("H-129", "S-31")
def test_as_many_audiences_as_anybody_lists() -> None:
    assert heard(aud=[AUDIENCE] * MOST_LISTED)

    assert "for whom" in refused(aud=[AUDIENCE] * (MOST_LISTED + 1))


@pytest.mark.req("H-131", "S-31")
@pytest.mark.parametrize("sub", ["", "a" * (LONGEST_SUBJECT + 1), "anna\n", "\u202eanna", 7, None])
def test_a_subject_that_is_none_whatever_the_rule_makes_of_it(sub: Any) -> None:
    assert "whom it is about" in refused(sub=sub)


@pytest.mark.req("H-131", "S-31")
def test_the_longest_subject() -> None:
    assert heard(sub="a" * LONGEST_SUBJECT).subject == "a" * LONGEST_SUBJECT


@pytest.mark.req("H-143", "S-31")
def test_a_workload_is_of_its_own_trust_domain_and_may_have_a_long_name() -> None:
    expected = replace(EXPECTED, trust_domain="prod.example")

    def workload(sub: str) -> Claimed:
        return claimed({"aud": AUDIENCE, "sub": sub, "exp": NOW + 600}, expected, NOW)

    start = "spiffe://prod.example/"
    longest = start + "a" * (spiffe.LONGEST - len(start))
    assert workload(longest).subject == longest
    for other in ("spiffe://other.example/a", "spiffe://prod.example.com/a", longest + "a", "anna"):
        with pytest.raises(TokenRefused):
            workload(other)


@pytest.mark.req("H-140", "S-31")
@pytest.mark.parametrize("jti", ["", "a" * (LONGEST_SUBJECT + 1), 7, ["a"], {}, True], ids=repr)
def test_an_id_that_nobody_could_take_back(jti: Any) -> None:
    assert refused(jti=jti) == "its `jti` is none"


@pytest.mark.req("H-140", "S-31")
@pytest.mark.parametrize("jti", ["a", "a" * LONGEST_SUBJECT, None])
def test_an_id_or_none(jti: str | None) -> None:
    assert heard(jti=jti).id == jti


@pytest.mark.req("H-139", "P-21")
@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("ml", "ml"),
        ("m*", "ml"),
        ("m*", ["x", 7, None, "ml"]),
        ("ml", ["x"] * (MOST_LISTED - 1) + ["ml"]),
        ("true", True),
        ("false", False),
    ],
    ids=str,
)
def test_a_rule_that_fits(wanted: str, said: Any) -> None:
    assert heard(replace(BOT, when={"groups": wanted}), groups=said).rule == 1


@pytest.mark.req("H-139", "P-21")
@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("m*", 7),
        ("m*", ["l", 7, ["ml"]]),
        ("ml", ["ml"] * (MOST_LISTED + 1)),
        ("true", False),
        ("false", True),
        ("True", True),
        ("None", None),
    ],
    ids=str,
)
def test_a_rule_that_does_not(wanted: str, said: Any) -> None:
    assert "none of the issuer's rules" in refused(
        replace(BOT, when={"groups": wanted}), groups=said
    )


@pytest.mark.req("H-139", "P-21")
@pytest.mark.parametrize("name", ["", "../bob", "Anna", "a" * 64, "a b", 7, ["anna"], None])
@pytest.mark.parametrize("what", ["tenant", "project", "user"])
def test_a_claim_that_is_no_name(what: str, name: Any) -> None:
    rule = replace(BOT, **{what: "claim:of"})  # type: ignore[arg-type]

    assert refused(rule, of=name) == f"its claim `of` is not the name of a {what}"


@pytest.mark.req("H-139", "P-21")
@pytest.mark.parametrize("proof", [False, "true", 1, None])
def test_an_address_that_its_issuer_did_not_verify(proof: Any) -> None:
    rule = replace(BOT, user="claim:email")

    assert heard(rule, email="anna@example.com").user == "acme/anna@example.com"
    assert "not verified" in refused(rule, email="anna@example.com", email_verified=proof)


@pytest.mark.req("S-46")
def test_a_list_of_models_has_an_end() -> None:
    rule = replace(BOT, models_claim="models")

    assert heard(rule, models=["m"] * MOST_LISTED).only == ("m",) * MOST_LISTED
    assert "lists no models" in refused(rule, models=["m"] * (MOST_LISTED + 1))


def test_an_account_of_an_issuer_has_its_name() -> None:
    assert (account("okta", ""), account("okta", "ml")) == ("issuer:okta", "issuer:okta/ml")


CLIENT, NONCE = "console", "n" * 43


def logged(at: float = NOW, **claims: Any) -> Claimed:
    whole = {"aud": CLIENT, "sub": "anna", "iat": NOW, "exp": NOW + LIFE_S, "nonce": NONCE}
    expected = replace(EXPECTED, audiences=frozenset({CLIENT}))
    return logged_in({**whole, **claims}, expected, NONCE, CLIENT, at)


@pytest.mark.req("S-35")
def test_a_login_ends_with_the_token_that_it_began_for() -> None:
    assert logged().user == "acme/bot"
    assert logged(azp=CLIENT).user == "acme/bot"
    assert logged(NOW + LOGIN_S).user == "acme/bot"


@pytest.mark.req("S-35")
@pytest.mark.parametrize(
    ("claims", "at", "why"),
    [
        ({"nonce": "m" * 43}, NOW, "did not begin here"),
        ({"nonce": None}, NOW, "did not begin here"),
        ({"cnf": {"jkt": "A" * 43}}, NOW, "does not prove"),
        ({"azp": "another"}, NOW, "another client"),
        ({}, NOW + LOGIN_S + 1, "from before"),
    ],
)
def test_a_login_ends_with_no_other_token(claims: dict[str, Any], at: float, why: str) -> None:
    with pytest.raises(TokenRefused, match=why):
        logged(at, **claims)


@pytest.mark.req("OP-5")
@pytest.mark.parametrize(
    ("rule", "said", "role"),
    [
        ("readonly", None, Role.READONLY),
        ("claim:role", "user", Role.USER),
        ("claim:role", ["admin", "readonly", "user"], Role.ADMIN),
        ("claim:role", ["chef", "readonly"], Role.READONLY),
        ("claim:role", ["x"] * (MOST_LISTED - 1) + ["admin"], Role.ADMIN),
    ],
    ids=range(5),
)
def test_what_a_bearer_is_says_the_rule_or_the_greatest_of_a_claim(
    rule: str, said: Any, role: Role
) -> None:
    assert heard(replace(BOT, role=rule), role=said).role is role


@pytest.mark.req("OP-5")
@pytest.mark.parametrize(
    "said",
    [None, "", "chef", "adm", "administrator", 1, True, {"admin": 1}, [], ["x"] * 500 + ["admin"]],
    ids=range(10),
)
def test_a_claim_that_names_no_role_lets_nobody_in(said: Any) -> None:
    assert "names no role" in refused(replace(BOT, role="claim:role"), role=said)
