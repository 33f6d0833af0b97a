"""Tables of issuers to the last letter of each bound: what just fits starts, and what just does not is named."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.configs import problem, read
from tollhouse.config.issuers import SECRET_BYTES

RULE = '[[issuers.okta.rules]]\ntenant = "acme"\nuser = "anna"'
LISTED = f'{RULE}\nwhen = {{ groups = "m*" }}'
ODD = "7Hq" * 20

pytestmark = pytest.mark.req("S-24", "P-21")


def issuer(*lines: str, rules: str = RULE, audience: str = "llm") -> str:
    head = ["[issuers.okta]", 'issuer = "https://login.example.com"']
    return "\n".join([*head, f"audiences = [{json.dumps(audience)}]", *lines, rules])


@pytest.mark.parametrize("audience", ["", "a" * 256, " llm", "llm ", "l\nm", "\u202ellm"])
def test_an_audience_that_no_token_has(audience: str) -> None:
    assert problem(issuer(audience=audience)).key == "issuers.okta.audiences[0]"


@pytest.mark.parametrize(
    "text",
    [
        issuer(audience="a" * 255),
        issuer(rules=f"{LISTED}\n{RULE}"),
        issuer(rules=LISTED.replace('"acme"', '"claim:org"')),
        issuer(rules=RULE.replace('"anna"', f'"claim:{"c" * 200}"')),
        issuer(rules=f'{RULE}\nmodels_claim = "models"'),
    ],
    ids=range(5),
)
def test_what_just_fits(text: str) -> None:
    assert read(text).issuers["okta"].rules


@pytest.mark.parametrize(
    ("rules", "key"),
    [
        (f'{RULE}\nwhen = {{ "" = "ml" }}', "rules[0].when"),
        (RULE.replace('"anna"', f'"claim:{"c" * 201}"'), "rules[0].user"),
        (RULE.replace('"anna"', '"claim:\\u202ename"'), "rules[0].user"),
        (f'{RULE}\nmodels_claim = " models"', "rules[0].models_claim"),
    ],
    ids=range(4),
)
def test_what_just_does_not(rules: str, key: str) -> None:
    assert problem(issuer(rules=rules)).key == f"issuers.okta.{key}"


@pytest.mark.req("S-33")
def test_only_for_shared_secrets_it_is_said_what_anybody_could() -> None:
    assert problem(issuer('algorithms = ["RS1"]')).hint is None


def test_roots_of_an_issuer_are_in_a_file_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "roots.pem").write_text("-")

    assert read(issuer(f'ca_file = "{tmp_path}/roots.pem"'))
    assert problem(issuer(f'ca_file = "{tmp_path}/none.pem"')).key == "issuers.okta.ca_file"


@pytest.mark.req("S-29", "OP-4")
def test_a_secret_of_our_own_as_short_as_it_may_be() -> None:
    text = '[tokens]\nsecrets = { 1 = "env:S" }'

    assert read(f"{text}\n{issuer()}", S=ODD[:SECRET_BYTES]).tokens.secrets
    assert problem(text, S=ODD[: SECRET_BYTES - 1]).key == "tokens.secrets.1"


@pytest.mark.req("OP-2")
def test_what_the_secret_before_signed_is_good_until_a_moment_or_not_at_all() -> None:
    text = '[tokens]\nsecrets = { 1 = "env:S", 2 = "env:T" }\nsecret_version = 2'
    until = datetime(2026, 12, 1, tzinfo=UTC)

    def good_until(more: str = "") -> float:
        return read(f"{text}\n{more}", S=ODD, T=ODD[1:]).tokens.previous_until_s

    assert good_until(f'previous_until = "{until.isoformat()}"') == until.timestamp()
    assert good_until() == float("-inf")
