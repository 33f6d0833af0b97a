"""What a provider says was used, by day and model: its own exports, or any CSV.

An export tells tokens, dollars or both; what it does not tell is None. Amounts are added up as they are
written and rounded once.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.pricing import NANOS_PER_DOLLAR

DAY_S = 86_400
LATEST_S = 253_402_300_800  # the year 10,000
CENTS = Decimal("0.01")
FIELDS = ("day", "model", "input", "output", "dollars")
LARGEST = Decimal(10) ** 12
_EPOCH_SECONDS = re.compile(r"[0-9]{9,11}")

# How the exports of providers name their columns.
_KNOWN = {
    "day": ("start_time", "starting_at", "usage_date_utc", "date", "day", "timestamp"),
    "model": ("model", "model_version", "line_item"),
    "input": ("input_tokens", "prompt_tokens"),
    "output": ("output_tokens", "completion_tokens"),
    "dollars": ("amount_value", "cost_usd", "cost_in_usd", "cost"),
}
_PARTS_OF_INPUT = (
    "uncached_input_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)


@dataclass(frozen=True, slots=True)
class Told:
    """One row of an export. `day` counts from the epoch, in UTC."""

    day: int
    model: str
    input: int | None = None
    output: int | None = None
    dollars: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ProviderReport:
    """The days that it covers, the last one included, and what it tells of them."""

    first_day: int
    last_day: int
    rows: tuple[Told, ...]


def nanos(dollars: Decimal) -> int:
    return round(dollars * NANOS_PER_DOLLAR)


def read(text: str, columns: Mapping[str, str]) -> ProviderReport:
    """An export of OpenAI's or Anthropic's usage or costs, as JSON or CSV; `columns` says what others name theirs."""
    found = _json(text) if text.lstrip()[:1] in ("{", "[") else _csv(text, columns)
    days = [first for first, _, _ in found] + [last for _, last, _ in found]
    if not days:
        raise _unread("there is no day in it")
    return ProviderReport(
        min(days), max(days), tuple(told for _, _, rows in found for told in rows)
    )


Bucket = tuple[int, int, list[Told]]


def _json(text: str) -> list[Bucket]:
    """Buckets of a span each, in pages that may follow each other in one file or in a list."""
    try:
        value = json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise _unread("it is no JSON") from error
    pages = value if isinstance(value, list) else [value]
    return [
        _bucket(bucket, f"bucket {number}")
        for number, bucket in enumerate(_buckets(pages), start=1)
    ]


def _buckets(pages: Sequence[Any]) -> Iterator[Any]:
    for page in pages:
        if isinstance(page, dict) and page.get("has_more") is True and len(pages) == 1:
            raise _unread("it is a part: `has_more` is true, and the pages after it are not there")
        data = page.get("data") if isinstance(page, dict) else None
        if not isinstance(data, list):
            raise _unread("its `data` is no list of buckets")
        yield from data


def _bucket(bucket: Any, where: str) -> Bucket:
    if not isinstance(bucket, dict) or not isinstance(bucket.get("results"), list):
        raise _unread("it has no `results`", where)
    day = _day(bucket.get("start_time", bucket.get("starting_at")), where)
    end = bucket.get("end_time", bucket.get("ending_at"))
    last = max(day, _day(end, where, is_end=True)) if end is not None else day
    return day, last, [_result(result, day, where) for result in bucket["results"]]


def _result(result: Any, day: int, where: str) -> Told:
    if not isinstance(result, dict):
        raise _unread("a result is no object", where)
    amount = result.get("amount")
    if isinstance(amount, dict):  # OpenAI: dollars
        _see_dollars(amount.get("currency"), where)
        dollars = _decimal(amount.get("value"), where)
    elif amount is not None:  # Anthropic: cents
        _see_dollars(result.get("currency"), where)
        dollars = _decimal(amount, where) * CENTS
    else:
        dollars = None
    return Told(
        day, _model(result), _input(result, where), _count(result, "output_tokens", where), dollars
    )


def _model(result: Mapping[str, Any]) -> str:
    """A line of costs begins with the model: `gpt-4o-2024-08-06, input`."""
    model = result.get("model") or result.get("line_item") or ""
    return str(model).partition(",")[0].strip()


def _input(result: Mapping[str, Any], where: str) -> int | None:
    """All that went in; Anthropic tells its parts."""
    whole = _count(result, "input_tokens", where)
    if whole is not None:
        return whole
    parts = [_count(result, name, where) for name in _PARTS_OF_INPUT]
    written = result.get("cache_creation")
    if isinstance(written, dict):
        parts += [_count(written, name, where) for name in written]
    return sum(part or 0 for part in parts) if any(part is not None for part in parts) else None


def _csv(text: str, columns: Mapping[str, str]) -> list[Bucket]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        names = _columns(reader.fieldnames or (), columns)
        rows = list(reader)
    except csv.Error as error:
        raise _unread(f"it is no CSV: {error}") from error
    return [_row(row, names, f"row {number}") for number, row in enumerate(rows, start=2)]


def _columns(header: Sequence[str], said: Mapping[str, str]) -> dict[str, str]:
    names = {}
    for field in FIELDS:
        if field in said and said[field] not in header:
            raise _unread(f"it has no column {said[field][:60]!r}")
        known = (said[field],) if field in said else _KNOWN[field]
        if (name := next((each for each in known if each in header), None)) is not None:
            names[field] = name
    if "day" not in names or not names.keys() & {"input", "output", "dollars"}:
        raise _unread("it needs a column for the day, and one for tokens or dollars")
    return names


def _row(row: Mapping[str, Any], names: Mapping[str, str], where: str) -> Bucket:
    def cell(field: str) -> str | None:
        text = row.get(names.get(field, ""))
        return text.strip() or None if isinstance(text, str) else None

    day = _day(cell("day"), where)
    if "amount_currency" in row and cell("dollars") is not None:
        _see_dollars(row["amount_currency"], where)
    dollars = cell("dollars")
    told = Told(
        day,
        _model({"model": cell("model")}),
        _whole(cell("input"), where) if "input" in names else _input(row, where),
        _whole(cell("output"), where),
        None if dollars is None else _decimal(dollars.removeprefix("$"), where),
    )
    return day, day, [told]


def _day(value: Any, where: str, *, is_end: bool = False) -> int:
    """An end is not part of its day."""
    try:
        if isinstance(value, int) or _EPOCH_SECONDS.fullmatch(str(value)):
            seconds = int(value)
        else:
            moment = datetime.fromisoformat(str(value))
            seconds = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        seconds = -1
    if not 0 <= seconds < LATEST_S:
        raise _unread(f"{str(value)[:40]!r} is no day", where)
    return (seconds - is_end) // DAY_S


def _count(result: Mapping[str, Any], name: str, where: str) -> int | None:
    value = result.get(name)
    return None if value in (None, "") else _whole(str(value), where)


def _whole(text: str | None, where: str) -> int | None:
    if text is None:
        return None
    number = _decimal(text, where)
    if number != int(number) or number < 0:
        raise _unread(f"{text[:40]!r} is no number of tokens", where)
    return int(number)


def _decimal(value: Any, where: str) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number) > LARGEST or isinstance(value, bool):
        raise _unread(f"{str(value)[:40]!r} is no number", where)
    return number


def _see_dollars(currency: Any, where: str) -> None:
    if str(currency).lower() != "usd":
        raise _unread(f"its amounts are {str(currency)[:10]!r}, not dollars", where)


def _no_number(text: str) -> Any:
    raise ValueError(text)


def _unread(why: str, where: str = "") -> FieldInvalid:
    place = f", {where}" if where else ""
    return FieldInvalid(f"The export was not understood{place}: {why}.", param="file")
