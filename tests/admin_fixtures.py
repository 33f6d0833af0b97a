"""The fixture over `security.admin_api`: one served gateway for the tests of a file."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from journeys.gateway import free_port, gateway
from security.admin_api import Api, furnish


@pytest.fixture(scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """Whatever its tests asked for left one record each."""
    port = free_port()
    lines = f'[admin]\nlisten = "127.0.0.1:{port}"\n'
    directory = tmp_path_factory.mktemp("admin-api")
    async with gateway(directory, "http://127.0.0.1:1/v1", settings=lines) as served:
        made = Api(served, port)
        await furnish(made)
        yield made
        await made.left_one_record_each()
