"""What the rows share: whose tenant it is, pages by `skip`, and requests that come to several acts."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from tollhouse.admin.asking import Asking
from tollhouse.control import budgets
from tollhouse.domain import operations, periods
from tollhouse.domain.budget import Account
from tollhouse.domain.errors import FieldInvalid, RoleInsufficient
from tollhouse.domain.pricing import NANOS_PER_DOLLAR
from tollhouse.domain.roles import Place
from tollhouse.ports import Books

T = TypeVar("T")
Told = dict[str, Any]

USUAL_PAGE = 100
LARGEST_PAGE = 1000
MOST_SKIPPED = 1_000_000
PAGES = ("skip", "limit")


@dataclass(frozen=True, slots=True)
class Step:
    """One act among several of a request."""

    operation: str
    arguments: dict[str, Any]
    work: Callable[[Books], Awaitable[Any]]


def tenant(asking: Asking) -> str:
    """The one that all of it is about."""
    return asking.office.settings.otari.tenant or ""


def user_of(asking: Asking, name: str) -> str:
    return f"{tenant(asking)}/{name}"


def name_of(user: str) -> str:
    return user.partition("/")[2]


def workspace(project: str) -> str:
    """otari calls them by UUIDs: the same one for the same project, always."""
    return str(uuid5(UUID(str(NAMESPACE_URL)), f"urn:tollhouse:project:{project}"))


async def do(asking: Asking, steps: Sequence[Step]) -> Any:
    """Each is an act with a record of its own, and none begins where one may not be done. What the first gave."""
    if len(steps) > 1:
        for step in steps:
            place = operations.found(step.operation).place.format(**step.arguments)
            await asking.judge(step.operation, place)
    first: Any = None
    for number, step in enumerate(steps):
        if number == 0:
            first = await asking.change(step.operation, step.arguments, step.work)
        else:
            await asking.further(step.operation, step.arguments, step.work)
    return first


def insist_on(asking: Asking, name: str, place: Place) -> None:
    """Before a thing is made, whether this may be done to it. Raises RoleInsufficient."""
    if asking.actor.role_for(operations.found(name), place) is None:
        raise RoleInsufficient(f"No role that you hold here may do {name}.")


async def accounts(asking: Asking) -> dict[str, Account]:
    """By their owners, as the next call would find them."""
    found = await budgets.listed(asking.store, asking.now_ms)
    return {account.owner: account for account in found}


def page(asking: Asking, rows: Sequence[T]) -> Sequence[T]:
    skip, limit = window(asking)
    return rows[skip : skip + limit]


def window(asking: Asking) -> tuple[int, int]:
    skip = _number(asking, "skip", 0, 0, MOST_SKIPPED)
    return skip, _number(asking, "limit", USUAL_PAGE, 1, LARGEST_PAGE)


def moment_ms(text: str, name: str) -> int:
    """As clients write it; one without a zone is in UTC, as otari reads it."""
    try:
        moment = datetime.fromisoformat(text) if re.match(r"[0-9]{4}-", text) else None
    except ValueError:
        moment = None
    if moment is None:
        raise FieldInvalid(f"`{name}` is a time such as 2026-01-31T00:00:00Z.", param=name)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def told_moment(ms: int | None) -> str | None:
    return None if ms is None else periods.iso(ms)


def dollars(nanos: int) -> float:
    """To be shown. Nothing here reckons with it."""
    return nanos / NANOS_PER_DOLLAR


def decimal(number: float, parts: int = 1) -> str:
    """The amount that was written, or one of so many parts of it, in plain decimals."""
    return f"{Decimal(repr(number)) / parts:f}"


def refuse(name: str, says: str) -> FieldInvalid:
    return FieldInvalid(f"`{name}` {says}", param=name)


def _number(asking: Asking, name: str, usual: int, least: int, most: int) -> int:
    given = asking.query.get(name, str(usual))
    if not re.fullmatch(r"[0-9]{1,7}", given) or not least <= int(given) <= most:
        raise FieldInvalid(f"`{name}` is a whole number from {least} to {most}.", param=name)
    return int(given)
