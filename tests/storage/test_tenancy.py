from __future__ import annotations

from stores import NOW, Store
from tollhouse.storage import tenancy
from tollhouse.storage.tenancy import Kind, Member


async def test_members_are_listed_for_one_tenant_or_for_all(store: Store) -> None:
    await store.write(
        tenancy.adding_tenant("acme", NOW),
        tenancy.adding_tenant("bolt", NOW),
        tenancy.adding_project("acme/web", "acme", NOW),
        tenancy.adding_project("bolt/web", "bolt", NOW),
        tenancy.adding_user("acme/key-1", "acme", NOW, is_virtual=True),
    )

    projects = await tenancy.members(store, Kind.PROJECT)
    of_acme = await tenancy.members(store, Kind.PROJECT, "acme")
    users = await tenancy.members(store, Kind.USER, "acme")

    assert [project.id for project in projects] == ["acme/web", "bolt/web"]
    assert [project.id for project in of_acme] == ["acme/web"]
    assert users == [Member("acme/key-1", "acme", False, NOW, is_virtual=True)]


async def test_disabling_tells_whether_there_was_anybody(store: Store) -> None:
    await store.write(tenancy.adding_tenant("acme", NOW))

    found = await tenancy.set_disabled(store, Kind.TENANT, "acme", is_disabled=True)
    missing = await tenancy.set_disabled(store, Kind.TENANT, "nobody", is_disabled=True)

    assert (found, missing) == (True, False)
    (acme,) = await tenancy.members(store, Kind.TENANT)
    assert acme.is_disabled
