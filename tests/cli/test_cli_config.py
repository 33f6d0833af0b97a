from __future__ import annotations

from pathlib import Path

import pytest
from console import Console


def test_a_started_file_is_valid_and_not_written_twice(console: Console, tmp_path: Path) -> None:
    file = tmp_path / "new.toml"

    first = console.run("config", "init", str(file))
    console.file.write_text(file.read_text())
    checked = console.run("config", "check", "--json")
    second = console.run("config", "init", str(file))

    assert (first.status, checked.status, second.status) == (0, 0, 1)
    assert checked.json["is_valid"]


@pytest.mark.req("S-55")
def test_showing_the_settings_hides_secrets(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_KEY", "upstream-credential-7f3a")
    with console.file.open("a") as file:
        file.write('[providers.openai]\nkind = "openai"\nkey = "env:OPENAI_KEY"\n')

    shown = console.run("config", "show").out + console.run("config", "show", "--json").out

    assert "env:OPENAI_KEY (hidden)" in shown
    assert "7f3a" not in shown


def test_problems_are_told_to_programs_too(console: Console) -> None:
    console.file.write_text("[server]\nworkers = 0\n")

    ended = console.run("config", "check", "--json")

    assert ended.status == 1
    assert [problem["key"] for problem in ended.json["problems"]] == ["server.workers"]


def test_the_schema_is_json(console: Console) -> None:
    assert console.run("config", "schema").json["type"] == "object"
