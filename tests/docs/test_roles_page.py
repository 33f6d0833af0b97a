"""Every command that opens the house is a row of the table of operations, and the page says what it says."""

from __future__ import annotations

from typing import Any

import pytest
import typer

from tollhouse.cli.app import app
from tollhouse.domain.operations import OPERATIONS, Role

WITHOUT_THE_STORE = {
    *("serve", "demo", "migrate", "doctor", "evidence", "openapi", "audit.key"),
    *("config.check", "config.init", "config.schema", "config.show"),
    *(
        "providers.list",
        "providers.check",
        "issuers.check",
        "receipts.verify",
        "import.litellm",
        "import.otari",
    ),
}
"""They read settings and files, or run the house; what they do is no operation on it, or several others."""


@pytest.mark.req("S-45", "B-12")
def test_every_command_is_an_operation_with_a_row() -> None:
    assert commands(typer.main.get_command(app)) - WITHOUT_THE_STORE == set(OPERATIONS)


@pytest.mark.req("S-45")
def test_an_owner_may_do_everything_and_nobody_more_than_an_owner() -> None:
    assert all(Role.OWNER in row.roles for row in OPERATIONS.values())


@pytest.mark.req("S-45")
@pytest.mark.parametrize("role", [Role.AUDITOR, Role.READONLY])
def test_who_only_reads_changes_nothing_but_what_is_their_own(role: Role) -> None:
    assert not [row.name for row in OPERATIONS.values() if row.mutates and role in row.roles]


def commands(command: Any, name: str = "") -> set[str]:
    inner = getattr(command, "commands", None)
    if inner is None:
        return {name}
    return {each for word in inner for each in commands(inner[word], f"{name}.{word}".strip("."))}
