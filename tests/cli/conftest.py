from __future__ import annotations

from pathlib import Path

import pytest
from console import Console


@pytest.fixture
def console(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Console:
    return Console(tmp_path, capsys)
