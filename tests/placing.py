"""Which tests run in one process: those that share what is made once.

A module is given to one process as a whole where it has or asks for what lasts as long as a module; modules
of one `pytestmark = pytest.mark.xdist_group(…)` go to one together. All other tests go to whoever is free, and fill the
gaps that the modules leave. `xdist` itself reads its mark from ids that pytest does not let it write any more.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).parents[1]

_group = re.compile(r'^pytestmark = pytest\.mark\.xdist_group\("(\w+)"\)', re.MULTILINE)
_shares = re.compile(r'^@pytest\.fixture\(scope="module"|\b(?:api: Api|besieging: )', re.MULTILINE)


class Placing(LoadScopeScheduling):
    """Modules with most tests first, single tests last."""

    def _split_scope(self, nodeid: str) -> str:
        return _place(nodeid.partition("::")[0]) or nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Placing:
    return Placing(config, log)


@cache
def _place(module: str) -> str:
    text = (ROOT / module).read_text("utf-8")
    if group := _group.search(text):
        return group[1]
    return module if _shares.search(text) else ""
