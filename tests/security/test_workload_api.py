"""A served gateway that has its trust bundles from SPIFFE's agent, and not from files."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from agent import Agent
from certificates import HOUR, Authority
from issuing import SigningKey, said, signing_key
from journeys.gateway import Gateway, ask, until
from journeys.provider import Provider, provider
from security.test_certificate_door import (
    RULES,
    WEB,
    Place,
    asked,
    has_records,
    more_than,
    opened,
)

PROD, PARTNER = "prod.example.org", "partner.example.org"
OLD, NEW = signing_key("old", "ES256", 31), signing_key("new", "ES256", 32)


class Announced(Place):
    """The same, but that an agent says who is believed."""

    def __init__(self, folder: Path, agent: Agent) -> None:
        super().__init__(folder)
        self.agent = agent
        self.says(self.prod)
        self.says_keys(OLD)

    def says(self, *roots: Authority, partner: Authority | None = None) -> None:
        bundles = {PROD: b"".join(each.root for each in roots)}
        self.agent.says_roots(bundles | ({PARTNER: partner.root} if partner else {}))

    def says_keys(self, *keys: SigningKey) -> None:
        """As SPIRE has them: no key says what it is for."""
        listed = [{k: v for k, v in key.public.items() if k not in ("use", "alg")} for key in keys]
        self.agent.says_keys({PROD: json.dumps({"keys": listed}).encode()})

    def server(self, how: str, more: str = "") -> str:
        return f"""
