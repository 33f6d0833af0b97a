"""Who is in a LiteLLM proxy's database, in our words. Budgets stand there on users and keys themselves."""

from __future__ import annotations

import re
from functools import partial

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
    take,
    user,
)
from tollhouse.control.plans import Terms
from tollhouse.domain.periods import LONGEST_S, Period

BUDGETS, USERS, KEYS = "LiteLLM_BudgetTable", "LiteLLM_UserTable", "LiteLLM_VerificationToken"
TABLES = (BUDGETS, USERS, KEYS)
LIMITS = ("tpm_limit", "rpm_limit", "max_parallel_requests", "model_max_budget", "team_id")
OF_TEAMS = {"all-team-models", "all-proxy-models", "no-default-models"}

_SPAN = re.compile(r"([0-9]{1,6})(s|m|h|d|mo)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "mo": 30 * 86_400}


def arrivals(tables: Tables) -> Arrivals:
    found = Arrivals()
    budgets = {str(row.get("budget_id")): row for row in tables.get(BUDGETS, ())}
    for table, name, read in ((USERS, "user_id", _user), (KEYS, "key_alias", _key)):
        rows = [
            _with_budget(row, budgets.get(str(row.get("budget_id")), {}))
            for row in tables.get(table, ())
        ]
        take(rows, table, name, partial(read, found), found.left)
    return found


def _with_budget(row: Row, named: Row) -> Row:
    """What it says itself goes before the budget that it names."""
    own = {name: row.get(name) for name in ("max_budget", "budget_duration")}
    return {
        **row,
        **{name: named.get(name) if said is None else said for name, said in own.items()},
    }


def _user(found: Arrivals, row: Row, where: str) -> None:
    name = user(row, where)
    if any(person.name == name for person in found.people):
        raise Unusable(f"{where}: somebody else is called {name} already")
    _leave(row, where, found)
    alias = label(row.get("user_alias") or row.get("user_email"), "")
    found.people.append(
        Person(
            name=name,
            alias=alias or (None if name == row["user_id"] else label(row["user_id"], "")),
            own=_terms(row, where),
            models=_models(row, where, found),
            notes=notes(row),
        )
    )


def _key(found: Arrivals, row: Row, where: str) -> None:
    owner = user(row, where)
    theirs = next((it for it in found.people if it.name == owner), None)
    if owner and theirs is None:
        raise Unusable(f"{where}: its user {owner} does not come")
    _leave(row, where, found)
    allowed = _models(row, where, found)
    most = theirs.models if theirs else None
    found.passes.append(
        Pass(
            digest=digest(row.get("token"), where),
            name=label(row.get("key_alias") or row.get("key_name"), "unnamed"),
            tail=str(row.get("key_name") or "")[-4:],
            user=owner,
            models=(("*",) if most is None else most) if allowed is None else allowed,
            expires_at_ms=moment_ms(row, "expires"),
            is_disabled=bool(row.get("blocked")),
            notes=notes(row),
            own=_terms(row, where),
        )
    )


def _models(row: Row, where: str, found: Arrivals) -> tuple[str, ...] | None:
    """An empty list is everything there."""
    listed = models(row, "models", where, found)
    if not listed:
        return None if not row.get("models") or row["models"] in ("[]", "{}") else ()
    if OF_TEAMS & set(listed):
        found.left.append(f"{where}.models: teams do not come, so it may call nothing")
        return ()
    return listed


def _terms(row: Row, where: str) -> Terms | None:
    limit = nanos(row, "max_budget", where)
    if limit is None:
        return None
    span = row.get("budget_duration")
    match = _SPAN.fullmatch(str(span)) if span else None
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if span and not 0 < seconds <= LONGEST_S:
        raise Unusable(f"{where}.budget_duration: {str(span)[:20]!r} is no span that is known")
    return Terms(limit=limit, period=Period(seconds) if span else None)


def _leave(row: Row, where: str, found: Arrivals) -> None:
    found.left += [
        f"{where}.{name}" for name in LIMITS if row.get(name) not in (None, {}, "{}", "")
    ]
