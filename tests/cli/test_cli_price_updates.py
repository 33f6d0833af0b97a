from __future__ import annotations

import pytest
from console import Console

pytestmark = pytest.mark.req("B-19", "OT-31")


def test_a_book_is_laid_before_read_and_approved(console: Console) -> None:
    console.run("prices", "seed")
    _write(console, "openai:gpt-4o", "3")

    laid = console.json("prices", "update", str(console.directory / "book.toml"))
    (shown,) = console.json("prices", "diff")
    approved = console.json("prices", "approve", laid["id"])

    assert shown == laid
    assert approved == {"added": 1, "held": []}
    assert laid["changes"][0]["moves"][0] == {
        "rate": "input",
        "above": 0,
        "old_picos": 2_500_000,
        "new_picos": 3_000_000,
    }
    newest, oldest = console.json("prices", "show", "openai:gpt-4o")
    assert (newest["source"], newest["set_by"][:5]) == ("a list", "host:")
    assert (oldest["set_by"], oldest["input_picos_per_token"]) == ("price book", 2_500_000)
    assert console.json("prices", "diff") == []


def test_a_diff_says_what_was_and_what_becomes_and_by_how_much(console: Console) -> None:
    console.run("prices", "seed")
    _write(console, "openai:gpt-4o", "30")

    told = console.run("prices", "update", str(console.directory / "book.toml")).out

    assert "input 2.5 -> 30 (x12)" in told
    assert "JUMP" in told


def test_a_jump_is_held_and_says_how_it_is_let_through(console: Console) -> None:
    console.run("prices", "seed")
    _write(console, "openai:gpt-4o", "30")
    laid = console.json("prices", "update", str(console.directory / "book.toml"))

    held = console.run("prices", "approve", laid["id"])
    approved = console.json("prices", "approve", laid["id"], "--jump", "openai:gpt-4o")

    assert "--jump openai:gpt-4o" in held.err
    assert approved == {"added": 1, "held": []}


def test_the_packaged_book_changes_nothing_in_a_house_that_has_it(console: Console) -> None:
    console.run("prices", "seed")

    assert "changes nothing" in console.run("prices", "update", "packaged").out


@pytest.mark.parametrize("text", ["[[price]]", "version = 7", "no toml"])
def test_a_file_that_is_no_book_is_refused(console: Console, text: str) -> None:
    (console.directory / "book.toml").write_text(text)

    assert console.run("prices", "update", str(console.directory / "book.toml")).status != 0
    assert console.json("prices", "diff") == []


def test_totals_of_no_calls_are_reproduced(console: Console) -> None:
    told = console.json("prices", "recompute", "--since", "7d")

    assert (told["is_exact"], told["calls"], told["differences"]) == (True, 0, [])
    assert console.run("prices", "recompute").out == (
        "0 calls owe $0.00, as their usage and prices say\n"
    )


def _write(console: Console, target: str, dollars: str) -> None:
    (console.directory / "book.toml").write_text(
        f'version = "x"\n[[price]]\ntarget = "{target}"\ninput = "{dollars}"\noutput = "10"\n'
        'source = "a list"\neffective = 2026-11-01\n'
    )
