from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from console import Console

pytestmark = pytest.mark.req("OT-78")

EVENT = {
    "id": "e-1",
    "at": "2026-01-31T12:00:00Z",
    "user": "acme/anna",
    "target": "echo:echo",
    "input": 10,
    "kinds": {},
    "owed": "0.25",
}
WORDS = ("--tenant", "acme", "--source", "meter")


def test_a_file_is_judged_first_and_counted_when_it_is_said_so(console: Console) -> None:
    file = furnished(console, EVENT, {**EVENT, "id": "e-2"}, EVENT)

    seen = console.json("usage", "import", file, *WORDS)
    before = console.json("usage", "list")
    done = console.json("usage", "import", file, *WORDS, "--apply")

    assert (before, seen["is_done"], done["is_done"]) == ([], False, True)
    assert (seen["events"], seen["again"], seen["owed_dollars"]) == (2, 1, "$0.50")
    assert {**done, "is_done": False} == seen
    assert [each["owner"] for each in done["accounts"]] == [
        *("tenant:acme", "project:acme/default", "user:acme/anna", "outside:acme/meter")
    ]
    assert console.json("budgets", "verify")["is_sound"] is True


def test_what_was_counted_is_marked_and_written_down(console: Console) -> None:
    file = furnished(console, EVENT)

    ended = console.run("usage", "import", file, *WORDS, "--apply")

    (call,) = console.json("usage", "list")
    (act,) = [each for each in console.json("audit", "acts") if each["operation"] == "usage.import"]
    assert (call["route"], call["source"], call["key"]) == ("outside", "outside", "outside:meter")
    assert (call["request_id"], call["owed_nanos"]) == ("meter:e-1", 250_000_000)
    assert "outside:meter" in console.run("usage", "list").out
    assert act["changed"]["events"] == [None, 1]
    assert act["changed"]["owed"] == [None, 250_000_000]
    assert "1 events, $0.25, were counted; 0 were told before" in ended.err


def test_batches_of_a_file_are_acts_of_their_own(console: Console) -> None:
    file = furnished(console, *({**EVENT, "id": f"e-{n}"} for n in range(501)), EVENT)

    done = console.json("usage", "import", file, *WORDS, "--apply")
    again = console.json("usage", "import", file, *WORDS, "--apply")

    acts = [each for each in console.json("audit", "acts") if each["operation"] == "usage.import"]
    assert (done["events"], done["again"]) == (501, 1)
    assert (again["events"], again["again"], again["accounts"]) == (0, 502, [])
    assert len(acts) == 4


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"id": "e", "id": "f"}', "line 3"),
        ("no json", "line 3"),
        (json.dumps({**EVENT, "colour": "blue"}), "line 3: Object contains unknown field `colour`"),
        (json.dumps({**EVENT, "at": "2026-01-31"}), "line 3: `at` is a time"),
        (json.dumps({**EVENT, "owed": "-1"}), "line 3: owed is an amount"),
        (json.dumps({**EVENT, "kinds": {"gold": 1}}), "line 3: Kinds of tokens are"),
        (json.dumps({**EVENT, "user": "acme/nobody"}), "line 3: acme has no user 'acme/nobody'"),
        (json.dumps({**EVENT, "target": "x:y"}), "line 3: There is no model 'x:y'"),
    ],
)
def test_a_line_that_does_not_fit_is_named_and_nothing_is_counted(
    console: Console, line: str, says: str
) -> None:
    file = furnished(console, {**EVENT, "id": "e-0"})
    with Path(file).open("a") as events:
        events.write(f"\n{line}\n")

    ended = console.run("usage", "import", file, *WORDS, "--apply")

    assert ended.status != 0
    assert says in ended.err
    assert console.json("usage", "list") == []


def furnished(console: Console, *events: dict[str, Any]) -> str:
    console.run("tenants", "create", "acme")
    console.run("users", "create", "acme", "anna")
    file = console.directory / "events.jsonl"
    file.write_text("".join(f"{json.dumps(event)}\n" for event in events))
    return str(file)
