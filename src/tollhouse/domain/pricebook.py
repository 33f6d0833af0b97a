"""Reading prices as people write them: decimal dollars per million tokens.

A rate is a whole number of pico-dollars per token, so six decimals of a dollar per million
tokens are exact and nothing here rounds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.pricing import CLASSES, KINDS, Price, Tier

PICOS_PER_DOLLAR_PER_MILLION = 1_000_000
DEAREST = 1_000_000 * PICOS_PER_DOLLAR_PER_MILLION
"""A dollar a token: what is above it is a slip of the pen."""

PICOS_PER_DOLLAR = 1_000_000_000_000
DEAREST_UNIT = 1_000 * PICOS_PER_DOLLAR

AMOUNT = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,12}))?")
TARGET = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}:[!-~]{1,200}")
UNITS = ("per_call", "per_image", "per_second", "per_character")
BY_TOKEN = (*CLASSES, *KINDS)
MEMBERS = {"target", *BY_TOKEN, *UNITS, "tiers", "source", "effective"}
MOST_TIERS = 16
MOST_ABOVE = 10**12


@dataclass(frozen=True, slots=True)
class Listing:
    """One row: the rates of a target, who says so, and from when they hold."""

    target: str
    input: int
    output: int
    cache_read: int
    cache_write: int
    source: str
    effective_at: float
    per_call: int = 0
    per_image: int = 0
    per_second: int = 0
    per_character: int = 0
    kinds: tuple[tuple[str, int], ...] = ()
    tiers: tuple[Tier, ...] = ()

    def price(self, price_id: int) -> Price:
        return Price(
            price_id,
            self.target,
            *(self.input, self.output, self.cache_read, self.cache_write),
            *(self.per_call, self.per_image, self.per_second, self.per_character),
            *(self.kinds, self.tiers),
        )


@dataclass(frozen=True, slots=True)
class Pricebook:
    version: str
    listings: tuple[Listing, ...]


def rate(amount: object, param: str = "rate") -> int:
    """Pico-dollars per token: "3" is 3_000_000, "0.075" is 75_000. Raises FieldInvalid.

    Text and whole numbers only. A float is refused: it is not the number that was written.
    """
    if isinstance(amount, bool) or not isinstance(amount, str | int):
        raise _invalid(param, amount, 'a decimal as text, such as "0.15"')
    match = AMOUNT.fullmatch(str(amount))
    if match is None:
        raise _invalid(param, amount, "zero or more dollars in plain decimals, at most 12 of them")
    return _picos(match[1], match[2] or "", param)


def unit_rate(amount: object, param: str = "rate") -> int:
    """Pico-dollars a unit: "0.04" is 40_000_000_000. Raises FieldInvalid."""
    match = AMOUNT.fullmatch(amount) if isinstance(amount, str) else None
    if match is None:
        raise _invalid(param, amount, 'dollars a unit as text, such as "0.04"')
    picos = int(match[1]) * PICOS_PER_DOLLAR + int((match[2] or "").ljust(12, "0"))
    if picos > DEAREST_UNIT:
        raise _invalid(param, amount, "at most 1000 dollars a unit")
    return picos


def dollars_per_unit(picos: int) -> str:
    """The way back: 40_000_000_000 is "0.04"."""
    whole, rest = divmod(picos, PICOS_PER_DOLLAR)
    return f"{whole}.{rest:012d}".rstrip("0").rstrip(".")


def dollars_per_million(picos: int) -> str:
    """The way back: 75_000 is "0.075"."""
    whole, rest = divmod(picos, PICOS_PER_DOLLAR_PER_MILLION)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")


def pricebook(document: Mapping[str, object]) -> Pricebook:
    """A whole book: `version` and `price`, a list of rows. Raises FieldInvalid naming the row."""
    version, rows = document.get("version"), document.get("price")
    if not isinstance(version, str) or not version:
        raise _invalid("version", version, "the book's version as text")
    if not isinstance(rows, list):
        raise _invalid("price", rows, "a list of rows")
    listings = tuple(_numbered(row, f"price[{number}]") for number, row in enumerate(rows))
    _check_distinct(listings)
    return Pricebook(version, listings)


def listing(row: Mapping[str, object], where: str = "price") -> Listing:
    """One row. A cache rate that is absent is the input rate. Raises FieldInvalid."""
    if unknown := sorted(row.keys() - MEMBERS):
        raise _invalid(f"{where}.{unknown[0]}", unknown[0], f"one of {', '.join(sorted(MEMBERS))}")
    fresh = rate(row.get("input"), f"{where}.input")
    return Listing(
        target=_target(row.get("target"), f"{where}.target"),
        input=fresh,
        output=rate(row.get("output"), f"{where}.output"),
        cache_read=_cache_rate(row, "cache_read", fresh, where),
        cache_write=_cache_rate(row, "cache_write", fresh, where),
        source=_source(row.get("source"), f"{where}.source"),
        **{name: unit_rate(row.get(name, "0"), f"{where}.{name}") for name in UNITS},
        effective_at=_midnight(row.get("effective"), f"{where}.effective"),
        kinds=kinds({name: row[name] for name in KINDS if name in row}, where),
        tiers=tiers(row.get("tiers", []), f"{where}.tiers"),
    )


def kinds(rates: Mapping[str, object], where: str = "kinds") -> tuple[tuple[str, int], ...]:
    """The rates of kinds of tokens, by their names. Raises FieldInvalid."""
    for name in rates:
        if name not in KINDS:
            raise _invalid(f"{where}.{name}", name, f"one of {', '.join(KINDS)}")
    return tuple((name, rate(rates[name], f"{where}.{name}")) for name in sorted(rates))


def tiers(rows: object, where: str = "tiers") -> tuple[Tier, ...]:
    """What holds above so many tokens: `above`, and the rates that change. Raises FieldInvalid."""
    if not isinstance(rows, list) or len(rows) > MOST_TIERS:
        raise _invalid(where, rows, f"a list of at most {MOST_TIERS} tables")
    found = [_tier(row, f"{where}[{number}]") for number, row in enumerate(rows)]
    if len({tier.above for tier in found}) < len(found):
        raise _invalid(where, "a threshold twice", "each `above` once")
    return tuple(sorted(found, key=lambda tier: tier.above))


def _tier(row: object, where: str) -> Tier:
    if not isinstance(row, Mapping):
        raise _invalid(where, row, "a table")
    rates = {name: amount for name, amount in row.items() if name != "above"}
    for name in rates:
        if name not in BY_TOKEN:
            raise _invalid(f"{where}.{name}", name, f"above, or one of {', '.join(BY_TOKEN)}")
    if not rates:
        raise _invalid(where, "no rate", f"at least one of {', '.join(BY_TOKEN)}")
    above = _bound(row.get("above"), f"{where}.above")
    return Tier(
        above, tuple((name, rate(rates[name], f"{where}.{name}")) for name in sorted(rates))
    )


def _picos(whole: str, decimals: str, param: str) -> int:
    if decimals[6:].strip("0"):
        raise _invalid(
            param,
            f"{whole}.{decimals}",
            "at most 6 decimals that are not zero: rates are whole pico-dollars per token",
        )
    picos = int(whole) * PICOS_PER_DOLLAR_PER_MILLION + int(decimals[:6].ljust(6, "0"))
    if picos > DEAREST:
        raise _invalid(param, f"{whole}.{decimals}", "at most 1000000 dollars per million tokens")
    return picos


def _numbered(row: object, where: str) -> Listing:
    if not isinstance(row, dict):
        raise _invalid(where, row, "a table")
    return listing(row, where)


def _check_distinct(listings: tuple[Listing, ...]) -> None:
    seen: set[tuple[str, float]] = set()
    for one in listings:
        if (one.target, one.effective_at) in seen:
            raise _invalid("price", one.target, "each target once for each day")
        seen.add((one.target, one.effective_at))


def _cache_rate(row: Mapping[str, object], name: str, otherwise: int, where: str) -> int:
    return rate(row[name], f"{where}.{name}") if name in row else otherwise


def _target(value: object, param: str) -> str:
    if not isinstance(value, str) or TARGET.fullmatch(value) is None:
        raise _invalid(param, value, "kind:model, such as openai:gpt-4o")
    return value


def _source(value: object, param: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _invalid(param, value, "where the price comes from")
    return value


def _midnight(value: object, param: str) -> float:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise _invalid(param, value, "a date, such as 2026-11-01")
    return datetime.combine(value, time.min, UTC).timestamp()


def _bound(value: object, param: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MOST_ABOVE:
        raise _invalid(param, value, "a number of tokens")
    return value


def _invalid(param: str, found: object, expected: str) -> FieldInvalid:
    return FieldInvalid(f"{param}: found {str(found)[:40]!r}, expected {expected}.", param=param)
