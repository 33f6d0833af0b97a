"""What the how-to says to write into the settings can be written there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tollhouse.config import parse

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "identity-providers.md"
BLOCKS = re.findall(r"^```toml\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_settings_of_the_page_are_taken(block: str, tmp_path: Path) -> None:
    for name in ("cluster.json", "internal-ca.pem"):
        (tmp_path / name).write_text("{}")

    secrets = {
        f"TOLLHOUSE_TOKENS{which}": f"canary-of-a-secret-0123456789{which:_<9}"
        for which in ("", "_2")
    }

    assert parse(f'data_dir = "{tmp_path}"\n{block}', secrets).takes_tokens
