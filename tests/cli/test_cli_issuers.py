from __future__ import annotations

import json
from typing import Any

import pytest
from console import Console

from issuing import AUDIENCE, ISSUER, TestIssuer, said, signing_key
from journeys.gateway import free_port

STATIC = """
[static_tokens.asks]
file = "token"
tenant = "acme"
user = "anna"
"""
FILE = f"""
[providers.echo]
kind = "echo"
[models.small]
targets = ["echo:echo"]
[issuers.okta]
issuer = "{ISSUER}"
audiences = ["{AUDIENCE}"]
keys_file = "keys.json"
[[issuers.okta.rules]]
when = {{ groups = "ml" }}
tenant = "acme"
user = "claim:sub"
models = ["small"]
"""


@pytest.mark.req("OP-10", "H-140")
def test_a_token_or_all_of_a_subject_are_taken_back_and_listed(issued: Console) -> None:
    issued.run("issuers", "revoke", "okta", "--token-id", "t1")
    issued.run("issuers", "revoke", "okta", "--subject", "anna")

    listed = issued.json("issuers", "revoked")

    assert {(each["token_id"], each["subject"]) for each in listed} == {
        ("t1", None),
        (None, "anna"),
    }
    assert all(each["issuer"] == "okta" and each["until"] > each["at"] for each in listed)


@pytest.mark.req("OP-10")
@pytest.mark.parametrize(
    "said",
    [
        ("nobody", "--subject", "anna"),
        ("okta",),
        ("okta", "--subject", "anna", "--token-id", "t1"),
        ("okta", "--subject", "a" * 2049),
    ],
)
def test_what_is_not_clear_is_not_taken_back(issued: Console, said: tuple[str, ...]) -> None:
    ended = issued.run("issuers", "revoke", *said)

    assert ended.status != 0
    assert issued.json("issuers", "revoked") == []


@pytest.mark.req("P-19")
def test_a_token_is_explained_from_its_claims_to_what_it_may(
    issued: Console, issuer: TestIssuer
) -> None:
    told = explained(issued, issuer.token())

    steps = {step["name"]: step["says"] for step in told["steps"]}
    assert list(steps)[:4] == ["token", "signed", "claims", "caller"]
    assert "of the issuer okta" in steps["token"]
    assert steps["signed"] == "its signature holds"
    assert "about 'anna'" in steps["claims"]
    assert "rule 1 fits" in steps["claims"]
    assert "is acme/anna in acme/default" in steps["caller"]
    assert "may call small" in steps["caller"]


@pytest.mark.req("P-19", "OP-9")
def test_an_operator_is_told_what_a_bearer_is_not(issued: Console, issuer: TestIssuer) -> None:
    def why(token: str) -> str:
        last = explained(issued, token)["steps"][-1]
        assert last["code"] == "token_invalid"
        return str(last["says"])

    stranger = signing_key("k1", "ES256", number=9)
    assert "has expired" in why(issuer.token(iat=1, exp=2))
    assert "none of the issuer's rules" in why(issuer.token(groups=["sales"]))
    assert "there is no user:acme/bob" in why(issuer.token(sub="bob"))
    assert "does not hold" in why(stranger.token(said()))
    assert "none of [issuers]" in why(issuer.keys[0].token(said(iss="https://x.example.com")))
    assert "three parts" in why("eyJ")


@pytest.mark.req("P-19")
def test_where_keys_would_have_to_be_asked_for_nobody_is_asked(issued: Console) -> None:
    text = issued.file.read_text()
    issued.file.write_text(text.replace('keys_file = "keys.json"', ""))

    steps = explained(issued, signing_key("k7", "ES256", number=7).token(said()))["steps"]

    assert steps[1]["says"].startswith("not looked at")
    assert steps[3]["name"] == "caller"


def test_a_token_is_never_an_argument(issued: Console, issuer: TestIssuer) -> None:
    ended = issued.run("explain", "small", "--token", issuer.token())

    assert ended.status == 2
    assert issuer.token()[:40] not in ended.out


def explained(console: Console, token: str) -> Any:
    file = console.directory / "token.jwt"
    file.write_text(token + "\n")
    return console.run("explain", "small", "--token", str(file), "--json").json


@pytest.fixture
def issued(console: Console, issuer: TestIssuer) -> Console:
    console.file.write_text(f'data_dir = "{console.directory / "data"}"\n{FILE}')
    (console.directory / "data").mkdir()
    (console.directory / "data" / "keys.json").write_bytes(issuer.key_set)
    console.run("tenants", "create", "acme")
    console.run("users", "create", "acme", "anna")
    return console


@pytest.fixture
def issuer() -> TestIssuer:
    return TestIssuer()


@pytest.mark.req("OP-10")
def test_tokens_of_our_own_are_taken_back_by_our_own_name(
    issued: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = issued.run("issuers", "revoke", "tollhouse", "--subject", "acme/anna")
    monkeypatch.setenv("SIGNING", "canary-of-the-signing-secret-0123")
    with issued.file.open("a") as file:
        file.write('[tokens]\nsecrets = { 1 = "env:SIGNING" }\n')

    issued.run("issuers", "revoke", "tollhouse", "--subject", "acme/anna")

    (taken,) = issued.json("issuers", "revoked")
    assert refused.status != 0
    assert (taken["issuer"], taken["subject"]) == ("tollhouse", "acme/anna")


@pytest.mark.req("B-34")
def test_who_vouches_for_callers_is_listed_and_nobody_is_asked(issued: Console) -> None:
    (okta,) = issued.json("issuers", "list")

    assert (okta["name"], okta["kind"], okta["about"]) == ("okta", "issuer", ISSUER)
    assert (okta["source"], okta["rules"], okta["holds"]) == ("keys.json", 1, [])


@pytest.mark.req("B-34", "S-34")
def test_a_check_says_how_many_keys_there_are_and_never_which(
    issued: Console, issuer: TestIssuer
) -> None:
    (okta,) = issued.json("issuers", "check", "okta")

    assert okta["holds"] == [{"what": "keys", "count": len(issuer.keys), "trouble": None}]
    assert "kty" not in str(okta)


@pytest.mark.req("B-34", "S-34", "OC-8")
def test_a_check_says_why_an_issuer_or_a_file_cannot_be_had(issued: Console) -> None:
    away = f'issuer = "http://127.0.0.1:{free_port()}"\nnetworks = ["127.0.0.0/8"]'
    text = issued.file.read_text().replace(f'issuer = "{ISSUER}"', away)
    issued.file.write_text(text.replace('keys_file = "keys.json"', "") + STATIC)

    ended = issued.run("issuers", "check", "--json")

    assert ended.status == 1
    told = {each["name"]: each["holds"][0] for each in json.loads(ended.out)}
    assert {name: each["count"] for name, each in told.items()} == {"okta": 0, "asks": 0}
    assert all(each["trouble"] for each in told.values())
    (issued.directory / "data" / "token").write_text("canary-of-a-token-0123")
    (asks,) = issued.json("issuers", "check", "asks")
    assert asks["holds"] == [{"what": "tokens", "count": 1, "trouble": None}]


def test_nobody_who_is_not_there_is_looked_for(issued: Console) -> None:
    assert issued.run("issuers", "check", "nobody").status != 0
