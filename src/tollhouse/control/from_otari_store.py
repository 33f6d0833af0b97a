"""Who is in an otari gateway's database, in our words."""

from __future__ import annotations

from functools import partial
from typing import Any

from tollhouse.control.arriving import Arrivals, Pass, Person
from tollhouse.control.foreign_rows import (
    Row,
    Tables,
    Unusable,
    digest,
    label,
    models,
    moment_ms,
    nanos,
    notes,
    plain,
    take,
    user,
    value,
)
from tollhouse.control.plans import Terms
from tollhouse.control.prices import Rates
from tollhouse.domain.identity import Naming
from tollhouse.domain.periods import LONGEST_S, Calendar, Period

TABLES = ("budgets", "users", "api_keys", "model_pricing")
ALIGNMENTS = {
    "calendar_day": Calendar.DAY,
    "calendar_week": Calendar.WEEK,
    "calendar_month": Calendar.MONTH,
}


def arrivals(tables: Tables) -> Arrivals:
    found = Arrivals()
    for table, name, read in (
        ("budgets", "budget_id", _budget),
        ("users", "user_id", _user),
        ("api_keys", "id", _key),
        ("model_pricing", "model_key", _price),
    ):
        rows = sorted(tables.get(table, ()), key=_age)
        take(rows, table, name, partial(read, found), found.left)
    return found


def _age(row: Row) -> str:
    """Of several prices the last one holds."""
    return str(row.get("effective_at") or row.get("created_at") or "")


def _budget(found: Arrivals, row: Row, where: str) -> None:
    limits = [name for name in ("token_limit", "request_limit") if row.get(name) is not None]
    found.left += [f"{where}.{name}: set it with `tollhouse limits set`" for name in limits]
    limit = nanos(row, "max_budget", where)
    name = label(row.get("name"), str(row["budget_id"])[:100])
    found.plans[str(row["budget_id"])] = Terms(name, limit, _period(row, where))


def _period(row: Row, where: str) -> Period | None:
    alignment, seconds = row.get("reset_alignment"), row.get("budget_duration_sec")
    if alignment is not None:
        if alignment not in ALIGNMENTS:
            raise Unusable(f"{where}.reset_alignment: {alignment!r} has no word here")
        return Period(ALIGNMENTS[alignment])
    if seconds is None:
        return None
    if not isinstance(seconds, int) or not 0 < seconds <= LONGEST_S:
        raise Unusable(f"{where}.budget_duration_sec: {seconds!r} is no period")
    return Period(seconds)


def _user(found: Arrivals, row: Row, where: str) -> None:
    if row.get("deleted_at"):
        found.left.append(f"{where}: it was deleted")
        return
    budget, name = str(row.get("budget_id") or ""), user(row, where)
    if budget and budget not in found.plans:
        raise Unusable(f"{where}: its budget is not here, and without it nobody comes")
    if any(person.name == name for person in found.people):
        raise Unusable(f"{where}: somebody else is called {name} already")
    if name != row["user_id"]:
        found.left.append(f"{where}: is called {name} here")
    alias = label(row.get("alias"), "" if name == row["user_id"] else str(row["user_id"]))
    found.people.append(
        Person(
            name=name,
            alias=alias or None,
            notes=notes(row),
            plan=budget,
            models=models(row, "allowed_models", where, found),
            is_blocked=bool(row.get("blocked")),
        )
    )


def _key(found: Arrivals, row: Row, where: str) -> None:
    owner = user(row, where)
    if owner and not any(person.name == owner for person in found.people):
        raise Unusable(f"{where}: its user {owner} does not come")
    allowed = models(row, "allowed_models", where, found)
    theirs = next((it.models for it in found.people if it.name == owner), None)
    mismatch = row.get("reject_user_mismatch")
    found.passes.append(
        Pass(
            digest=digest(row.get("key_hash"), where),
            name=label(row.get("key_name"), "unnamed"),
            tail=str(row.get("key_suffix") or ""),
            user=owner,
            models=(("*",) if theirs is None else theirs) if allowed is None else allowed,
            expires_at_ms=moment_ms(row, "expires_at"),
            is_disabled=not row.get("is_active", True),
            is_exempt=bool(row.get("exclude_from_budget")),
            naming=None if mismatch is None else Naming.REFUSE if mismatch else Naming.TOLERATE,
            notes=notes(row),
        )
    )


def _price(found: Arrivals, row: Row, where: str) -> None:
    target = str(row.get("model_key"))
    if row.get("unit") not in (None, "tokens") or value(row, "pricing_tiers"):
        raise Unusable(f"{where}: set it by hand, it has units or tiers")
    long_write = row.get("cache_write_1h_price_per_million")
    found.prices[target] = Rates(
        plain(row["input_price_per_million"]),
        plain(row["output_price_per_million"]),
        _rate(row.get("cache_read_price_per_million")),
        _rate(row.get("cache_write_price_per_million")),
        kinds={} if long_write is None else {"long_write": plain(long_write)},
    )


def _rate(amount: Any) -> str | None:
    return None if amount is None else plain(amount)
