"""Who can reach what, for whoever has to look over it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tollhouse.admin import keys, telling
from tollhouse.admin.asking import Answer, Asking
from tollhouse.admin.resource import Resource
from tollhouse.control import access_review
from tollhouse.domain.errors import FieldInvalid

USUAL_WINDOW = "90"
LONGEST_WINDOW = 3650


def rows() -> Iterator[Resource]:
    yield Resource(
        name="access_review",
        method="GET",
        path="/access-review",
        serve=_review,
        summary="Every key with what it may call, what it did not call for `window` days, and what speaks against it.",
        operations=("access.review",),
        query=("tenant", "window"),
        is_list=True,
    )


async def _review(asking: Asking) -> Answer:
    models, tenant = asking.office.settings.models, asking.query.get("tenant", "")
    found = await access_review.review(asking.store, models, tenant, _days(asking), asking.now_ms)
    seen = asking.seen("access.review", found, lambda each: keys.place(each.key))
    return asking.page(seen, lambda each: each.key.id, telling.reviewed)


def _days(asking: Asking) -> int:
    given = asking.query.get("window", USUAL_WINDOW)
    if not re.fullmatch(r"[0-9]{1,4}", given) or not 1 <= int(given) <= LONGEST_WINDOW:
        raise FieldInvalid(
            f"`window` is a whole number of days from 1 to {LONGEST_WINDOW}.", param="window"
        )
    return int(given)
