"""What a tenant calls models by, beside what everybody calls them."""

from __future__ import annotations

import re

from tollhouse.domain import naming
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.snapshot import Names, View
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Database
from tollhouse.storage import tenancy, views
from tollhouse.storage.tenancy import Kind

MOST_NAMES = 1000

_NAME = re.compile(r"[^\s*]{1,200}")
_PATTERN = re.compile(r"[^\s*]{1,200}|[^\s*]{0,199}\*")


async def name(database: Database, names: Names, tenant: str, own: str, model: str) -> None:
    """Give a public name one more by which this tenant alone may call it."""
    if not _NAME.fullmatch(own) or not own.isprintable():
        raise FieldInvalid(f"{own[:60]!r} is no name of a model.", param="name")
    if naming.find_public(names, model) is None:
        raise Conflict(f"there is no model {model[:60]!r} in the settings")
    await _put(database, tenant, own, model)


async def hide(database: Database, tenant: str, pattern: str) -> None:
    """A public name, or all that begin with `prefix*`, is not there for this tenant."""
    if not _PATTERN.fullmatch(pattern) or not pattern.isprintable():
        raise FieldInvalid(f"{pattern[:60]!r} is neither a name nor `prefix*`.", param="name")
    await _put(database, tenant, pattern, None)


async def forget(database: Database, tenant: str, name: str) -> None:
    if not await views.forget(database, tenant, name):
        raise Conflict(f"tenant {tenant!r} has nothing of its own under {name[:60]!r}")


async def view(database: Database, tenant: str) -> View:
    await _insist_on(database, tenant)
    return (await views.views(database)).get(tenant) or View({}, ())


async def _put(database: Database, tenant: str, name: str, model: str | None) -> None:
    seen = await view(database, tenant)
    if len(seen.names) + len(seen.hidden) >= MOST_NAMES:
        raise Conflict(
            f"tenant {tenant!r} has {MOST_NAMES} names of its own, and no more are taken"
        )
    await views.put(database, tenant, name, model)


async def _insist_on(database: Database, tenant: str) -> None:
    if not await tenancy.members(database, Kind.TENANT, tenant):
        raise Conflict(f"there is no tenant {tenant!r}")
