from __future__ import annotations

import pytest

from stores import NOW
from tollhouse.control import budgets, tenancy
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.storing import Conflict
from tollhouse.storage.sqlite import SqliteDatabase
from tollhouse.storage.tenancy import Kind


async def test_a_tenant_comes_with_a_project_and_their_accounts(sqlite: SqliteDatabase) -> None:
    await tenancy.create_tenant(sqlite, "acme", NOW)

    (project,) = await tenancy.members(sqlite, Kind.PROJECT)
    assert (project.id, project.tenant) == ("acme/default", "acme")
    owners = [account.owner for account in await budgets.listed(sqlite)]
    assert owners == ["project:acme/default", "tenant:acme"]


@pytest.mark.req("B-25")
async def test_nothing_that_is_made_has_a_budget_yet(sqlite: SqliteDatabase) -> None:
    await tenancy.create_tenant(sqlite, "acme", NOW)
    await tenancy.create_user(sqlite, "acme", "anna", NOW)

    assert not any(account.has_budget for account in await budgets.listed(sqlite))


@pytest.mark.parametrize("slug", ["", "-a", "Acme", "a" * 40, "a/b", "a b", "ä", "a\n"])
async def test_a_tenant_that_is_no_slug_is_refused(sqlite: SqliteDatabase, slug: str) -> None:
    with pytest.raises(FieldInvalid):
        await tenancy.create_tenant(sqlite, slug, NOW)


async def test_a_taken_name_is_said_in_words(sqlite: SqliteDatabase) -> None:
    await tenancy.create_tenant(sqlite, "acme", NOW)

    with pytest.raises(Conflict, match="'acme' is there already"):
        await tenancy.create_tenant(sqlite, "acme", NOW)


async def test_a_project_of_no_tenant_is_refused(sqlite: SqliteDatabase) -> None:
    with pytest.raises(Conflict, match="no tenant 'nobody'"):
        await tenancy.create_project(sqlite, "nobody", "web", NOW)
