"""What a thing is like at a moment: for the hash before and after an act, and for its ETag.

Only what an act changes: what calls spend and hold, and when a key was used last, is left out. No secret
is among it, for none is in the rows. A kind that is missing here is recorded without its state.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from tollhouse.ports import Database
from tollhouse.storage import (
    budgets,
    calls,
    corrections,
    keys,
    limits,
    memberships,
    outside,
    people,
    plans,
    prices,
    secrets,
    sessions,
    tenancy,
    tokens,
    views,
)
from tollhouse.storage.secrets import SecretRow
from tollhouse.storage.tenancy import Kind

State = dict[str, Any]
Look = Callable[[Database, str], Awaitable[State | None]]

MOVING = frozenset(
    {
        "id",
        "spent",
        "held",
        "started_at",
        "ends_at",
        "last_used_at_ms",
        "previous_used_at_ms",
        "last_login_at_ms",
    }
)
"""Changed by calls, and not by acts."""


async def looked_at(database: Database, subject: str) -> State | None:
    """The state of KIND:ID; None when there is no such thing."""
    kind, _, name = subject.partition(":")
    look = _LOOKS.get(kind)
    return await look(database, name) if look else None


def digest(state: State | None) -> str | None:
    """SHA-256 over the state, written in one way only."""
    if state is None:
        return None
    text = json.dumps(state, sort_keys=True, separators=(",", ":"), default=str)
    return sha256(text.encode()).hexdigest()


def _state(row: Any) -> State:
    return {name: value for name, value in asdict(row).items() if name not in MOVING}


def _of(kind: Kind) -> Look:
    async def look(database: Database, name: str) -> State | None:
        rows = await tenancy.members(database, kind, name.partition("/")[0])
        return next((_state(row) for row in rows if row.id == name), None)

    return look


async def _key(database: Database, name: str) -> State | None:
    rows = await keys.keys(database, key=name.removeprefix("thk_")) if name else []
    return _state(rows[0]) if rows else None


async def _budget(database: Database, owner: str) -> State | None:
    account = await budgets.account(database, owner)
    return _state(account) if account else None


async def _limits(database: Database, subject: str) -> State | None:
    said = (await limits.limits(database)).get(subject, {})
    return {str(measure): amount for measure, amount in said.items()}


async def _price(database: Database, target: str) -> State | None:
    rows = await prices.rows(database, target)
    return _state(max(rows, key=lambda row: row.id)) if rows else None


async def _prices(database: Database, _name: str) -> State | None:
    rows = [_state(row) for row in await prices.rows(database)]
    return {"rows": len(rows), "digest": digest({"rows": rows})}


async def _names(database: Database, tenant: str) -> State | None:
    view = (await views.views(database)).get(tenant)
    return {**view.names, **dict.fromkeys(view.hidden)} if view else {}


async def _members(database: Database, at: str) -> State | None:
    return {each.user: each.role for each in await memberships.memberships(database, at)}


async def _plan(database: Database, name: str) -> State | None:
    rows = await plans.plans(database, plan=name) if name else []
    return _state(rows[0]) if rows else None


async def _token(database: Database, name: str) -> State | None:
    row = await tokens.token(database, name)
    return _state(row) if row else None


async def _session(database: Database, name: str) -> State | None:
    row = await sessions.session(database, name)
    return _state(row) if row else None


async def _call(database: Database, name: str) -> State | None:
    row = await calls.call(database, name)
    return _state(row) if row else None


async def _repricing(database: Database, name: str) -> State | None:
    return dict(await corrections.repricing(database, name))


async def _outside(database: Database, name: str) -> State | None:
    row = await outside.imported(database, name)
    return dict(row) if row else None


async def _revocations(database: Database, issuer: str) -> State | None:
    rows = await people.revocations(database, issuer)
    return {f"{each.token_id} {each.subject}": each.at_ms for each in rows}


async def _secret(database: Database, name: str) -> State | None:
    row = await secrets.secret(database, name)
    return _of_secret(row) if row else None


async def _secrets(database: Database, _name: str) -> State | None:
    return {row.name: _of_secret(row) for row in await secrets.secrets(database)}


def _of_secret(row: SecretRow) -> State:
    """Not what is sealed, which says nothing to anybody."""
    return {"version": row.version, "set_at_ms": row.set_at_ms, "key_version": row.key_version}


_LOOKS: Mapping[str, Look] = {
    "tenant": _of(Kind.TENANT),
    "project": _of(Kind.PROJECT),
    "user": _of(Kind.USER),
    "key": _key,
    "budget": _budget,
    "limits": _limits,
    "price": _price,
    "prices": _prices,
    "names": _names,
    "members": _members,
    "plan": _plan,
    "token": _token,
    "session": _session,
    "call": _call,
    "outside": _outside,
    "repricing": _repricing,
    "revocations": _revocations,
    "secret": _secret,
    "secrets": _secrets,
}
