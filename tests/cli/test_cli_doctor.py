"""What `tollhouse doctor` says and how it ends, for a script to rely on."""

from __future__ import annotations

import pytest
from console import Console

pytestmark = pytest.mark.req("OP-60", "B-34")


def test_a_house_with_nothing_unsafe_ends_with_0(console: Console) -> None:
    console.run("migrate")

    ended = console.run("doctor")

    assert ended.status == 0, ended.out
    assert "audit-lenient: calls go on while audit records cannot be written" in ended.out
    assert "strict = true" in ended.out
    assert "docs/how-to/harden.md#backups" in ended.out


def test_what_is_unsafe_ends_with_1(console: Console) -> None:
    console.run("migrate")
    _set(console, "[limits]\nrequests_per_minute = 0")

    ended = console.run("doctor", "--json")

    assert (ended.status, ended.json["status"]) == (1, "unsafe")
    (finding,) = [each for each in ended.json["findings"] if each["id"] == "limits-off"]
    assert finding == {
        "id": "limits-off",
        "severity": "unsafe",
        "found": "no limit of requests per minute is set",
        "why": "One key may take all there is.",
        "mend": {
            "toml": "[limits]\nrequests_per_minute = 240",
            "command": None,
            "words": None,
        },
        "answers": ["deploy-limits"],
        "asked_by": ["OP-60", "OC-73"],
    }


def test_what_is_unfinished_ends_with_1_if_that_is_asked_for(console: Console) -> None:
    console.run("migrate")

    assert console.run("doctor", "--strict").status == 1


def test_a_store_that_cannot_be_read_ends_with_2(console: Console) -> None:
    ended = console.run("doctor", "--json")

    assert (ended.status, ended.json["status"]) == (2, "unseen")
    assert "balances-differ" in ended.json["unseen"]
    assert "migrate" in ended.json["hindered"]


def test_what_is_unsafe_comes_before_what_cannot_be_seen(console: Console) -> None:
    _set(console, "[limits]\nrequests_per_minute = 0")

    assert console.run("doctor").status == 1


def test_settings_that_are_not_valid_end_with_2_and_every_problem(console: Console) -> None:
    _set(console, '[server]\nlisten = "0.0.0.0:8400"\n[log]\nlevel = "loud"')

    ended = console.run("doctor", "--json")

    assert ended.status == 2
    assert ended.json == {
        "status": "unseen",
        "hindered": "config_invalid",
        "keys": ["server.listen", "log.level"],
    }
    assert "expected  a loopback address, or TLS" in ended.err


def _set(console: Console, lines: str) -> None:
    console.file.write_text(console.file.read_text() + lines + "\n")
