"""Rows of another gateway's tables, as JSON or as SQLite tells them: read leniently, and nothing is guessed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from tollhouse.control import granting
from tollhouse.control.arriving import DIGEST, Arrivals, named
from tollhouse.domain import amounts
from tollhouse.domain.errors import FieldInvalid

Tables = Mapping[str, list[dict[str, Any]]]
Row = Mapping[str, Any]
LONGEST_NAME = 100


def take(
    rows: Iterable[Row], table: str, name: str, read: Callable[[Row, str], None], left: list[str]
) -> None:
    """Each by itself: what cannot come is named by its table and its name there."""
    for row in rows:
        where = f"{table}.{str(row.get(name))[:60]}"
        try:
            read(row, where)
        except Unusable as why:
            left.append(str(why))
        except UNREADABLE:
            left.append(f"{where}: it cannot be read")


def value(row: Row, name: str) -> Any:
    """What is JSON within a text is taken for what it says."""
    found = row.get(name)
    if isinstance(found, str) and found[:1] in ("[", "{", "n"):
        try:
            return json.loads(found)
        except ValueError:
            return found
    return found


def notes(row: Row, name: str = "metadata") -> str | None:
    found = value(row, name)
    return json.dumps(found, ensure_ascii=False) if isinstance(found, dict) and found else None


def models(row: Row, name: str, where: str, arrivals: Arrivals) -> tuple[str, ...] | None:
    """None where everything is allowed, or where the names are none of ours: then nothing is."""
    found = value(row, name)
    if found is None:
        return None
    wanted = tuple(map(str, found)) if isinstance(found, list) else ()
    try:
        return granting.patterns(wanted)
    except FieldInvalid:
        arrivals.left.append(
            f"{where}.{name}: a name there can be none here, so it may call nothing"
        )
        return ()


def moment_ms(row: Row, name: str) -> int | None:
    """Without a zone it is in UTC."""
    found = row.get(name)
    if not isinstance(found, str):
        return None
    moment = datetime.fromisoformat(found)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def nanos(row: Row, name: str, where: str) -> int | None:
    """Raises Unusable: without its limit nobody comes."""
    found = row.get(name)
    if found is None:
        return None
    try:
        return amounts.nanos(plain(found), name)
    except (FieldInvalid, InvalidOperation):
        raise Unusable(
            f"{where}.{name}: {str(found)[:40]!r} is no amount that can be kept"
        ) from None


def plain(amount: Any) -> str:
    """In decimals, as it was written."""
    return f"{Decimal(str(amount)):f}"


def user(row: Row, where: str) -> str:
    """What a user is called here."""
    foreign = str(row.get("user_id") or "")
    if foreign and not (name := named(foreign)):
        raise Unusable(f"{where}: {foreign[:60]!r} is nothing that a user can be called")
    return name if foreign else ""


def digest(found: Any, where: str) -> str:
    if not isinstance(found, str) or not DIGEST.fullmatch(found):
        raise Unusable(
            f"{where}: it is kept as no SHA-256, so it cannot come along: issue a new one"
        )
    return found


def label(found: Any, otherwise: str) -> str:
    text = "".join(letter for letter in str(found or "") if letter.isprintable()).strip()
    return text[:LONGEST_NAME].strip() or otherwise


UNREADABLE = (ValueError, ArithmeticError, TypeError, KeyError)


class Unusable(Exception):
    """This row is left behind, and why."""
