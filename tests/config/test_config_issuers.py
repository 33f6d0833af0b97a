"""Issuers that prove nothing, cannot be reached safely or cannot be told apart keep the gateway from starting."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.configs import problem, problems, read

ELSEWHERE = 'keys_url = "https://keys.example.com"'
RULE = '[[issuers.okta.rules]]\ntenant = "acme"\nuser = "anna"'


def issuer(
    url: str = "https://login.example.com",
    *lines: str,
    rules: str = RULE,
    audiences: str = '["llm"]',
) -> str:
    head = ["[issuers.okta]", f'issuer = "{url}"', f"audiences = {audiences}"]
    return "\n".join([*head, *lines, rules])


def test_an_issuer_needs_its_name_an_audience_and_a_rule() -> None:
    settings = read(issuer())

    found = settings.issuers["okta"]
    assert found.algorithms == ["RS256", "ES256", "EdDSA"]
    assert {each.key for each in problems("[issuers.okta]")} == {
        "issuers.okta.issuer",
        "issuers.okta.audiences",
        "issuers.okta.rules",
    }
    assert problem(issuer(audiences="[]")).key == "issuers.okta.audiences"


@pytest.mark.req("S-33", "OP-4", "OP-9")
@pytest.mark.parametrize("name", ["HS256", "HS384", "HS512", "hs256"])
def test_a_shared_secret_is_refused_with_the_reason(name: str) -> None:
    found = problem(issuer("https://login.example.com", f'algorithms = ["RS256", "{name}"]'))

    assert found.key == "issuers.okta.algorithms[1]"
    assert "anybody could" in (found.hint or "")


@pytest.mark.req("S-33")
@pytest.mark.parametrize("name", ["none", "None", "", "RS1", "ES256K", "rs256", "dir", "A256GCM"])
def test_an_unknown_algorithm_is_refused(name: str) -> None:
    found = problem(issuer("https://login.example.com", f'algorithms = ["{name}"]'))

    assert "asymmetric" in found.expected


@pytest.mark.req("S-34", "S-65")
@pytest.mark.parametrize(
    "url", ["http://8.8.8.8", "http://login.example.com", "http://sso.internal"]
)
def test_keys_over_http_need_a_network_that_is_declared(url: str) -> None:
    assert problem(issuer(url)).key == "issuers.okta.issuer"
    assert (
        problem(issuer("https://login.example.com", f'keys_url = "{url}/keys"')).key
        == "issuers.okta.keys_url"
    )
    if "8.8.8.8" not in url:
        assert read(issuer(url, 'networks = ["10.0.0.0/8"]'))


@pytest.mark.req("S-65", "S-66")
@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/keys",
        "https://metadata.google.internal/keys",
        "https://kubernetes.default.svc/openid",
        "https://user:pass@login.example.com",
        "ftp://login.example.com",
        "https://2130706433/",
        "https://login.example.com/keys?x=1",
    ],
)
def test_keys_where_nobody_goes(url: str) -> None:
    assert problem(issuer("urn:anything", f'keys_url = "{url}"')).key == "issuers.okta.keys_url"


@pytest.mark.req("S-34")
def test_an_issuer_that_is_no_url_says_where_its_keys_are(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("{}")

    assert "`keys_url` or `keys_file`" in problem(issuer("kubernetes/serviceaccount")).expected
    here = f'keys_file = "{tmp_path}/keys.json"'
    assert read(issuer("kubernetes/serviceaccount", here))
    assert problem(issuer("x", here, 'keys_url = "https://x.example.com"')).key.endswith("keys_url")
    assert problem(issuer("x", 'keys_file = "nowhere.json"')).key == "issuers.okta.keys_file"


@pytest.mark.req("S-24")
def test_two_tables_for_one_issuer_are_one_too_many() -> None:
    other = issuer().replace("okta", "other")

    assert problem(f"{issuer()}\n{other}").key == "issuers.other.issuer"


@pytest.mark.req("P-19", "P-21")
@pytest.mark.parametrize(
    ("rules", "key"),
    [
        (f"{RULE}\n{RULE}", "issuers.okta.rules[0]"),
        (f'{RULE}\nwhen = {{ groups = "*" }}', "issuers.okta.rules[0].when"),
        (f'{RULE}\nwhen = {{ groups = "" }}', "issuers.okta.rules[0].when"),
        (RULE.replace('"acme"', '"claim:org"'), "issuers.okta.rules[0].tenant"),
        (RULE.replace('"acme"', '"Acme Inc"'), "issuers.okta.rules[0].tenant"),
        (RULE.replace('"anna"', '"claim:"'), "issuers.okta.rules[0].user"),
        (f'{RULE}\nmodels = ["a*b"]', "issuers.okta.rules[0].models[0]"),
        (f'{RULE}\naccount = "A/B"', "issuers.okta.rules[0].account"),
        (f"{RULE}\nwhen = {{ groups = 1 }}", "issuers.okta.rules[0].when.groups"),
        (f'{RULE}\nroles = "admin"', "issuers.okta.rules[0].roles"),
    ],
)
def test_a_rule_that_is_wider_than_it_looks(rules: str, key: str) -> None:
    assert problem(issuer(rules=rules)).key == key


@pytest.mark.req("OP-4", "S-29")
@pytest.mark.parametrize(
    ("secret", "found"),
    [
        ("dev-secret-key", "anybody would guess"),
        ("dev-secret-key-change-in-production", "anybody would guess"),
        ("quitcode-docker-secret", "anybody would guess"),
        ("short-and-odd-4711", "18 bytes"),
        ("a" * 64, "anybody would guess"),
    ],
)
def test_a_secret_of_our_own_that_is_weak_or_known_keeps_it_from_starting(
    secret: str, found: str
) -> None:
    told = problem('[tokens]\nsecrets = { 1 = "env:S" }', S=secret)

    assert told.key == "tokens.secrets.1"
    assert found in told.found
    assert secret not in told.render()


@pytest.mark.req("OP-2")
@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[tokens]\nsecret_version = 2", "tokens.secret_version"),
        ('[tokens]\nsecrets = { 1 = "env:S" }\nsecret_version = 2', "tokens.secret_version"),
        ('[tokens]\nsecrets = { 1 = "env:S" }\nprevious_until = "soon"', "tokens.previous_until"),
        (
            '[tokens]\nsecrets = { 1 = "env:S" }\nprevious_until = "2026-12-01T00:00:00"',
            "tokens.previous_until",
        ),
        (
            '[tokens]\nsecrets = { 1 = "env:S" }\n' + issuer("tollhouse", ELSEWHERE),
            "issuers.okta.issuer",
        ),
    ],
)
def test_secrets_of_our_own_fit_together(text: str, key: str) -> None:
    assert problem(text, S="canary-of-a-secret-0123456789-0123").key == key
