"""`tollhouse explain` of what is shown in place of a key: certificates, and tokens that stand in files."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from console import Console

from certificates import Authority, bundle

TOKEN = "canary-of-the-static-token-0123"
WEB = "spiffe://prod.example.org/ns/web"
HOUR = dt.timedelta(hours=1)

pytestmark = pytest.mark.req("P-19", "OP-9")


@pytest.fixture
def prod(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "prod")


@pytest.fixture
def house(console: Console, prod: Authority, tmp_path: Path) -> Console:
    data = console.directory / "data"
    data.mkdir()
    (data / "bundle.json").write_bytes(bundle(prod))
    (data / "token").write_text(f"{TOKEN}\n")
    chain = Authority(tmp_path, "own").certify("localhost")
    with console.file.open("a") as file:
        file.write(f"""
[server]
tls_certificate = "{chain}"
tls_key = "{chain}"
client_certificates = "optional"
[authorities.prod]
trust_domain = "prod.example.org"
bundle_file = "bundle.json"
[[authorities.prod.rules]]
when = {{ "/path/1" = "ns" }}
tenant = "acme"
user = "claim:/path/2"
models = ["small"]
[static_tokens.asks]
file = "token"
tenant = "acme"
user = "web"
models = ["small"]
""")
    console.run("tenants", "create", "acme")
    console.run("users", "create", "acme", "web")
    return console


@pytest.mark.req("OC-3", "S-40")
def test_a_certificate_is_explained_from_its_chain_to_what_it_may(
    house: Console, prod: Authority
) -> None:
    told = explained(house, "--certificate", prod.svid(WEB))

    steps = {step["name"]: step["says"] for step in told["steps"]}
    assert list(steps)[:4] == ["certificate", "chain", "claims", "caller"]
    assert WEB in steps["certificate"]
    assert "a root of [authorities.prod]" in steps["chain"]
    assert "rule 1 fits" in steps["claims"]
    assert "is acme/web in acme/default" in steps["caller"]
    assert "issuer:prod pays too; may call small" in steps["caller"]


@pytest.mark.req("OC-3", "S-40")
def test_an_operator_is_told_why_a_certificate_opens_nothing(
    house: Console, prod: Authority, tmp_path: Path
) -> None:
    def why(chain: Path) -> tuple[str, str]:
        last = explained(house, "--certificate", chain)["steps"][-1]
        return last["code"], last["says"]

    invalid = "certificate_invalid"
    stranger = Authority(tmp_path, "stranger")
    assert why(stranger.svid(WEB)) == (
        *(invalid,),
        "its chain does not lead to a root of its own trust domain",
    )
    assert why(prod.svid("spiffe://other.example.org/ns/web"))[0] == invalid
    assert "has expired" in why(prod.svid(WEB, lasts=HOUR / 2))[1]
    assert "there is no user:acme/bob" in why(prod.svid(f"{WEB[:-3]}bob"))[1]
    assert why(prod.svid("spiffe://prod.example.org/people/web"))[0] == "key_missing"


def test_a_certificate_that_was_taken_back_is_told(house: Console, prod: Authority) -> None:
    house.run("issuers", "revoke", "prod", "--subject", WEB)

    assert "taken back" in explained(house, "--certificate", prod.svid(WEB))["steps"][-1]["says"]


def test_that_the_roots_of_an_agent_are_not_looked_at_is_said(
    house: Console, prod: Authority
) -> None:
    agent = '[workload_api]\nsocket = "unix:///nowhere/agent.sock"\n[authorities.prod]'
    text = house.file.read_text().replace("[authorities.prod]", agent, 1)
    house.file.write_text(
        text.replace('bundle_file = "bundle.json"', 'bundle_from = "workload-api"')
    )

    told = house.run("explain", "small", "--certificate", str(prod.svid(WEB)))

    assert told.status == 1
    assert "roots that SPIFFE's agent has are not asked for" in told.err


def test_what_is_no_certificate_and_where_nobody_is_asked_for_one_is_a_mistake(
    house: Console, prod: Authority, tmp_path: Path
) -> None:
    (tmp_path / "none.pem").write_text("hello")
    none = house.run("explain", "small", "--certificate", str(tmp_path / "none.pem"))
    house.file.write_text(house.file.read_text().replace('client_certificates = "optional"', ""))

    off = house.run("explain", "small", "--certificate", str(prod.svid(WEB)))

    assert (none.status, off.status) == (2, 2)
    assert "client_certificates is off" in off.err


@pytest.mark.req("OC-2", "OC-4")
def test_a_token_of_a_file_is_explained_from_its_table_to_what_it_may(
    house: Console, tmp_path: Path
) -> None:
    (tmp_path / "shown").write_text(TOKEN)

    told = explained(house, "--token", tmp_path / "shown")

    steps = {step["name"]: step["says"] for step in told["steps"]}
    assert steps["token"] == "it stands in [static_tokens.asks]"
    assert "is acme/web in acme/default" in steps["caller"]
    assert "issuer:asks pays too; may call small" in steps["caller"]
    assert told["is_allowed"] is False  # nobody has granted anything yet
    assert "canary" not in str(told)


@pytest.mark.req("OC-2", "OC-8")
def test_an_operator_is_told_why_a_token_of_no_file_opens_nothing(
    house: Console, tmp_path: Path
) -> None:
    (tmp_path / "shown").write_text("another-token-0123456789")
    unknown = explained(house, "--token", tmp_path / "shown")["steps"][-1]
    (house.directory / "data" / "token").unlink()

    away = explained(house, "--token", tmp_path / "shown")["steps"][-1]

    assert (unknown["code"], unknown["says"]) == (
        *("key_unknown",),
        "it stands in none of [static_tokens]",
    )
    assert "those of asks cannot be had" in away["says"]


def explained(house: Console, option: str, file: Path) -> Any:
    return house.run("explain", "small", option, str(file), "--json").json
