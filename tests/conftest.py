"""What every test stands on."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile(
    "tollhouse", deadline=None
)  # how long one case takes is the machine's affair
settings.load_profile("tollhouse")

pytest_plugins = ("besieged_fixtures", "evidence_plugin", "servers_fixtures", "stores_fixtures")


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": True}
