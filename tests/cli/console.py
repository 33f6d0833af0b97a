"""Runs the command line in this process, as a shell would see it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from journeys.gateway import now_ms
from tollhouse.cli.app import app
from tollhouse.cli.edge import guarded
from tollhouse.config import load
from tollhouse.control import sessions
from tollhouse.control.sessions import Admission, Begun
from tollhouse.domain.sessions import Front, Terms
from tollhouse.wiring import open_database


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


def logged_on(console: Console) -> Begun:
    """By a link of the host, as a browser does it."""

    async def begin() -> Begun:
        store = open_database(load(console.file, {}))
        try:
            claim = await sessions.claim(store, sessions.Claims(), 60, "host:root", now_ms())
            who = await sessions.claimed(store, claim.secret, now_ms())
            at = Admission(Front("http://127.0.0.1:8401"), Terms(600, 600))
            return await sessions.begin(store, at, who, "10.0.0.1", now_ms())
        finally:
            await store.close()

    return asyncio.run(begin())
