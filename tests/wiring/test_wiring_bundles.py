"""One suite for both places that a bundle comes from: a file, and SPIFFE's agent."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import pytest

from agent import Agent
from certificates import Authority, bundle
from journeys.gateway import until
from tollhouse.auth import bundles
from tollhouse.auth.announced import Announced
from tollhouse.auth.bundles import Roots
from tollhouse.config import Settings, parse
from tollhouse.wiring import workload_api
from tollhouse.wiring.beside import listening_as
from tollhouse.wiring.renewing import Bundled
from tollhouse.wiring.trust import Trust, unusable

pytestmark = pytest.mark.req("S-42")

DOMAIN = "prod.example.org"


@asynccontextmanager
async def heard(agent: Announced[Any] | None) -> AsyncIterator[None]:
    """It is listened to for as long as the block lasts."""
    listening = asyncio.create_task(agent.keep()) if agent else None
    try:
        yield
    finally:
        if listening is not None:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


class Source(Protocol):
    settings: str

    def says(self, *roots: Authority) -> None: ...

    def garbles(self) -> None: ...

    def goes(self) -> Awaitable[None]: ...


class OfFile:
    def __init__(self, folder: Path) -> None:
        self._file = folder / "bundle.json"
        self.settings = f'bundle_file = "{self._file}"'

    def says(self, *roots: Authority) -> None:
        new = self._file.with_suffix(".new")
        new.write_bytes(bundle(*roots))
        new.replace(self._file)

    def garbles(self) -> None:
        self._file.write_bytes(b"half a bun")

    async def goes(self) -> None:
        self._file.unlink()


class OfAgent:
    def __init__(self, folder: Path) -> None:
        self.agent = Agent(folder)
        self.settings = 'bundle_from = "workload-api"'

    def says(self, *roots: Authority) -> None:
        if not self.agent.is_there:
            self.agent.start()
        self.agent.says_roots({DOMAIN: b"".join(each.root for each in roots)})

    def garbles(self) -> None:
        self.agent.says_roots({DOMAIN: b"half a bun"})

    async def goes(self) -> None:
        await asyncio.to_thread(self.agent.stop)


class Place:
    """What is known of the trust domain's roots, as it is made of settings."""

    def __init__(self, folder: Path, source: Source) -> None:
        self.first, self.second = Authority(folder, "first"), Authority(folder, "second")
        self.source = source
        self._folder = folder

    @asynccontextmanager
    async def trusting(self, stale_s: int = 600) -> AsyncIterator[Bundled]:
        trust = Trust(settings_of(self._folder, self.source.settings, stale_s))
        async with heard(trust.agent):
            yield Bundled(trust.bundles["prod"], stale_s)


def settings_of(
    folder: Path,
    source: str,
    stale_s: int = 600,
    listen: str = "127.0.0.1:0",
    socket: str = "",
    server: str = "",
) -> Settings:
    at = socket or f"unix://{folder}/agent.sock"
    agent = f'[workload_api]\nsocket = "{at}"' if "from" in source else ""
    return parse(
        f"""
data_dir = "{folder}"
[server]
listen = "{listen}"
{server}
{agent}
[authorities.prod]
trust_domain = "{DOMAIN}"
stale_s = {stale_s}
{source}
""",
        {},
    )


