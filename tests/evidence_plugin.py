"""Notes, for each requirement that a test is marked with, how the test went.

A run adds to what earlier runs left in build/evidence.json, so a part of the suite renews its
part. Results come home from parallel workers as properties of their reports.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

FILE = Path("build/evidence.json")
PROPERTY = "req"


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Notes(config.rootpath / FILE), "evidence-notes")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for marker in item.iter_markers("req"):
            item.user_properties += [(PROPERTY, number) for number in marker.args]


class _Notes:
    """Kept by the process that sees all reports."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._results: dict[str, dict[str, str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, number in report.user_properties:
            if name == PROPERTY:
                tests = self._results.setdefault(str(number), {})
                tests[report.nodeid] = _worse(tests.get(report.nodeid), report.outcome)

    def pytest_sessionfinish(self) -> None:
        if self._results:
            self._file.parent.mkdir(exist_ok=True)
            merged = json.dumps({"requirements": self._merged()}, indent=2, sort_keys=True)
            draft = self._file.with_suffix(".draft")
            draft.write_text(merged + "\n", encoding="utf-8")
            draft.replace(self._file)

    def _merged(self) -> dict[str, dict[str, str]]:
        """A test that no longer exists is dropped with its file."""
        requirements = self._results.copy()
        for number, tests in self._earlier().items():
            still = {test: result for test, result in tests.items() if self._exists(test)}
            requirements[number] = still | requirements.get(number, {})
        return {number: tests for number, tests in requirements.items() if tests}

    def _earlier(self) -> dict[str, dict[str, str]]:
        try:
            earlier: dict[str, dict[str, str]] = json.loads(self._file.read_text("utf-8"))[
                "requirements"
            ]
        except (OSError, ValueError, KeyError):
            return {}
        return earlier

    def _exists(self, test: str) -> bool:
        return (self._file.parent.parent / test.partition("::")[0]).exists()


_RANK = {None: -1, "passed": 0, "skipped": 1, "failed": 2}


def _worse(before: str | None, now: str) -> str:
    """A test has three reports: before, itself, after."""
    return now if before is None or _RANK[now] > _RANK[before] else before