tls_certificate = "{self.chain}"
tls_key = "{self.chain}"
client_certificates = "{how}"
{more}
[workload_api]
socket = "{self.agent.address}"
[authorities.partner]
trust_domain = "{PARTNER}"
bundle_from = "workload-api"
[authorities.prod]
trust_domain = "{PROD}"
bundle_from = "workload-api"
audiences = ["tollhouse"]
"""


@pytest.fixture
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        yield it


@pytest.fixture
def place(tmp_path: Path, agent: Agent) -> Announced:
    return Announced(tmp_path, agent)


@pytest.mark.req("OC-3", "S-40", "S-41")
async def test_workloads_come_in_by_the_roots_and_keys_that_the_agent_says(
    place: Announced, up: Provider
) -> None:
    async with opened(place, up, "optional", RULES) as door:
        certified, _ = await asked(door, place.showing(place.prod.svid(WEB)))
        signed, _ = await asked(door, place.showing(None), svid(OLD))

        assert (certified, signed) == (200, 200)
        await until(lambda: has_records(door, 2), "they are written down")
        proofs = {(record["user"], record["proof"]) for record in door.calls()}
        assert proofs == {("acme/web", "certificate:prod"), ("acme/web", "token:prod")}
        assert {method for method, _ in place.agent.asked} == {
            "FetchX509Bundles",
            "FetchJWTBundles",
        }
        assert all(told["workload.spiffe.io"] == "true" for _, told in place.agent.asked)


@pytest.mark.req("S-42", "OC-76", "S-43")
async def test_roots_keys_and_the_agent_itself_change_under_load_without_one_failed_call(
    place: Announced, up: Provider
) -> None:
    new = Authority(place.folder, "new")
    async with opened(place, up, "optional", RULES) as door:
        statuses: list[int] = []
        shown, signs = [place.showing(place.prod.svid(WEB))], [OLD]
        is_over = asyncio.Event()

        async def come_anew() -> None:
            while not is_over.is_set():
                statuses.append((await asked(door, shown[-1]))[0])

        async def stay() -> None:
            async with aiohttp.ClientSession() as session:
                while not is_over.is_set():
                    statuses.append(await called(session, door, shown[-1]))

        async def bear() -> None:
            while not is_over.is_set():
                statuses.append((await asked(door, place.showing(None), svid(signs[-1])))[0])

        async def go_on() -> None:
            before = len(statuses)
            await until(lambda: more_than(statuses, before + 15), "calls go on")

        async with asyncio.TaskGroup() as crowd:
            for one in (come_anew, stay, bear):
                crowd.create_task(one())
            await go_on()
            await asyncio.to_thread(place.agent.stop)
            await go_on()
            place.says(place.prod, new)
            place.says_keys(OLD, NEW)
            place.agent.start()
            tls = place.showing(new.svid(WEB))
            await until(partial(comes_in, door, tls), "the new root is believed")
            await until(
                partial(comes_in, door, place.showing(None), svid(NEW)), "so is the new key"
            )
            shown.append(tls)
            signs.append(NEW)
            await go_on()
            place.says(new)
            place.says_keys(NEW)
            await go_on()
            is_over.set()

        old = place.showing(place.prod.svid(WEB))
        await until(partial(is_out, door, old), "the old root is out")
        await until(partial(is_out, door, place.showing(None), svid(OLD)), "so is the old key")
        assert set(statuses) == {200}
        await door.nothing_is_held()


@pytest.mark.req("S-42")
async def test_while_the_agent_is_away_or_talks_nonsense_the_last_bundle_holds_and_the_log_says_so(
    place: Announced, up: Provider
) -> None:
    new = Authority(place.folder, "new")
    async with opened(place, up, rules=RULES) as door:
        tls = place.showing(place.prod.svid(WEB))
        agent = place.agent

        async def is_told(words: str) -> bool:
            return words in door.log()

        agent.says("FetchX509Bundles", agent.said["FetchX509Bundles"][:-1])
        await until(partial(is_told, "stays: it is cut"), "nonsense is told")
        nonsense, _ = await asked(door, tls)
        agent.denies = True
        agent.says("FetchX509Bundles", b"else")
        await until(partial(is_told, "PERMISSION_DENIED: 'no identity issued'"), "so is a denial")
        denied, _ = await asked(door, tls)
        await asyncio.to_thread(agent.stop)
        away, _ = await asked(door, tls)
        agent.denies = False
        place.says(new)
        agent.start()
        await until(
            partial(comes_in, door, place.showing(new.svid(WEB))), "what it says then is taken"
        )

        assert (nonsense, denied, away) == (200, 200, 200)
        assert await is_out(door, tls)


@pytest.mark.req("S-42", "S-40", "H-143")
async def test_a_federated_domain_vouches_for_its_own_alone_and_for_nobody_once_it_is_not_named(
    place: Announced, up: Provider
) -> None:
    partner, ended = Authority(place.folder, "partner"), Authority(place.folder, "ended", age=HOUR)
    place.says(place.prod, ended, partner=partner)
    async with opened(place, up, "optional", RULES) as door:
        theirs = place.showing(partner.svid(f"spiffe://{PARTNER}/ns/web"))
        own, _ = await asked(door, theirs, door.key)
        crossed, told = await asked(door, place.showing(partner.svid(WEB)), door.key)
        back = place.showing(place.prod.svid(f"spiffe://{PARTNER}/ns/web"))
        crossed_back, _ = await asked(door, back, door.key)

        assert (own, crossed, crossed_back) == (200, 401, 401)
        assert told["error"]["code"] == "certificate_invalid"  # type: ignore[index]
        assert await is_out(door, place.showing(ended.svid(WEB)), door.key)
        place.says(place.prod)
        await until(partial(is_out, door, theirs, door.key), "it is named no more")
        assert await comes_in(door, place.showing(place.prod.svid(WEB)))


@pytest.mark.req("S-42")
async def test_before_the_agent_ever_spoke_nobody_comes_in_by_it_and_all_others_do(
    place: Announced, up: Provider
) -> None:
    place.agent.stop()
    shown, none = place.showing(place.prod.svid(WEB)), place.showing(None)
    async with opened(place, up, "optional", RULES, tls=none) as door:
        by_key, _ = await asked(door, none, door.key)
        status, told = await asked(door, none, svid(OLD))

        assert (by_key, status) == (200, 503)
        assert told["error"]["code"] == "issuer_unavailable"  # type: ignore[index]
        assert await is_out(door, shown)
        place.agent.start()
        await until(partial(comes_in, door, shown), "certificates come in")
        await until(partial(comes_in, door, none, svid(OLD)), "so do tokens")


def svid(key: SigningKey) -> str:
    return key.token(said(iss=None, aud=["tollhouse"], sub=WEB))


async def called(session: aiohttp.ClientSession, door: Gateway, tls: ssl.SSLContext) -> int:
    async with session.post(f"{door.base_url}/chat/completions", json=ask(), ssl=tls) as reply:
        return reply.status


async def comes_in(door: Gateway, tls: ssl.SSLContext, bearer: str = "") -> bool:
    try:
        return (await asked(door, tls, bearer))[0] == 200
    except (aiohttp.ClientError, OSError):
        return False


async def is_out(door: Gateway, tls: ssl.SSLContext, bearer: str = "") -> bool:
    """Told so, or not even heard."""
    try:
        return (await asked(door, tls, bearer))[0] in (401, 503)
    except (aiohttp.ClientError, OSError):
        return True
