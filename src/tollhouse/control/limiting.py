"""Who may take how much: what the settings say for each, and what is said of one."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from tollhouse.config import Settings
from tollhouse.config.sections.callers import Amounts as Section
from tollhouse.domain import naming
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.limiting import KINDS, Amounts, Defaults
from tollhouse.domain.rates import COUNTED, MOST, MOST_WEIGHT, Measure
from tollhouse.domain.snapshot import Names
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Database
from tollhouse.storage import budgets, limits


def defaults(settings: Settings) -> Defaults:
    """What holds for each of a kind."""
    said = settings.limits
    each: dict[str, Amounts] = {
        "key": _amounts(said),
        **{kind: _amounts(section) for kind, section in settings.limits_for.items()},
    }
    return Defaults({kind: it for kind, it in each.items() if it}, said.burst or 0)


async def put(
    database: Database, names: Names, routes: Collection[str], subject: str, amounts: Amounts
) -> Amounts:
    """Say what one may take; 0 is without a limit. What is not named stays. All that is said of it."""
    subject = await _found(database, names, routes, subject)
    if not amounts:
        raise FieldInvalid("Say at least one limit.", param="limits")
    weight = amounts.get(Measure.QUEUE_WEIGHT)
    if weight is not None and not (subject.startswith("project:") and 1 <= weight <= MOST_WEIGHT):
        raise FieldInvalid(
            f"queue_weight is of a project, and a whole number from 1 to {MOST_WEIGHT}.",
            param=Measure.QUEUE_WEIGHT,
        )
    for measure, amount in amounts.items():
        if not 0 <= amount <= MOST:
            raise FieldInvalid(f"{measure} is a whole number from 0 to {MOST}.", param=measure)
    await database.write(*(limits.setting(subject, *each) for each in amounts.items()))
    return (await listed(database))[subject]


async def remove(database: Database, subject: str) -> None:
    """From now on it may take what the settings say for each of its kind."""
    if not await limits.forget(database, subject):
        raise Conflict(f"nothing is said of the limits of {subject[:60]!r}")


async def listed(database: Database) -> Mapping[str, Amounts]:
    """By subject."""
    return await limits.limits(database)


def named(names: Names, subject: str) -> str:
    """By its own name: a model is limited under no alias."""
    kind, _, name = subject.partition(":")
    model = naming.find_public(names, name) if kind == "model" else None
    return subject if model is None else f"{kind}:{model.name}"


async def _found(database: Database, names: Names, routes: Collection[str], subject: str) -> str:
    """The subject by its own name, if it is there."""
    kind, _, name = subject.partition(":")
    if kind not in KINDS or not name:
        raise FieldInvalid(
            "A limit belongs to key:ID, user:ID, project:ID, tenant:ID, model:NAME or route:NAME, "
            f"not {subject[:60]!r}.",
            param="subject",
        )
    if kind == "route":
        is_there = name in routes
    elif kind == "model":
        is_there = naming.find_public(names, name) is not None
    else:
        is_there = await budgets.account(database, subject) is not None
    if not is_there:
        raise Conflict(f"there is no {kind} {name[:60]!r}")
    return named(names, subject)


def _amounts(section: Section) -> Amounts:
    found = {measure: getattr(section, measure.value) for measure in COUNTED}
    return {measure: amount for measure, amount in found.items() if amount}
