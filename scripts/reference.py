"""Writes the generated reference pages anew; tests compare them with the code."""

from __future__ import annotations

from pathlib import Path

from tollhouse.cli import reference as cli
from tollhouse.config import reference as config

PAGES = Path(__file__).parent.parent / "docs" / "reference"


def main() -> None:
    (PAGES / "cli.md").write_text(cli.page(), encoding="utf-8")
    (PAGES / "configuration.md").write_text(config.page(), encoding="utf-8")


if __name__ == "__main__":
    main()
