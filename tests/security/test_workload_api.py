"""A served gateway that has its trust bundles from SPIFFE's agent, and not from files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agent import Agent
from certificates import Authority
from journeys.gateway import until
from journeys.provider import Provider, provider
from security.test_certificate_door import RULES, WEB, Place, asked, has_records, opened

PROD = "prod.example.org"


class Announced(Place):
    """The same, but that an agent says who is believed."""

    def __init__(self, folder: Path, agent: Agent) -> None:
        super().__init__(folder)
        self.agent = agent
        self.says(self.prod)

    def says(self, *roots: Authority, domain: str = PROD) -> None:
        self.agent.says_roots({domain: b"".join(each.root for each in roots)})

    def server(self, how: str, more: str = "") -> str:
        files = super().server(how, more)
        path = f'bundle_file = "{self.folder}/bundle.json"'
        assert path in files
        table = f'[workload_api]\nsocket = "{self.agent.address}"\n[authorities.prod]'
        announced = files.replace(path, 'bundle_from = "workload-api"')
        return announced.replace("[authorities.prod]", table)


@pytest.fixture
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        yield it


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    it = Agent(tmp_path)
    it.start()
    yield it
    it.stop()


@pytest.fixture
def place(tmp_path: Path, agent: Agent) -> Announced:
    return Announced(tmp_path, agent)


@pytest.mark.req("OC-3", "S-40", "S-42")
async def test_a_workload_comes_in_by_the_roots_that_the_agent_says(
    place: Announced, up: Provider
) -> None:
    async with opened(place, up, rules=RULES) as door:
        status, _ = await asked(door, place.showing(place.prod.svid(WEB)))

        assert status == 200
        await until(lambda: has_records(door, 1), "it is written down")
        (record,) = door.calls()
        assert (record["user"], record["proof"]) == ("acme/web", "certificate:prod")
        (method, metadata), *_ = place.agent.asked
        assert (method, metadata["workload.spiffe.io"]) == ("FetchX509Bundles", "true")
