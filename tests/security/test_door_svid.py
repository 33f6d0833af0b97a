"""A door whose certificate is the gateway's own SVID, as SPIFFE's agent has it."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509

from agent import Agent
from certificates import Authority, showing, usage_of
from journeys.gateway import Gateway, ask, furnish, prepared, until
from journeys.provider import Provider, provider

GATE = "spiffe://prod.example.org/tollhouse"


@pytest.fixture
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        yield it


@pytest.mark.req("S-42", "OC-76")
async def test_the_door_shows_what_the_agent_has_and_who_is_connected_does_not_notice_another_one(
    tmp_path: Path, up: Provider, agent: Agent
) -> None:
    first, second = Authority(tmp_path, "first"), Authority(tmp_path, "second")
    one, two = certified(first), certified(second)
    agent.says_svid(GATE, one)
    door = prepared(
        tmp_path,
        up.url,
        server=f'certificate_from = "workload-api"\n[workload_api]\nsocket = "{agent.address}"',
    )
    by_first, by_second = showing(None, first.file), showing(None, second.file)
    door.tls = by_first
    await furnish(door, 10**12)
    async with door.serving(), aiohttp.ClientSession() as session:
        assert await asked(door, session, by_first) == 200
        agent.says_svid(GATE, two, key=one)  # that is not its key
        await until(partial(is_told, door, "its key is not that of its certificate"), "it is told")
        async with aiohttp.ClientSession() as anew:
            assert await asked(door, anew, by_first) == 200
        agent.says_svid(GATE, two)
        await until(partial(is_shown, door, by_second), "the new one is shown")

        assert not await is_shown(door, by_first)
        assert await asked(door, session, by_first) == 200
        assert "PRIVATE KEY" not in door.log()
        assert [file for file in tmp_path.rglob("*") if "svid" in file.name.lower()] == []


def certified(authority: Authority) -> Path:
    here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    own = x509.UniformResourceIdentifier(GATE)
    return authority.certify_as(own, here, usage=usage_of(is_authority=False))


async def asked(door: Gateway, session: aiohttp.ClientSession, tls: ssl.SSLContext) -> int:
    async with session.post(
        f"{door.base_url}/chat/completions",
        json=ask(),
        headers=door.headers,
        ssl=tls,
    ) as reply:
        return reply.status


async def is_shown(door: Gateway, tls: ssl.SSLContext) -> bool:
    try:
        async with aiohttp.ClientSession() as session:
            return await asked(door, session, tls) == 200
    except (aiohttp.ClientError, OSError):
        return False


async def is_told(door: Gateway, words: str) -> bool:
    return words in door.log()
