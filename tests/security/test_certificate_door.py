"""A served gateway that asks its callers for certificates: who is let through, and who is not."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest

from certificates import Authority, bundle, showing
from journeys.gateway import MODEL, Gateway, ask, furnish, now_ms, prepared, until
from journeys.provider import Provider, provider
from tollhouse.control import tenancy

WEB = "spiffe://prod.example.org/ns/web"

RULES = f"""
[[authorities.prod.rules]]
when = {{ "/path/1" = "ns", "/path/2" = "web" }}
tenant = "acme"
user = "web"
models = ["{MODEL}"]
[[authorities.prod.rules]]
when = {{ "/path/1" = "people" }}
tenant = "acme"
user = "claim:/path/2"
models = ["{MODEL}"]
"""


class Place:
    """A gateway's own authority, that of a trust domain, and a stranger's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.own, self.prod = Authority(folder, "own"), Authority(folder, "prod")
        self.stranger = Authority(folder, "stranger")
        (folder / "bundle.json").write_bytes(bundle(self.prod))
        self.chain = self.own.certify("127.0.0.1")

    def showing(self, chain: Path | None) -> ssl.SSLContext:
        return showing(chain, self.own.file)

    def server(self, how: str, more: str = "") -> str:
        return f"""
tls_certificate = "{self.chain}"
tls_key = "{self.chain}"
client_certificates = "{how}"
{more}
[authorities.prod]
trust_domain = "prod.example.org"
bundle_file = "{self.folder}/bundle.json"
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        yield it


@asynccontextmanager
async def opened(
    place: Place, up: Provider, how: str = "required", rules: str = "", more: str = ""
) -> AsyncIterator[Gateway]:
    door = prepared(place.folder, up.url, server=place.server(how, more) + rules)
    door.tls = place.showing(place.prod.svid(WEB))
    await furnish(door, 10**12)
    for name in ("web", "anna"):
        await door.on_store(partial(tenancy.create_user, tenant="acme", name=name, now_ms=now_ms()))
    try:
        await door.start()
        yield door
    finally:
        while door.processes:
            door.kill()


async def asked(
    door: Gateway, tls: ssl.SSLContext, key: str = "", **headers: str
) -> tuple[int, dict[str, object]]:
    bearer = {"authorization": f"Bearer {key}"} if key else {}
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{door.base_url}/chat/completions", json=ask(), headers=bearer | headers, ssl=tls
        ) as reply,
    ):
        return reply.status, await reply.json()


@pytest.mark.req("OC-76", "S-40")
async def test_where_certificates_are_required_nobody_speaks_without_a_good_one(
    place: Place, up: Provider
) -> None:
    async with opened(place, up) as door:
        good, _ = await asked(door, place.showing(place.prod.svid(WEB)), door.key)
        shown = (None, place.stranger.svid(WEB), place.own.certify("127.0.0.1"))
        for chain in shown:
            with pytest.raises((aiohttp.ClientError, OSError)):
                await asked(door, place.showing(chain), door.key)

        assert good == 200
        assert len(up.asked) == 1


@pytest.mark.req("OC-76")
async def test_where_they_are_optional_keys_come_without_and_bad_ones_do_not(
    place: Place, up: Provider
) -> None:
    async with opened(place, up, "optional") as door:
        without, _ = await asked(door, place.showing(None), door.key)
        flawed = place.showing(place.prod.svid("spiffe://other.example.org/ns/web"))
        status, told = await asked(door, flawed, door.key)

        assert (without, status) == (200, 401)
        assert told["error"]["code"] == "certificate_invalid"  # type: ignore[index]
        assert "other.example.org" not in str(told)
        assert len(up.asked) == 1


@pytest.mark.req("OC-3", "S-40")
async def test_a_workload_comes_in_by_its_svid_alone_and_its_own_accounts_pay(
    place: Place, up: Provider
) -> None:
    async with opened(place, up, rules=RULES) as door:
        status, _ = await asked(door, place.showing(place.prod.svid(WEB)))

        assert status == 200
        await door.nothing_is_held()
        spent = await door.rows("SELECT owner FROM accounts WHERE spent > 0 ORDER BY owner")
        assert [owner for (owner,) in spent] == [
            "issuer:prod",
            "project:acme/default",
            "tenant:acme",
            "user:acme/web",
        ]
        await until(lambda: has_records(door, 1), "it is written down")
        (record,) = door.calls()
        assert (record["user"], record["proof"]) == ("acme/web", "certificate:prod")
        assert record["proved_until"] > record["at"]
        assert record["credential"]


@pytest.mark.req("S-44", "OC-3")
async def test_a_key_beside_a_certificate_is_of_the_same_user_or_both_are_refused(
    place: Place, up: Provider
) -> None:
    async with opened(place, up, rules=RULES) as door:
        own = await door.new_key(models=(MODEL,), user="acme/web")
        web = place.showing(place.prod.svid(WEB))
        await until(lambda: comes_in(door, web, own.key), "its key is known")
        nobody = place.prod.svid("spiffe://prod.example.org/ns/other")
        alone, told = await asked(door, place.showing(nobody))
        unruled, _ = await asked(door, place.showing(nobody), door.key)
        anna = place.prod.svid("spiffe://prod.example.org/people/anna")
        other, ambiguous = await asked(door, place.showing(anna), own.key)
        bad, unknown = await asked(door, web, "thk_nonsense")

        assert (alone, unruled, other, bad) == (401, 200, 401, 401)
        assert told["error"]["code"] == "key_missing"  # type: ignore[index]
        assert ambiguous["error"]["code"] == "ambiguous_credentials"  # type: ignore[index]
        assert unknown["error"]["code"] == "key_malformed"  # type: ignore[index]


@pytest.mark.req("H-144", "S-42")
async def test_what_headers_say_of_a_certificate_is_nothing(place: Place, up: Provider) -> None:
    """Also from a proxy that is believed in other things: nobody can tell who wrote them."""
    trusted = 'trusted_proxies = ["127.0.0.0/8"]'
    async with opened(place, up, "optional", RULES, trusted) as door:
        tls = place.showing(None)
        shown = place.prod.svid(WEB).read_text().split("-----END CERTIFICATE-----")[0]
        said = {
            "x-forwarded-client-cert": f'By={WEB};Hash=0;URI={WEB};Cert="{quote(shown)}"',
            "x-spiffe-id": WEB,
            "x-client-cert": quote(shown),
            "client-cert": ":aaaa:",
            "x-ssl-client-verify": "SUCCESS",
        }

        status, told = await asked(door, tls, **said)

        assert status == 401
        assert told["error"]["code"] == "key_missing"  # type: ignore[index]
        assert up.asked == []


async def has_records(door: Gateway, count: int) -> bool:
    return len(door.calls()) >= count


async def comes_in(door: Gateway, tls: ssl.SSLContext, key: str) -> bool:
    return (await asked(door, tls, key))[0] == 200
