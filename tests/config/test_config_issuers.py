"""Issuers that prove nothing, cannot be reached safely or cannot be told apart keep the gateway from starting."""

from __future__ import annotations

import json
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


LOGIN = ('client_id = "console"', '[admin]\nlisten = "127.0.0.1:8401"\n')


@pytest.mark.req("S-35", "P-20")
def test_a_client_of_the_console_is_no_audience_of_calls_and_asks_for_a_token() -> None:
    line, listening = LOGIN

    settings = read(listening + issuer("https://login.example.com", line))
    as_both = problem(listening + issuer("https://login.example.com", 'client_id = "llm"'))
    without = problem(listening + issuer("https://login.example.com", line, 'scopes = ["groups"]'))

    assert settings.issuers["okta"].scopes == ["openid"]
    assert as_both.key == "issuers.okta.client_id"
    assert without.key == "issuers.okta.scopes"


@pytest.mark.req("S-35")
def test_a_client_needs_a_console_to_come_back_to_and_an_issuer_to_go_to() -> None:
    line, listening = LOGIN

    nowhere = problem(issuer("https://login.example.com", line))
    no_url = problem(
        listening + issuer("okta", line, 'keys_url = "https://login.example.com/keys"')
    )

    assert nowhere.key == "issuers.okta.client_id"
    assert no_url.key == "issuers.okta.issuer"


@pytest.mark.req("S-65")
@pytest.mark.parametrize(
    "url", ["http://8.8.8.8/token", "http://login.example.com/token", "http://169.254.169.254/x"]
)
def test_a_secret_is_sent_nowhere_in_clear(url: str) -> None:
    line, listening = LOGIN

    found = problem(listening + issuer("https://login.example.com", line, f'token_url = "{url}"'))

    assert found.key == "issuers.okta.token_url"


@pytest.mark.parametrize(
    "line", ['client_secret = "env:IT"', 'scopes = ["openid"]', 'token_url = "https://a.example/t"']
)
def test_what_is_for_logins_has_no_effect_without_a_client(line: str) -> None:
    found = problem(issuer("https://login.example.com", line), IT="canary-of-a-secret-0123")

    assert found.key == f"issuers.okta.{line.partition(' ')[0]}"


def test_a_role_in_the_console_has_no_effect_where_nobody_logs_on() -> None:
    found = problem(issuer(rules=f'{RULE}\nrole = "auditor"'))

    assert found.key == "issuers.okta.rules[0].role"
    assert found.hint is not None
    assert "calls_as" in found.hint


@pytest.mark.parametrize("at", ["acme", "user:acme/anna", "tenant:", "project:acme", "TENANT:acme"])
def test_a_role_is_held_at_a_place(at: str) -> None:
    rules = f'{RULE}\nrole = "auditor"\nrole_at = "{at}"'

    assert problem(issuer(rules=rules)).key == "issuers.okta.rules[0].role_at"


OPENCODE = '[opencode]\ntenant = "acme"\n'
SIGNED = '[tokens]\nsecrets = { 1 = "env:S" }\n'
SECRET = "canary-of-a-secret-0123456789-0123"


@pytest.mark.req("OP-4", "OP-6")
def test_logins_that_give_tokens_need_a_secret_that_signs_them() -> None:
    assert problem(OPENCODE).key == "tokens.secrets"
    assert read(OPENCODE + SIGNED, S=SECRET).opencode.tenant == "acme"


@pytest.mark.req("OP-6")
def test_no_login_is_longer_than_a_token_may_be_good() -> None:
    longest = OPENCODE + SIGNED + "max_life_s = 3600\n[logins]\nminutes = 60"

    assert read(longest, S=SECRET).logins.minutes == 60
    assert problem(longest.replace("= 60", "= 61"), S=SECRET).key == "logins.minutes"


def test_logins_are_for_a_project_by_its_name() -> None:
    named = f'{OPENCODE}{SIGNED}[logins]\nproject = "main"'

    assert read(named, S=SECRET).logins.project == "main"
    assert problem(named.replace('"main"', '"Main"'), S=SECRET).key == "logins.project"


def test_what_is_said_of_logins_has_no_effect_where_nobody_can_log_in() -> None:
    assert problem('[logins]\nmodels = ["m"]').key == "logins.models"


def test_how_many_users_are_made_has_no_effect_where_none_is() -> None:
    said = "https://login.example.com", "new_users_per_hour = 7"

    assert problem(issuer(*said)).key == "issuers.okta.new_users_per_hour"
    assert read(issuer(*said, rules=f"{RULE}\ncreates = true")).issuers["okta"].rules[0].creates


@pytest.mark.req("S-65")
def test_where_people_log_on_is_looked_at_though_the_keys_are_elsewhere() -> None:
    line, listening = LOGIN
    bad = "http://8.8.8.8"

    assert problem(listening + issuer(bad, line, ELSEWHERE)).key == "issuers.okta.issuer"
    assert problem(listening + issuer(bad, line)).key == "issuers.okta.issuer"


def test_networks_have_an_effect_if_keys_are_asked_for_or_people_log_on(tmp_path: Path) -> None:
    line, listening = LOGIN
    (tmp_path / "keys.json").write_text("{}")
    said = (f'keys_file = "{tmp_path}/keys.json"', 'networks = ["10.0.0.0/8"]')

    assert problem(issuer("okta", *said)).key == "issuers.okta.networks"
    assert read(listening + issuer("https://login.example.com", line, *said)).issuers


@pytest.mark.parametrize("scope", ["", "two words", 'a"b', "a\\b", "\u00e9", "a" * 201])
def test_what_is_no_scope_is_not_asked_for(scope: str) -> None:
    line, listening = LOGIN
    said = json.dumps(["openid", scope])

    found = problem(listening + issuer("https://login.example.com", line, f"scopes = {said}"))

    assert found.key == "issuers.okta.scopes[1]"


@pytest.mark.req("OP-5")
@pytest.mark.parametrize("role", ["", "owner", "User", "claim:", f"claim:{'c' * 256}"])
def test_a_bearer_is_one_of_three_or_what_a_claim_says(role: str) -> None:
    as_role = f'{RULE}\ncalls_as = "{role}"'

    assert problem(issuer(rules=as_role)).key == "issuers.okta.rules[0].calls_as"


@pytest.mark.req("OP-5")
@pytest.mark.parametrize("role", ["readonly", "admin", "claim:role"])
def test_what_a_bearer_is_stands_in_the_rule(role: str) -> None:
    rules = f'{RULE}\ncalls_as = "{role}"'

    assert read(issuer(rules=rules)).issuers["okta"].rules[0].calls_as == role
