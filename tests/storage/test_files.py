"""Whose a file is stands in every question that the store is asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stores import NOW, Store
from tollhouse.control import tenancy
from tollhouse.domain.files import File
from tollhouse.storage import files

pytestmark = pytest.mark.req("S-48", "P-18", "OT-50")

OURS = "acme/default"
THEIRS = "bolt/default"


@pytest.fixture
async def shelves(store: Store) -> Store:
    """Two tenants, the first with three files and the second with one."""
    for tenant in ("acme", "bolt"):
        await tenancy.create_tenant(store, tenant, NOW)
    for number, purpose in enumerate(("batch", "user_data", "batch"), start=1):
        await files.add(store, a_file(f"file-{number}", OURS, purpose))
    await files.add(store, a_file("file-2b", THEIRS, "batch"))
    return store


async def test_a_file_is_found_by_its_own_project_alone(shelves: Store) -> None:
    ours = await files.find(shelves, OURS, "file-1", NOW)
    theirs = await files.find(shelves, THEIRS, "file-1", NOW)

    assert ours == a_file("file-1", OURS, "batch")
    assert theirs is None


@pytest.mark.parametrize(
    ("newest_first", "wanted"),
    [(True, ["file-3", "file-2", "file-1"]), (False, ["file-1", "file-2", "file-3"])],
)
async def test_pages_of_one_project_follow_each_other_in_either_order(
    shelves: Store, newest_first: bool, wanted: list[str]
) -> None:
    first = await listed(shelves, limit=2, newest_first=newest_first)
    second = await listed(shelves, after=first[-1], newest_first=newest_first)

    assert first + second == wanted


async def test_a_purpose_narrows_the_list(shelves: Store) -> None:
    assert await listed(shelves, purpose="user_data") == ["file-2"]


async def test_what_has_expired_is_not_there(shelves: Store) -> None:
    short = replace(a_file("file-4", OURS, "batch"), expires_at_ms=NOW + 1000)
    await files.add(shelves, short)

    before = await files.find(shelves, OURS, "file-4", NOW + 999)
    after = await files.find(shelves, OURS, "file-4", NOW + 1000)

    assert (before, after) == (short, None)
    assert "file-4" not in await listed(shelves, now_ms=NOW + 1000)
    assert await files.count(shelves, OURS, NOW + 1000) == 3


async def test_a_file_is_forgotten_once_and_by_its_own_project_alone(shelves: Store) -> None:
    by_others = await files.forget(shelves, THEIRS, "file-1")
    by_us = await files.forget(shelves, OURS, "file-1")
    again = await files.forget(shelves, OURS, "file-1")

    assert (by_others, by_us, again) == (False, True, False)
    assert await listed(shelves) == ["file-3", "file-2"]


async def test_a_file_that_is_there_already_stays_as_it_is(shelves: Store) -> None:
    await files.add(shelves, a_file("file-1", THEIRS, "vision"))

    assert await files.find(shelves, OURS, "file-1", NOW) == a_file("file-1", OURS, "batch")
    assert await files.find(shelves, THEIRS, "file-1", NOW) is None


def a_file(file_id: str, project: str, purpose: str) -> File:
    return File(file_id, project, "up", f"up-{file_id}", purpose, "notes.txt", 7, NOW)


async def listed(
    store: Store,
    *,
    purpose: str = "",
    after: str = "",
    limit: int = 10,
    newest_first: bool = True,
    now_ms: int = NOW,
) -> list[str]:
    found = await files.page(
        store,
        OURS,
        purpose=purpose,
        after=after,
        limit=limit,
        newest_first=newest_first,
        now_ms=now_ms,
    )
    return [file.id for file in found]
