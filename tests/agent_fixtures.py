"""SPIFFE's agent as a fixture: one for each test, since each has it say something else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from agent import Agent


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    from agent import Agent  # gRPC is slow to load, and few tests want it

    it = Agent(tmp_path)
    it.start()
    yield it
    it.stop()
