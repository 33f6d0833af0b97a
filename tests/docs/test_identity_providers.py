"""What the how-to says to write into the settings can be written there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tollhouse.config import parse

PAGES = Path(__file__).parents[2] / "docs" / "how-to"


def blocks(page: str) -> list[str]:
    text = (PAGES / page).read_text("utf-8")
    return re.findall(r"^```toml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


BLOCKS = blocks("identity-providers.md")
OF_WORKLOADS = blocks("workload-identity.md")


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_settings_of_the_page_are_taken(block: str, tmp_path: Path) -> None:
    for name in ("cluster.json", "internal-ca.pem"):
        (tmp_path / name).write_text("{}")

    secrets = {
        f"TOLLHOUSE_TOKENS{which}": f"canary-of-a-secret-0123456789{which:_<9}"
        for which in ("", "_2")
    }

    assert parse(f'data_dir = "{tmp_path}"\n{block}', secrets).takes_tokens


@pytest.mark.parametrize("block", OF_WORKLOADS, ids=range(len(OF_WORKLOADS)))
def test_settings_of_the_page_on_workloads_are_taken(block: str, tmp_path: Path) -> None:
    """A part that goes on where another began stands behind it."""
    text = block.replace("/run/tls/", "").replace("/run/spiffe/", "")
    for name in ("bundle.json", "corp-ca.pem", "tls.crt", "tls.key"):
        (tmp_path / name).write_text("{}")
    if "audiences" in text:
        text += '\n[[authorities.prod.rules]]\ntenant = "acme"\nuser = "web"\n'
    if not re.search(r"^\[authorities", text, re.MULTILINE):
        text = '[authorities.prod]\ntrust_domain = "x.test"\nbundle_file = "bundle.json"\n' + text

    assert parse(f'data_dir = "{tmp_path}"\n{text}', {}).authorities
