from __future__ import annotations

import subprocess
import sys

import pytest
from console import Console

from tollhouse import __version__
from tollhouse.cli.edge import said
from tollhouse.domain.errors import StoreUnavailable

HEAVY = ("rich", "pydantic", "apsw", "asyncpg", "cryptography", "asyncio")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("keys", "show", "nobody"), "conflict"),
        (("tenants", "create", "No"), "field_invalid"),
        (("budgets", "set", "tenant:nobody", "--unlimited"), "conflict"),
        (("usage", "resolve", "nothing", "--release"), "conflict"),
        (("prices", "set", "a:m", "--input", "-3", "--output", "1"), "field_invalid"),
        (("audit", "key"), "conflict"),
    ],
)
def test_what_is_refused_is_one_line_with_a_code(
    console: Console, words: tuple[str, ...], code: str
) -> None:
    ended = console.run(*words)

    assert ended.status == 1
    assert ended.err.startswith(f"tollhouse: {code}: ")
    assert ended.err.count("\n") == 1
    assert ended.out == ""


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("budgets", "set", "tenant:acme"),
        ("budgets", "set", "tenant:acme", "--unlimited", "--none"),
        ("prices", "set", "a:m"),
        ("prices", "set", "a:m", "--free", "--input", "1"),
        ("usage", "resolve", "c1"),
        ("keys", "create", "acme", "--name", "x", "--expires-in", "soon"),
    ],
)
def test_what_is_not_understood_ends_with_2(console: Console, words: tuple[str, ...]) -> None:
    console.run("tenants", "create", "acme")

    ended = console.run(*words)

    assert ended.status == 2
    assert "Error" in ended.err


@pytest.mark.req("P-35")
def test_every_problem_of_the_settings_is_shown_and_nothing_is_opened(console: Console) -> None:
    console.file.write_text('data_dirr = "x"\n[server]\nworkers = "many"\n')

    ended = console.run("tenants", "list")

    assert ended.status == 1
    assert "config_invalid" in ended.err
    assert "data_dirr" in ended.err
    assert "server.workers" in ended.err


def test_an_unforeseen_error_shows_no_traceback() -> None:
    assert said(KeyError("x")).startswith("internal: KeyError: 'x'")


def test_an_operator_sees_why_the_store_is_away() -> None:
    said_so = said(StoreUnavailable(private="the disk is full"))

    assert said_so.startswith("store_unavailable: ")
    assert said_so.endswith("(the disk is full)")


def test_the_version_is_printed_in_both_forms(console: Console) -> None:
    assert console.run("--version").out == f"tollhouse {__version__}\n"
    assert console.run("--version", "--json").json == {"version": __version__}


def test_help_is_quick_because_it_imports_nothing_heavy() -> None:
    program = (
        "import sys; from tollhouse.cli import main\n"
        "sys.argv = ['tollhouse', '--help']\n"
        "try: main()\n"
        f"finally: print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert "Commands" in ended.stdout
    assert ended.stderr.strip() == "[]"
