"""`tollhouse evidence`: which tests prove which requirement, and how they last went."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from tollhouse.cli.house import Json
from tollhouse.cli.printing import print_json, table

DEFAULT_FILE = Path("build/evidence.json")

Evidence = dict[str, dict[str, str]]
"""Requirement number → test → its last result."""


def evidence(
    file: Annotated[Path, typer.Option(help="What the last test runs left behind.")] = DEFAULT_FILE,
    as_json: Json = False,
) -> None:
    """List each requirement with the tests that prove it and their last results.

    In a checkout, after the tests. Exit status 1 if any of them failed.

    Example: tollhouse evidence --json
    """
    found = _read(file)
    if as_json:
        print_json([_json(number, found[number]) for number in sorted(found, key=_order)])
    else:
        _print(found)
    if any(_verdict(tests) == "failed" for tests in found.values()):
        raise typer.Exit(1)


def _read(file: Path) -> Evidence:
    from tollhouse.domain.storing import Conflict

    try:
        requirements: Evidence = json.loads(file.read_text("utf-8"))["requirements"]
    except FileNotFoundError as error:
        raise Conflict(f"there is no {file}: run the tests first") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Conflict(f"{file} is not what a test run writes") from error
    return requirements


def _print(found: Evidence) -> None:
    rows = [
        (number if first else "", _verdict(found[number]) if first else "", test, result)
        for number in sorted(found, key=_order)
        for first, (test, result) in _marked(found[number])
    ]
    table(("requirement", "verdict", "test", "result"), rows, empty="no requirement is proven")
    proven = sum(_verdict(tests) == "proven" for tests in found.values())
    print(f"{proven} of {len(found)} requirements with tests are proven")


def _marked(tests: dict[str, str]) -> list[tuple[bool, tuple[str, str]]]:
    return [(place == 0, row) for place, row in enumerate(sorted(tests.items()))]


def _verdict(tests: dict[str, str]) -> str:
    """Proven if all passed; a test that was skipped proves nothing."""
    results = set(tests.values())
    if "failed" in results:
        return "failed"
    return "proven" if results == {"passed"} else "partly" if "passed" in results else "skipped"


def _json(number: str, tests: dict[str, str]) -> dict[str, Any]:
    listed = [{"test": test, "result": result} for test, result in sorted(tests.items())]
    return {"requirement": number, "verdict": _verdict(tests), "tests": listed}


def _order(number: str) -> tuple[str, int, str]:
    """P-7 before P-10."""
    match = re.match(r"([^0-9]*)([0-9]*)(.*)", number)
    return (match[1], int(match[2] or 0), match[3]) if match else (number, 0, "")