@pytest.fixture(params=[OfFile, OfAgent], ids=["file", "agent"])
async def place(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    it = Place(tmp_path, request.param(tmp_path))
    it.source.says(it.first)
    yield it
    with suppress(FileNotFoundError):
        await it.source.goes()


async def has(found: Bundled, *roots: Authority) -> None:
    """Once that, and nothing else, is believed."""
    expected = bundles.roots(bundle(*roots)) if roots else {}

    async def is_so() -> bool:
        found.renewing.look(at_once=True)
        return found.roots == expected

    await until(is_so, "it is so")


async def is_troubled(found: Bundled, *, so: bool = True) -> Roots:
    async def is_so() -> bool:
        found.renewing.look(at_once=True)
        return bool(found.renewing.trouble) is so

    await until(is_so, "it is so")
    return found.roots


async def test_what_it_says_is_believed_and_then_what_it_says_next(place: Place) -> None:
    async with place.trusting() as found:
        await has(found, place.first)
        place.source.says(place.first, place.second)
        await has(found, place.first, place.second)
        place.source.says(place.second)
        await has(found, place.second)


async def test_what_is_no_bundle_changes_nothing_and_what_comes_after_does(place: Place) -> None:
    async with place.trusting() as found:
        await has(found, place.first)
        before = found.roots
        place.source.garbles()
        assert await is_troubled(found) is before
        place.source.says(place.second)
        await has(found, place.second)
        assert not found.renewing.trouble


async def test_while_it_is_away_the_last_one_holds_and_is_the_same_when_it_is_back(
    place: Place,
) -> None:
    async with place.trusting() as found:
        await has(found, place.first)
        before = found.roots
        await place.source.goes()
        assert await is_troubled(found) is before
        place.source.says(place.first)
        assert await is_troubled(found, so=False) is before
        assert found.renewing.times <= 2


async def test_it_holds_for_no_longer_than_it_may(place: Place) -> None:
    async with place.trusting(stale_s=0) as found:
        await has(found, place.first)
        place.source.garbles()
        await is_troubled(found)
        await has(found)
        place.source.says(place.first)
        await has(found, place.first)


async def test_a_gateway_starts_without_its_agent_and_believes_nobody_until_it_speaks(
    tmp_path: Path,
) -> None:
    trust = Trust(settings_of(tmp_path, OfAgent(tmp_path).settings))

    assert (trust.believed(), trust.has_any()) == (b"", False)


@pytest.mark.parametrize(("how", "is_ready"), [("required", False), ("optional", True)])
async def test_where_nobody_comes_without_a_certificate_nothing_is_ready_before_any_root_is_known(
    tmp_path: Path, how: str, *, is_ready: bool
) -> None:
    source = OfAgent(tmp_path)
    place = Place(tmp_path, source)
    chain = place.first.certify("localhost")
    tls = f'tls_certificate = "{chain}"\ntls_key = "{chain}"\nclient_certificates = "{how}"'
    doors = listening_as(settings_of(tmp_path, source.settings, server=tls))
    assert doors.is_open() is is_ready

    source.says(place.first)
    (agent,) = doors.agents
    agent.tell(doors.look)

    async def is_open() -> bool:
        return doors.is_open()

    async with heard(agent):
        await until(is_open, "a root is known")
    await source.goes()


async def test_another_domain_of_the_same_agent_is_not_believed_and_its_own_may_go(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = OfAgent(tmp_path)
    place = Place(tmp_path, source)
    source.says(place.first)
    async with place.trusting() as found:
        await has(found, place.first)
        source.agent.says_roots({"other.example.org": place.first.root})
        await has(found)
    await source.goes()

    assert f"has no bundle of {DOMAIN}" in caplog.text


async def test_an_address_of_our_own_is_no_agent(tmp_path: Path) -> None:
    ours = "127.0.0.1:8431"
    settings = settings_of(
        tmp_path, OfAgent(tmp_path).settings, listen=ours, socket=f"tcp://{ours}"
    )
    agent = workload_api.of_certificates(settings)

    async with heard(agent):
        await agent.first()

    assert "127.0.0.1:8431" in agent.trouble
    assert "connect" not in agent.trouble.lower()


def test_without_its_package_a_gateway_does_not_start_and_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tmp_path, 'bundle_from = "workload-api"')
    assert list(unusable(settings)) == []

    monkeypatch.setitem(sys.modules, "h2", None)

    (problem,) = unusable(settings)
    assert (problem.key, "tollhouse[spiffe]" in problem.expected) == ("workload_api.socket", True)
    OfFile(tmp_path).says(Authority(tmp_path))
    assert list(unusable(settings_of(tmp_path, OfFile(tmp_path).settings))) == []
