"""Who vouches for callers, by the Admin API of a gateway that serves: what it has, and what it could not get."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from issuing import AUDIENCE, ISSUER, TestIssuer
from journeys.gateway import free_port, now_ms, prepared, until
from journeys.gateway import furnish as furnish_gateway
from security.admin_api import Api, furnish
from tollhouse.control import revoking

STATIC = "canary-of-the-static-token-0123"

pytestmark = pytest.mark.req("B-34", "OC-9")


async def test_an_auditor_sees_what_lets_callers_in_and_when_it_was_read(api: Api) -> None:
    got = await api.ask("auditor", "GET", "/issuers")

    told = {each["name"]: each for each in got.json["data"]}
    assert {name: each["kind"] for name, each in told.items()} == {
        "asks": "static_tokens",
        "corp": "authority",
        "okta": "issuer",
        "away": "issuer",
        "tollhouse": "tollhouse",
    }
    for name, what in (("okta", "keys"), ("corp", "keys"), ("asks", "tokens")):
        (stock,) = told[name]["holds"]
        assert (stock["what"], stock["count"], stock["trouble"]) == (what, 1, None)
        assert stock["read_at"] is not None
    assert told["okta"]["holds"][0]["next_at"] > told["okta"]["holds"][0]["read_at"]
    assert (told["okta"]["about"], told["okta"]["rules"]) == (ISSUER, 1)
    assert told["tollhouse"]["holds"][0]["count"] == 1


async def test_what_hindered_the_last_look_is_told(api: Api) -> None:
    async def is_told() -> bool:
        (stock,) = (await api.ask("auditor", "GET", "/issuers/away")).json["holds"]
        return (stock["count"], stock["read_at"]) == (0, None) and bool(stock["trouble"])

    await until(is_told, "the look has failed")


async def test_no_key_and_no_token_is_in_it(api: Api) -> None:
    got = await api.ask("owner", "GET", "/issuers")

    assert not [each for each in (b"canary", b"kty", b"BEGIN") if each in got.body]


async def test_who_is_not_there_is_not_found(api: Api) -> None:
    assert (await api.ask("auditor", "GET", "/issuers/nobody")).status == 404


@pytest.mark.req("OP-10")
async def test_what_was_taken_back_is_listed_page_by_page(api: Api) -> None:
    for subject in ("anna", "bert"):
        await api.gateway.on_store(
            lambda store, it=subject: revoking.revoke(store, "okta", 60, "", it, now_ms())
        )

    first = (await api.ask("auditor", "GET", "/revocations?limit=1")).json
    second = (await api.ask("auditor", "GET", f"/revocations?after={first['next']}")).json

    listed = [*first["data"], *second["data"]]
    assert [each["subject"] for each in listed] == ["anna", "bert"]
    assert all(each["issuer"] == "okta" and each["until"] > each["at"] for each in listed)


@pytest.fixture(scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    folder, port = tmp_path_factory.mktemp("issuers"), free_port()
    issuer, (key, *_) = TestIssuer(), TestIssuer().keys
    (folder / "keys.json").write_bytes(issuer.key_set)
    svid = {**key.public, "use": "jwt-svid"}
    (folder / "bundle.json").write_text(json.dumps({"keys": [svid]}))
    (folder / "token").write_text(STATIC)
    it = prepared(folder, "http://127.0.0.1:1/v1", settings=said(folder, port))
    it.environ["SIGNING"] = "canary-of-the-signing-secret-0123"
    await furnish_gateway(it, 10**12)
    made = Api(it, port)
    async with it.serving():
        await furnish(made)
        yield made


def said(folder: Path, port: int) -> str:
    whose = 'tenant = "acme"\nuser = "claim:sub"\n'
    return f"""
[admin]
listen = "127.0.0.1:{port}"
[tokens]
secrets = {{ 1 = "env:SIGNING" }}
[static_tokens.asks]
file = "{folder}/token"
tenant = "acme"
user = "asks"
[authorities.corp]
trust_domain = "corp.example.org"
bundle_file = "{folder}/bundle.json"
audiences = ["llm"]
[[authorities.corp.rules]]
{whose}
[issuers.okta]
issuer = "{ISSUER}"
audiences = ["{AUDIENCE}"]
keys_file = "{folder}/keys.json"
[[issuers.okta.rules]]
{whose}
[issuers.away]
issuer = "http://127.0.0.1:{free_port()}"
audiences = ["{AUDIENCE}"]
networks = ["127.0.0.0/8"]
[[issuers.away.rules]]
{whose}
"""
