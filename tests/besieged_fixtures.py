"""One besieged gateway for all the tests of a module, before one provider."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from journeys.gateway import Gateway
from journeys.provider import Provider, provider
from security.callers import Callers, besieged


@pytest.fixture(scope="module")
async def up() -> AsyncIterator[Provider]:
    async with provider() as it:
        yield it


@pytest.fixture(scope="module")
async def besieging(
    up: Provider, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Gateway, Callers]]:
    async with besieged(tmp_path_factory.mktemp("besieged"), up.url) as it:
        yield it


@pytest.fixture
def door(besieging: tuple[Gateway, Callers]) -> Gateway:
    return besieging[0]


@pytest.fixture
def callers(besieging: tuple[Gateway, Callers]) -> Callers:
    return besieging[1]
