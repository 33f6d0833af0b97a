"""Tokens in files, as the settings name them."""

from __future__ import annotations

from pathlib import Path

import pytest
from configs import problem, problems, read

from tollhouse.config import Settings, parse, warnings
from tollhouse.wiring import static_tokens

TOKEN = "canary-of-a-token-0123456789"
WHOSE = 'tenant = "acme"\nuser = "asks"'
ISSUER = '[issuers.asks]\nissuer = "https://login.example.com"\naudiences = ["llm"]\n[[issuers.asks.rules]]\n'


def table(*lines: str, name: str = "asks", whose: str = WHOSE) -> str:
    return "\n".join([f"[static_tokens.{name}]", *lines, whose, ""])


def test_a_table_needs_a_file_or_a_token_and_whose_calls_those_are() -> None:
    settings = read(table('file = "token"'))

    assert settings.names_people
    assert not settings.takes_tokens
    neither = problem(table())
    assert (neither.key, neither.found) == ("static_tokens.asks.file", "neither")
    both = problem(table('file = "token"', 'token = "env:BEARER_TOKEN"'), BEARER_TOKEN=TOKEN)
    assert (both.key, both.found) == ("static_tokens.asks.file", "both")
    assert {it.key for it in problems("[static_tokens.asks]")} == {
        "static_tokens.asks.tenant",
        "static_tokens.asks.user",
    }


@pytest.mark.req("CN-1", "OP-4")
@pytest.mark.parametrize("text", ["", " ", "changeme", "x" * 40, "too-short-a-one"])
def test_a_token_that_is_empty_or_weak_keeps_the_gateway_from_starting(text: str) -> None:
    found = problem(table('token = "env:BEARER_TOKEN"'), BEARER_TOKEN=text)

    assert found.key == "static_tokens.asks.token"
    assert text.strip() == "" or text not in str(found)


@pytest.mark.req("CN-1")
def test_a_token_that_is_not_set_keeps_the_gateway_from_starting() -> None:
    assert problem(table('token = "env:BEARER_TOKEN"')).key == "static_tokens.asks.token"


def test_a_token_has_no_claims_to_be_filled_in() -> None:
    whose = 'tenant = "acme"\nuser = "claim:sub"'

    assert problem(table('file = "token"', whose=whose)).key == "static_tokens.asks.user"


def test_its_account_is_nobody_elses() -> None:
    ours = table('file = "token"', name="tollhouse")

    assert problem(table('file = "token"') + ISSUER + WHOSE).key == "static_tokens.asks"
    assert problem(ours).key == "static_tokens.tollhouse"


def test_one_token_is_not_of_two_tables() -> None:
    text = table('token = "env:ONE"') + table('token = "env:OTHER"', name="other")

    assert problem(text, ONE=TOKEN, OTHER=TOKEN).key == "static_tokens.other.token"


@pytest.mark.req("OP-4", "OC-8")
@pytest.mark.parametrize(
    ("text", "is_told"),
    [(TOKEN, False), ("", False), ("\n", False), ("x" * 40, True), ("changeme-changeme x", True)],
)
def test_a_file_with_a_weak_token_keeps_the_gateway_from_starting_and_an_empty_one_may_fill(
    tmp_path: Path, text: str, *, is_told: bool
) -> None:
    (tmp_path / "token").write_text(text)

    found = list(static_tokens.unusable(_with(tmp_path, table('file = "token"'))))

    assert [it.key for it in found] == ["static_tokens.asks.file"] * is_told
    assert text.strip() not in str(found) or not text.strip()


def test_a_file_with_the_token_of_another_table_keeps_the_gateway_from_starting(
    tmp_path: Path,
) -> None:
    for name in ("one", "other"):
        (tmp_path / name).write_text(TOKEN)
    settings = _with(tmp_path, table('file = "one"') + table('file = "other"', name="other"))

    (found,) = static_tokens.unusable(settings)

    assert found.key == "static_tokens.other.file"
    assert "asks" in found.found


@pytest.mark.req("OC-2", "S-61")
def test_a_file_that_is_missing_or_open_to_others_is_told_to_the_operator(tmp_path: Path) -> None:
    settings = _with(tmp_path, table('file = "token"'))
    missing = [it.found for it in warnings(settings) if it.key == "static_tokens.asks.file"]
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "token").chmod(0o644)

    exposed = [it.found for it in warnings(settings) if it.key == "static_tokens.asks.file"]

    assert ["no file at" in it for it in missing] == [True]
    assert ["can be read by other users" in it for it in exposed] == [True]


def _with(data_dir: Path, text: str) -> Settings:
    return parse(f'data_dir = "{data_dir}"\n{text}', {})
