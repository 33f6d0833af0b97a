"""Secrets of the store at the command line: read from standard input, never an argument, never told."""

from __future__ import annotations

from io import StringIO

import pytest
from console import Console, Ended

pytestmark = pytest.mark.req("S-61", "P-37", "B-18")
CANARY = "sk-canary-0123456789abcdef"


def test_a_secret_is_kept_listed_wrapped_anew_and_removed_and_written_down(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    _vault(console, monkeypatch, 1, 1)
    said = [_set(console, monkeypatch, CANARY)]
    _vault(console, monkeypatch, 2, 1, 2)
    said.append(console.run("secrets", "rewrap"))
    listed = console.json("secrets", "list")
    said.append(console.run("secrets", "remove", "openai"))

    assert [each.status for each in said] == [0, 0, 0]
    assert [(row["name"], row["version"], row["key_version"], row["opens"]) for row in listed] == [
        ("openai", 1, 2, True)
    ]
    acts = [
        each for each in console.json("audit", "acts") if each["operation"].startswith("secrets")
    ]
    assert [(each["operation"], each["subject"]) for each in acts] == [
        ("secrets.remove", "secret:openai"),
        ("secrets.rewrap", "secrets:all"),
        ("secrets.set", "secret:openai"),
    ]
    log = "".join(file.read_text() for file in (console.directory / "data").rglob("*.jsonl"))
    assert CANARY not in log + "".join(each.out + each.err for each in said)


def test_what_does_not_open_is_told_with_its_key(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    _vault(console, monkeypatch, 1, 1)
    _set(console, monkeypatch, CANARY)
    _vault(console, monkeypatch, 2, 2)

    (listed,) = console.json("secrets", "list")
    wrapped = console.run("secrets", "rewrap")

    assert (listed["opens"], listed["flaw"]) == (False, "there is no key of version 1 here")
    assert wrapped.status == 1


def test_without_a_key_nothing_is_kept(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = _set(console, monkeypatch, CANARY)

    assert (ended.status, "[vault]" in ended.err) == (1, True)


def _set(console: Console, monkeypatch: pytest.MonkeyPatch, value: str) -> Ended:
    monkeypatch.setattr("sys.stdin", StringIO(value + "\n"))
    return console.run("secrets", "set", "openai")


def _vault(console: Console, monkeypatch: pytest.MonkeyPatch, current: int, *versions: int) -> None:
    for version in versions:
        monkeypatch.setenv(f"VAULT_{version}", f"{version}f0c91ab" * 8)
    keys = ", ".join(f'{version} = "env:VAULT_{version}"' for version in versions)
    settings = console.file.read_text().partition("[vault]")[0]
    console.file.write_text(f"{settings}[vault]\nkey_version = {current}\nkeys = {{ {keys} }}\n")
