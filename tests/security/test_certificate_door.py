"""A served gateway that asks its callers for certificates: who is let through, and who is not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest

from certificates import Authority, bundle, showing
from journeys.gateway import MODEL, Gateway, ask, furnish, now_ms, prepared, until
from journeys.provider import Provider, provider
from tollhouse.control import key_rights, tenancy

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
    place: Place,
    up: Provider,
    how: str = "required",
    rules: str = "",
    more: str = "",
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Gateway]:
    door = prepared(place.folder, up.url, server=place.server(how, more) + rules)
    door.tls = tls or place.showing(place.prod.svid(WEB))
    await furnish(door, 10**12)
    for name in ("web", "anna"):
        await door.on_store(partial(tenancy.create_user, tenant="acme", name=name, now_ms=now_ms()))
    async with door.serving():
        yield door


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

        async def is_told() -> bool:
            log = door.log()
            return log.count("handshake_broke") == 2 and "stranger" not in log

        await until(is_told, "the log says so of those that showed one")


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


@pytest.mark.req("S-42", "OC-76", "S-43")
async def test_certificates_and_bundles_change_under_load_without_one_failed_call(
    place: Place, up: Provider
) -> None:
    """Callers come anew and stay; the door's own certificate changes, and the roots of those who come, step by step."""
    new = Authority(place.folder, "new")
    other_own = Authority(place.folder, "other-own")
    both = place.folder / "both.pem"
    both.write_bytes(place.own.file.read_bytes() + other_own.file.read_bytes())
    async with opened(place, up, rules=RULES) as door:
        statuses: list[int] = []
        seen: set[bytes] = set()
        shown = [showing(place.prod.svid(WEB), both)]
        is_over = asyncio.Event()

        async def come_anew() -> None:
            while not is_over.is_set():
                statuses.append((await asked(door, shown[-1]))[0])

        async def stay() -> None:
            async with aiohttp.ClientSession() as session:
                while not is_over.is_set():
                    tls = shown[-1]
                    async with session.post(
                        f"{door.base_url}/chat/completions", json=ask(), ssl=tls
                    ) as reply:
                        statuses.append(reply.status)

        async def is_shown(root: Authority) -> bool:
            seen.add(root.root)
            try:
                return (await asked(door, showing(shown_now, root.file)))[0] == 200
            except (aiohttp.ClientError, OSError):
                return False

        async with asyncio.TaskGroup() as crowd:
            for one in (come_anew, stay, stay):
                crowd.create_task(one())
            shown_now = place.prod.svid(WEB)
            exchange(place.chain, other_own.certify("127.0.0.1").read_bytes())
            await until(lambda: is_shown(other_own), "the new certificate is shown")
            exchange(place.folder / "bundle.json", bundle(place.prod, new))
            shown_now = new.svid(WEB)
            await until(lambda: is_shown(other_own), "the new root is believed")
            shown.append(showing(shown_now, both))
            before = len(statuses)
            await until(lambda: more_than(statuses, before + 20), "calls go on")
            is_over.set()

        exchange(place.folder / "bundle.json", bundle(new))
        shown_now = place.prod.svid(WEB)
        await until(lambda: is_not(is_shown(other_own)), "the old root is out")
        assert set(statuses) == {200}
        await door.nothing_is_held()


@pytest.mark.req("S-42", "S-43")
async def test_who_is_connected_is_out_once_his_root_is_and_what_is_no_bundle_changes_nothing(
    place: Place, up: Provider
) -> None:
    other = Authority(place.folder, "new")
    async with opened(place, up, rules=RULES) as door, aiohttp.ClientSession() as session:
        tls = place.showing(place.prod.svid(WEB))

        async def status() -> int:
            url = f"{door.base_url}/chat/completions"
            async with session.post(url, json=ask(), ssl=tls) as reply:
                return reply.status

        async def is_out() -> bool:
            return await status() == 401

        async def is_told() -> bool:
            return "cannot be used, the last good one stays" in door.log()

        assert await status() == 200
        exchange(place.folder / "bundle.json", b"half a bun")
        await until(is_told, "the log says so")
        assert await status() == 200
        exchange(place.folder / "bundle.json", bundle(other))
        await until(is_out, "nobody comes in by the old root")
        (pool,) = session.connector._conns.values() if session.connector else ()  # type: ignore[attr-defined]
        assert len(pool) == 1


def exchange(file: Path, raw: bytes) -> None:
    new = file.with_suffix(".exchanged")
    new.write_bytes(raw)
    new.replace(file)


async def more_than(statuses: list[int], count: int) -> bool:
    return len(statuses) > count


async def is_not(asking: Awaitable[bool]) -> bool:
    return not await asking


@pytest.mark.req("B-21")
async def test_a_key_that_is_bound_to_a_certificate_is_good_with_it_alone(
    place: Place, up: Provider
) -> None:
    other = "spiffe://prod.example.org/ns/other"
    async with opened(place, up) as door:
        await door.on_store(partial(key_rights.constrain, key=door.key_id, certificates=[WEB]))
        await until(
            partial(_is_refused, door, place.showing(place.prod.svid(other))), "it is bound"
        )
        before = len(up.asked)

        good, _ = await asked(door, place.showing(place.prod.svid(WEB)), door.key)
        status, told = await asked(door, place.showing(place.prod.svid(other)), door.key)

        assert (good, status) == (200, 401)
        assert told["error"]["code"] == "certificate_foreign"  # type: ignore[index]
        assert len(up.asked) == before + 1


async def _is_refused(door: Gateway, tls: ssl.SSLContext) -> bool:
    status, _ = await asked(door, tls, door.key)
    return status == 401
