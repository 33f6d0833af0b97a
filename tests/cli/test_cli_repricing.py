from __future__ import annotations

import json

import pytest
from console import Console

pytestmark = pytest.mark.req("OT-34")

WORDS = ("--tenant", "acme", "--source", "meter", "--apply")


def test_calls_are_priced_anew_when_it_is_said_so_and_it_is_written_down(console: Console) -> None:
    furnished(console)

    seen = console.json("usage", "reprice", "echo:echo")
    before = console.json("usage", "corrections")
    done = console.json("usage", "reprice", "echo:echo", "--apply")
    again = console.json("usage", "reprice", "echo:echo", "--apply")

    (kept,) = console.json("usage", "corrections")
    assert (before, seen["is_done"], seen["updated"]) == ([], False, 1)
    assert {**done, "id": None, "is_done": False} == seen
    assert (done["was_dollars"], done["owed_dollars"]) == ("$1.00", "$3.00")
    assert (kept["was_nanos"], kept["owed_nanos"]) == (10**9, 3 * 10**9)
    assert (kept["repricing"], kept["made_by"].partition(":")[0]) == (done["id"], "host")
    assert (again["updated"], again["unchanged"]) == (0, 1)
    assert {each["difference_dollars"] for each in done["accounts"]} == {"$2.00"}
    acts = [it for it in console.json("audit", "acts") if it["operation"] == "usage.reprice"]
    assert len(acts) == 2
    assert {"calls": [None, 1], "was": [None, 10**9], "owed": [None, 3 * 10**9]} in [
        act["changed"] for act in acts
    ]
    assert console.json("budgets", "verify")["is_sound"] is True
    assert console.json("prices", "recompute")["differences"] == []


def test_it_reads_the_same_for_people(console: Console) -> None:
    furnished(console)

    seen = console.run("usage", "reprice", "echo:echo")
    console.run("usage", "reprice", "echo:echo", "--apply")
    kept = console.run("usage", "corrections").out

    assert "user:acme/anna" in seen.out
    assert "1 calls: 1 priced anew from $1.00 to $3.00, 0 unchanged, 0 left" in seen.err
    assert "say --apply to do it" in seen.err
    assert "$1.00" in kept


def test_a_price_row_that_is_not_there_is_refused(console: Console) -> None:
    furnished(console)

    ended = console.run("usage", "reprice", "echo:echo", "--price", "99999", "--apply")

    assert ended.status != 0
    assert "There is no price row 99999" in ended.err
    assert console.json("usage", "corrections") == []


def furnished(console: Console) -> None:
    """A call from outside of a million tokens, and a price that came late."""
    console.run("tenants", "create", "acme")
    console.run("users", "create", "acme", "anna")
    price = ("prices", "set", "echo:echo", "--output", "0", "--effective-at")
    console.run(*price, "2026-01-01", "--input", "1")
    event = {"id": "e-1", "at": "2026-01-31T12:00:00Z", "user": "acme/anna"}
    file = console.directory / "events.jsonl"
    file.write_text(json.dumps({**event, "target": "echo:echo", "input": 1_000_000}))
    console.run("usage", "import", str(file), *WORDS)
    console.run(*price, "2026-01-30", "--input", "3")
