"""Who may take how much, beside what the settings say for each of a kind."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tollhouse.admin import telling
from tollhouse.admin.asking import Answer, Asking
from tollhouse.admin.resource import Resource
from tollhouse.control import catalogue, limiting
from tollhouse.control.places import standing_at
from tollhouse.domain.limiting import Amounts
from tollhouse.domain.rates import Measure
from tollhouse.domain.roles import HOUSE
from tollhouse.ports import Books

Amount = int | msgspec.UnsetType


class Limits(msgspec.Struct, forbid_unknown_fields=True):
    """0 is without a limit. What is not named stays as it is."""

    requests_per_minute: Amount = msgspec.UNSET
    requests_per_day: Amount = msgspec.UNSET
    input_tokens_per_minute: Amount = msgspec.UNSET
    input_tokens_per_day: Amount = msgspec.UNSET
    output_tokens_per_minute: Amount = msgspec.UNSET
    output_tokens_per_day: Amount = msgspec.UNSET
    concurrent: Amount = msgspec.UNSET
    queue_weight: Amount = msgspec.UNSET
    """A project's share in line for a target that is full, from 1 to 100."""

    def amounts(self) -> Amounts:
        said = ((measure, getattr(self, measure.value)) for measure in Measure)
        return {measure: amount for measure, amount in said if amount is not msgspec.UNSET}


def rows() -> Iterator[Resource]:
    yield Resource(
        name="limits_list",
        method="GET",
        path="/limits",
        serve=_listed,
        summary="What is said of the limits of those that you may see.",
        operations=("limits.list",),
        is_list=True,
    )
    yield Resource(
        name="limits_show",
        method="GET",
        path="/limits/",
        serve=_show,
        summary="What is said of one: key:ID, user:ID, project:ID, tenant:ID, model:NAME, route:NAME.",
        operations=("limits.list",),
    )
    yield Resource(
        name="limits_set",
        method="PATCH",
        path="/limits/",
        serve=_set,
        summary="How much one may take. 0 is without a limit; what is not named stays as it is.",
        operations=("limits.set",),
        body=Limits,
    )
    yield Resource(
        name="limits_remove",
        method="DELETE",
        path="/limits/",
        serve=_remove,
        summary="Nothing is said of one any more: what the settings say for each holds again.",
        operations=("limits.remove",),
    )


async def _listed(asking: Asking) -> Answer:
    said = await limiting.listed(asking.store)
    places = {subject: await standing_at(asking.store, subject) or HOUSE for subject in said}
    seen = asking.seen("limits.list", said, lambda subject: places[subject])
    return asking.page(seen, str, lambda subject: telling.limits(subject, said[subject]))


async def _show(asking: Asking) -> Answer:
    subject = _named(asking)
    await asking.judge("limits.list", subject)
    return await _told(asking, subject)


async def _set(asking: Asking) -> Answer:
    wish, subject = asking.read(Limits).amounts(), _named(asking)
    names, routes = catalogue.names(asking.office.settings), asking.office.routes

    async def work(store: Books) -> Amounts:
        return await limiting.put(store, names, routes, subject, wish)

    await asking.change("limits.set", {"subject": subject}, work)
    return await _told(asking, subject)


async def _remove(asking: Asking) -> Answer:
    subject = _named(asking)

    async def work(store: Books) -> None:
        await limiting.remove(store, subject)

    await asking.change("limits.remove", {"subject": subject}, work)
    return Answer({"subject": subject, "is_removed": True})


async def _told(asking: Asking, subject: str) -> Answer:
    said = (await limiting.listed(asking.store)).get(subject, {})
    return Answer(telling.limits(subject, said), f"limits:{subject}")


def _named(asking: Asking) -> str:
    return limiting.named(catalogue.names(asking.office.settings), asking.id)
