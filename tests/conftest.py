"""What every test stands on."""

from __future__ import annotations

import pytest

pytest_plugins = ("besieged_fixtures", "evidence_plugin", "servers_fixtures", "stores_fixtures")


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": True}
