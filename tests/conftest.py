"""What every test stands on."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

# The same cases each time: `make fuzz` looks for new ones. How long one takes is the machine's affair.
settings.register_profile(
    "tollhouse",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tollhouse")

pytest_plugins = (
    *(
        "admin_fixtures",
        "agent_fixtures",
        "besieged_fixtures",
        "evidence_plugin",
        "placing",
        "servers_fixtures",
        "shelf_fixtures",
        "stores_fixtures",
    ),
)


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": True}
