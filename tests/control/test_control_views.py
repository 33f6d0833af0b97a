from __future__ import annotations

import pytest

from stores import NOW
from tollhouse.config import parse
from tollhouse.control import catalogue, tenancy, views
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.snapshot import View
from tollhouse.domain.storing import Conflict
from tollhouse.storage.sqlite import SqliteDatabase

NAMES = catalogue.names(
    parse(
        '[providers.e]\nkind = "echo"\n[models.m]\ntargets = ["e:x"]\n[models."g-*"]\ntargets = ["e:*"]',
        {},
    )
)


@pytest.mark.req("OT-53")
async def test_a_tenant_is_given_a_name_of_its_own(sqlite: SqliteDatabase) -> None:
    await tenancy.create_tenant(sqlite, "acme", NOW)

    await views.name(sqlite, NAMES, "acme", "best", "m")
    await views.name(sqlite, NAMES, "acme", "next", "g-2")
    await views.hide(sqlite, "acme", "m")

    assert await views.view(sqlite, "acme") == View({"best": "m", "next": "g-2"}, ("m",))


async def test_what_a_name_stands_for_must_be_there(sqlite: SqliteDatabase) -> None:
    await tenancy.create_tenant(sqlite, "acme", NOW)

    with pytest.raises(Conflict, match="no model 'n'"):
        await views.name(sqlite, NAMES, "acme", "best", "n")


@pytest.mark.parametrize("own", ["", "a b", "a*", "x" * 201, "a\n", "a\x00"])
async def test_a_name_that_is_none_is_refused(sqlite: SqliteDatabase, own: str) -> None:
    await tenancy.create_tenant(sqlite, "acme", NOW)

    with pytest.raises(FieldInvalid):
        await views.name(sqlite, NAMES, "acme", own, "m")


@pytest.mark.parametrize("pattern", ["", "a b", "*a", "a*b", "**"])
async def test_a_pattern_that_is_none_is_refused(sqlite: SqliteDatabase, pattern: str) -> None:
    await tenancy.create_tenant(sqlite, "acme", NOW)

    with pytest.raises(FieldInvalid):
        await views.hide(sqlite, "acme", pattern)


async def test_a_tenant_that_is_not_there_is_said_in_words(sqlite: SqliteDatabase) -> None:
    with pytest.raises(Conflict, match="no tenant 'nobody'"):
        await views.hide(sqlite, "nobody", "m")


async def test_nothing_is_forgotten_that_was_not_said(sqlite: SqliteDatabase) -> None:
    await tenancy.create_tenant(sqlite, "acme", NOW)

    with pytest.raises(Conflict, match="nothing of its own under 'm'"):
        await views.forget(sqlite, "acme", "m")


async def test_a_tenant_has_a_thousand_names_at_most(sqlite: SqliteDatabase) -> None:
    await tenancy.create_tenant(sqlite, "acme", NOW)
    adding = "INSERT INTO views (tenant, name) VALUES ($1, $2)"
    await sqlite.write(*((adding, ("acme", f"n{number}")) for number in range(views.MOST_NAMES)))

    with pytest.raises(Conflict, match="no more are taken"):
        await views.hide(sqlite, "acme", "m")
