"""Fixtures over `journeys.shelf`: a gateway before a provider that keeps files, and who asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI

from journeys.batch_lines import LOOKS
from journeys.gateway import Gateway, gateway, until
from journeys.shelf import Shelf, running_shelf
from journeys.shelves import STRANGERS, asking, is_known, key_of


@pytest.fixture
async def shelf() -> AsyncIterator[Shelf]:
    async with running_shelf() as it:
        yield it


@pytest.fixture
async def shelf_door(tmp_path: Path, shelf: Shelf) -> AsyncIterator[Gateway]:
    async with gateway(tmp_path, shelf.url, up="keeps_files = true") as it:
        yield it


@pytest.fixture
async def shelf_client(shelf_door: Gateway) -> AsyncIterator[AsyncOpenAI]:
    async with asking(shelf_door, shelf_door.key) as it:
        yield it


@pytest.fixture(params=STRANGERS)
async def shelf_stranger(
    request: pytest.FixtureRequest, shelf_door: Gateway
) -> AsyncIterator[AsyncOpenAI]:
    """A good key that may call the same model, for another project."""
    async with asking(shelf_door, await key_of(shelf_door, STRANGERS[request.param])) as it:
        await until(lambda: is_known(it), "the key is known")
        yield it


@pytest.fixture
async def looking(tmp_path: Path, shelf: Shelf) -> AsyncIterator[Gateway]:
    """One that looks at its batches by itself, each second."""
    async with gateway(tmp_path, shelf.url, up="keeps_files = true", store=LOOKS) as it:
        yield it
