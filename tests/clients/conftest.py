"""`make clients` runs these tests; without it the clients need not be there.

What came of each client is noted in build/clients.json, of which the page docs/reference/clients.md is made.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator

import pytest

from clients.agents import Agent
from clients.roster import ROOT, Client
from clients.stage import Stage, set_up

collect_ignore_glob = [] if "TOLLHOUSE_CLIENTS" in os.environ else ["test_*.py"]

FILE = ROOT / "build" / "clients.json"
PROPERTY = "tried"
TRIED = {
    "test_a_session_with_tools_ends_in_the_last_word": "session",
    "test_an_agent_works_through_a_session": "session",
    "test_on_the_native_lane_the_provider_gets_the_members_that_the_client_sent": "members",
    "test_a_wrong_key_is_shown_after_one_attempt": "401",
    "test_an_exhausted_budget_is_shown_after_one_attempt": "402",
    "test_an_agent_shows_that_its_key_is_wrong": "401",
    "test_an_agent_shows_that_the_budget_is_exhausted": "402",
    "test_an_agent_that_is_told_to_wait_asks_once_more_and_goes_on": "429",
    "test_an_agent_whose_stream_breaks_off_asks_once_more_and_goes_on": "cut",
    "test_a_busy_provider_is_asked_again_when_it_said_or_shown": "429",
    "test_a_stream_that_breaks_off_is_an_error": "cut",
}

_notes: dict[str, dict[str, str]] = {}


@pytest.fixture(scope="session")
async def the_stage(
    anyio_backend: object, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    async with set_up(tmp_path_factory.mktemp("stage")) as it:
        yield it


@pytest.fixture
async def stage(the_stage: Stage) -> AsyncIterator[Stage]:
    async with the_stage.listening():
        yield the_stage


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        params = item.callspec.params if hasattr(item, "callspec") else {}
        tried = TRIED.get(getattr(item, "originalname", ""), "")
        client: Client | Agent | None = params.get("client") or params.get("agent")
        if client and tried:
            what = f"{tried} {params['behind']}" if "behind" in params else tried
            item.user_properties.append((PROPERTY, [client.id, what]))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Failures of any of a test's three parts count."""
    for name, value in report.user_properties:
        if name == PROPERTY and (report.when == "call" or report.outcome != "passed"):
            client, what = value
            _notes.setdefault(client, {})[what] = report.outcome


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What could not be tried here, and why: a line each."""
    skipped = terminalreporter.stats.get("skipped", [])
    for line in sorted({report.longrepr[2].removeprefix("Skipped: ") for report in skipped}):
        terminalreporter.write_line(line)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _notes and not hasattr(session.config, "workerinput"):
        FILE.parent.mkdir(exist_ok=True)
        earlier = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}
        notes = {client: earlier.get(client, {}) | tried for client, tried in _notes.items()}
        FILE.write_text(json.dumps(earlier | notes, indent=2, sort_keys=True), encoding="utf-8")
