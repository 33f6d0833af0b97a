from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from console import Console

TESTS = """
import pytest

@pytest.mark.req("P-7", "B-2")
def test_passes():
    pass

@pytest.mark.req("P-7")
def test_fails():
    assert False

@pytest.mark.req("P-10")
def test_is_skipped():
    pytest.skip()
"""


def test_each_requirement_is_told_with_its_tests(console: Console, tmp_path: Path) -> None:
    _run_suite(tmp_path)

    ended = console.run("evidence", "--file", str(tmp_path / "build" / "evidence.json"), "--json")

    assert ended.status == 1
    verdicts = {row["requirement"]: row["verdict"] for row in ended.json}
    assert list(verdicts) == ["B-2", "P-7", "P-10"]
    assert verdicts == {"B-2": "proven", "P-7": "failed", "P-10": "skipped"}


def test_a_part_of_the_suite_renews_its_part(tmp_path: Path) -> None:
    _run_suite(tmp_path)
    (tmp_path / "test_other.py").write_text(TESTS.replace("assert False", "pass"))

    _run_suite(tmp_path, "test_other.py")

    found = json.loads((tmp_path / "build" / "evidence.json").read_text())["requirements"]
    assert found["P-7"]["test_some.py::test_fails"] == "failed"
    assert found["P-7"]["test_other.py::test_fails"] == "passed"


def test_without_a_run_there_is_no_evidence(console: Console, tmp_path: Path) -> None:
    ended = console.run("evidence", "--file", str(tmp_path / "none.json"))

    assert ended.status == 1
    assert "run the tests first" in ended.err


def _run_suite(directory: Path, *files: str) -> None:
    (directory / "test_some.py").write_text(TESTS)
    (directory / "pytest.ini").write_text("[pytest]\nmarkers = req(*numbers): what is proven\n")
    plugin = ["-p", "evidence_plugin", "-p", "no:cacheprovider", "-q"]
    subprocess.run(
        [sys.executable, "-m", "pytest", *plugin, *files],
        cwd=directory,
        env={"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": ""},
        capture_output=True,
        check=False,
    )
