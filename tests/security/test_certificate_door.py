"""A served gateway that asks its callers for certificates: who is let through, and who is not."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from certificates import Authority, bundle, showing
from journeys.gateway import Gateway, ask, furnish, prepared
from journeys.provider import Provider, provider

WEB = "spiffe://prod.example.org/ns/web"


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

    def server(self, how: str) -> str:
        return f"""
tls_certificate = "{self.chain}"
tls_key = "{self.chain}"
client_certificates = "{how}"
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
    place: Place, up: Provider, how: str = "required", rules: str = ""
) -> AsyncIterator[Gateway]:
    door = prepared(place.folder, up.url, server=place.server(how) + rules)
    door.tls = place.showing(place.prod.svid(WEB))
    await furnish(door, 10**12)
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
