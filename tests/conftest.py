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
        "servers_fixtures",
        "shelf_fixtures",
        "stores_fixtures",
    ),
)


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": True}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What the tests of a module share is made once: they stay in one process."""
    for item in items:
        if isinstance(item, pytest.Function) and _shares(item):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


def _shares(item: pytest.Function) -> bool:
    made = item._fixtureinfo.name2fixturedefs.values()
    is_placed = item.get_closest_marker("xdist_group") is not None
    return not is_placed and any(each[-1].scope == "module" for each in made if each)
