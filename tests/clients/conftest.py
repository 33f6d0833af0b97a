"""`make clients` runs these tests; without it the clients need not be there."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest

from clients.stage import Stage, set_up

collect_ignore_glob = [] if "TOLLHOUSE_CLIENTS" in os.environ else ["test_*.py"]


@pytest.fixture(scope="session")
async def the_stage(
    anyio_backend: object, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    async with set_up(tmp_path_factory.mktemp("stage")) as it:
        yield it


@pytest.fixture
async def stage(the_stage: Stage) -> AsyncIterator[Stage]:
    async with the_stage.listening():
        yield the_stage
