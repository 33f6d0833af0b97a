"""Service accounts and Entra clients: what a provider needs to ask for tokens, and what it has no use for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from configs import problem, problems, read

from tollhouse.config.accounts import opened

ACCOUNT = {
    "type": "service_account",
    "project_id": "acme-1",
    "private_key_id": "k",
    "private_key": "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n",
    "client_email": "gate@acme-1.iam.gserviceaccount.com",
}
VERTEX = '[providers.p]\nkind = "vertex"\nservice_account = "env:A"\n'
AZURE = '[providers.p]\nkind = "azure"\nurl = "https://acme.openai.azure.com"\nkey = "env:K"\n'
KEY = "a-secret-of-a-client"


def test_a_key_file_of_several_lines_says_all_but_where_the_models_run() -> None:
    provider = read(VERTEX, A=json.dumps(ACCOUNT, indent=2)).providers["p"]

    assert provider.base_url == "https://aiplatform.googleapis.com/v1"
    assert provider.google_project == "acme-1"
    assert provider.tokens_url == "https://oauth2.googleapis.com/token"
    assert "canary" not in repr(provider)
    assert provider.service_account is not None
    assert "canary" not in repr(opened(provider.service_account))


def test_it_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "vertex.json").write_text(json.dumps(ACCOUNT, indent=2))
    text = f'data_dir = "{tmp_path}"\n{VERTEX.replace("env:A", "file:vertex.json")}'

    assert read(text).providers["p"].google_project == "acme-1"


def test_a_location_has_a_place_of_its_own() -> None:
    provider = read(VERTEX + 'location = "europe-west1"', A=json.dumps(ACCOUNT)).providers["p"]

    assert provider.base_url == "https://europe-west1-aiplatform.googleapis.com/v1"


@pytest.mark.req("S-56")
@pytest.mark.parametrize(
    "text",
    [
        "canary",
        "[]",
        '{"client_email": "canary"}',
        '{"private_key": "canary"}',
        '{"client_email": 7, "private_key": "canary"}',
        json.dumps({**ACCOUNT, "token_uri": "canary"}),
        json.dumps({**ACCOUNT, "token_uri": "http://169.254.169.254/canary"}),
    ],
)
def test_what_is_no_key_file_is_told_without_a_word_of_it(text: str) -> None:
    found = problem(VERTEX, A=text)

    assert found.key == "providers.p.service_account"
    assert "canary" not in str(found).replace("169.254.169.254/canary", "canary")


@pytest.mark.req("B-1")
def test_a_statement_is_not_sent_where_it_could_be_read() -> None:
    account = {**ACCOUNT, "token_uri": "http://tokens.example/token"}

    assert problem(VERTEX, A=json.dumps(account)).key == "providers.p.token_url"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('kind = "vertex"', "service_account"),
        ('kind = "vertex"\nservice_account = "env:A"\nkey = "env:K"', "key"),
        ('kind = "openai"\nkey = "env:K"\nservice_account = "env:A"', "service_account"),
        ('kind = "gemini"\nkey = "env:K"\nproject = "acme-1"', "project"),
        ('kind = "gemini"\nkey = "env:K"\nlocation = "global"', "location"),
        ('kind = "groq"\nkey = "env:K"\ntoken_url = "https://x.example"', "token_url"),
        ('kind = "vertex"\nservice_account = "env:A"\nproject = "a/b"', "project"),
    ],
)
def test_what_is_missing_or_of_no_use_is_named(text: str, key: str) -> None:
    found = problem(f"[providers.p]\n{text}", A=json.dumps(ACCOUNT), K=KEY)

    assert found.key == f"providers.p.{key}"


def test_a_key_file_without_a_project_needs_one() -> None:
    account = {name: value for name, value in ACCOUNT.items() if name != "project_id"}

    assert problem(VERTEX, A=json.dumps(account)).key == "providers.p.project"


def test_a_client_of_entra_has_a_tenant_and_a_secret() -> None:
    provider = read(f'{AZURE}tenant = "acme.example"\nclient_id = "c-1"', K=KEY).providers["p"]

    assert provider.tokens_url == (
        "https://login.microsoftonline.com/acme.example/oauth2/v2.0/token"
    )


@pytest.mark.parametrize(
    ("line", "key"), [('tenant = "a"', "client_id"), ('client_id = "a"', "tenant")]
)
def test_one_of_tenant_and_client_does_nothing_without_the_other(line: str, key: str) -> None:
    assert problem(AZURE + line, K=KEY).key == f"providers.p.{key}"


def test_nobody_else_has_a_use_for_them() -> None:
    text = '[providers.p]\nkind = "openai"\nkey = "env:K"\ntenant = "a"\nclient_id = "b"'

    keys = {found.key for found in problems(text, K=KEY)}
    assert keys == {"providers.p.tenant", "providers.p.client_id"}
