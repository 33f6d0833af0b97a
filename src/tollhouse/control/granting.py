"""Which models keys may be granted, and those of a user at most."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tollhouse.domain.access import is_within
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Database
from tollhouse.storage import tenancy
from tollhouse.storage.tenancy import Kind

_PATTERN = re.compile(r"[^\s*]{1,200}\*?|\*")


async def allow(database: Database, user: str, models: Iterable[str] | None) -> None:
    """What the keys of a user may call at most, whatever they were granted; None is anything."""
    most = None if models is None else patterns(models)
    if not await tenancy.allow(database, user, most):
        raise Conflict(f"there is no user {user[:100]!r}")


def patterns(models: Iterable[str]) -> tuple[str, ...]:
    """Names, `prefix*` or `*`, each once. Raises FieldInvalid."""
    wanted = tuple(dict.fromkeys(models))
    for model in wanted:
        if not _PATTERN.fullmatch(model) or not model.isprintable():
            raise FieldInvalid(f"{model[:60]!r} is neither a model's name nor `prefix*` nor `*`.")
    return wanted


async def insist_on_allowed(database: Database, user: str | None, models: tuple[str, ...]) -> None:
    """Raises FieldInvalid for what the user's keys may not call."""
    people = await tenancy.members(database, Kind.USER, user.partition("/")[0]) if user else []
    most = next((each.models for each in people if each.id == user), None)
    beyond = [model for model in models if most is not None and not is_within(model, most)]
    if beyond:
        raise FieldInvalid(
            f"{beyond[0]!r} is beyond what the keys of {user} may be granted: "
            f"{', '.join(most or ()) or 'nothing'}.",
            param="models",
        )
