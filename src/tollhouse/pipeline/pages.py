"""Which page of a list a caller wants, read from the query."""

from __future__ import annotations

from urllib.parse import parse_qsl

from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.values import value
from tollhouse.pipeline.call import Call

MOST_OF_A_CURSOR = 200
MOST_DIGITS = 9


@value
class Page:
    after: str
    limit: int
    newest_first: bool
    purpose: str = ""


def page_of(call: Call, *, usual: int, most: int) -> Page:
    """What is not known in a query is nobody's business, as OpenAI has it."""
    query = dict(parse_qsl(call.query.decode("latin-1"), keep_blank_values=True))
    order = query.get("order") or "desc"
    if order not in ("asc", "desc"):
        raise FieldInvalid("`order` is `asc` or `desc`.", param="order")
    return Page(
        after=query.get("after", "")[:MOST_OF_A_CURSOR],
        limit=_limit(query.get("limit"), usual, most),
        newest_first=order == "desc",
        purpose=query.get("purpose", "")[:MOST_OF_A_CURSOR],
    )


def _limit(given: str | None, usual: int, most: int) -> int:
    if not given:
        return usual
    return number_within(given, most)


def number_within(given: str, most: int) -> int:
    """Of no more digits than a bound can have: of more, the first ones say nothing."""
    is_number = given.isascii() and given.isdigit() and len(given) <= MOST_DIGITS
    if not is_number or not 1 <= int(given) <= most:
        raise FieldInvalid(f"`limit` must be a whole number from 1 to {most}.", param="limit")
    return int(given)
