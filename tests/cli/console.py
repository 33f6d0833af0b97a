"""Runs the command line in this process, as a shell would see it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tollhouse.cli.app import app
from tollhouse.cli.edge import guarded


@dataclass(frozen=True, slots=True)
class Ended:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Console:
    """A house in a directory, with one model that answers with the question."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self.file = directory / "tollhouse.toml"
        self._capsys = capsys
        self.file.write_text(
            f'data_dir = "{directory / "data"}"\n'
            '[providers.echo]\nkind = "echo"\n[models.small]\ntargets = ["echo:echo"]\n'
        )

    def run(self, *words: str) -> Ended:
        with pytest.raises(SystemExit) as ended:
            guarded(lambda: app(["--config", str(self.file), *words]))
        shown = self._capsys.readouterr()
        return Ended(int(ended.value.code or 0), shown.out, shown.err)

    def json(self, *words: str) -> Any:
        ended = self.run(*words, "--json")
        assert ended.status == 0, ended.err
        return ended.json
