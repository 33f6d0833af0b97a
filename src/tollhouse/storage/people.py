"""Whom tokens may stand for: the members of the house with their accounts, and what was taken back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tollhouse.domain.identity import Naming
from tollhouse.domain.limiting import Rules
from tollhouse.domain.people import Member, People, Revocable
from tollhouse.ports import Database, Statement
from tollhouse.storage import bindings, first_sight

MS_PER_S = 1000

_MEMBERS = """
SELECT a.owner, a.id, t.is_disabled, NULL, 0 FROM tenants AS t JOIN accounts AS a ON a.owner = 'tenant:' || t.id
UNION ALL
SELECT a.owner, a.id, p.is_disabled, NULL, 0 FROM projects AS p JOIN accounts AS a ON a.owner = 'project:' || p.id
UNION ALL
SELECT a.owner, a.id, u.is_disabled, u.models, CASE WHEN r.roles = r.reading THEN 1 ELSE 0 END
FROM users AS u JOIN accounts AS a ON a.owner = 'user:' || u.id
LEFT JOIN (
    SELECT user_id, COUNT(*) AS roles, SUM(CASE WHEN role = 'readonly' THEN 1 ELSE 0 END) AS reading
    FROM memberships GROUP BY user_id
) AS r ON r.user_id = u.id
WHERE u.is_virtual = 0
UNION ALL
SELECT owner, id, 0, NULL, 0 FROM accounts WHERE owner LIKE 'issuer:%'
"""
_OPEN = "INSERT INTO accounts (owner) VALUES ($1) ON CONFLICT (owner) DO NOTHING"
_REVOKED = """
SELECT issuer, id, subject, at, until FROM revocations WHERE $1 IN ('', issuer) ORDER BY at DESC, id, subject
"""
_REVOKE = """
INSERT INTO revocations (issuer, id, subject, at, until) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (issuer, id, subject) DO UPDATE SET at = excluded.at, until = excluded.until
"""
_FORGET_EXPIRED = "DELETE FROM revocations WHERE until <= $1"


@dataclass(frozen=True, slots=True)
class Revocation:
    """One token of an issuer, or all about a subject that were issued until then."""

    issuer: str
    token_id: str
    subject: str
    at_ms: int
    until_ms: int
    """When none of what it concerns can be good any more."""


async def people(database: Database, rules: Rules, naming: Naming) -> People:
    members = {
        owner: Member(
            account,
            bool(is_disabled),
            None if most is None else tuple(json.loads(most)),
            bool(is_readonly),
        )
        for owner, account, is_disabled, most, is_readonly in await database.read(_MEMBERS)
    }
    ids: set[Revocable] = set()
    before: dict[Revocable, int] = {}
    for each in await revocations(database):
        if each.token_id:
            ids.add((each.issuer, each.token_id))
        else:
            before[each.issuer, each.subject] = each.at_ms // MS_PER_S
    narrowed = await bindings.narrowings(database)
    gone = await first_sight.gone(database)
    return People(members, rules, narrowed, naming, frozenset(ids), before, gone)


async def open_accounts(database: Database, owners: Sequence[str]) -> None:
    """Those that are not there yet: they count, and limit nothing."""
    await database.write(*((_OPEN, (owner,)) for owner in owners))


async def revocations(database: Database, issuer: str = "") -> list[Revocation]:
    """The last one first; of one issuer, or of all."""
    return [Revocation(*row) for row in await database.read(_REVOKED, issuer)]


def revoking(it: Revocation) -> list[Statement]:
    """What nothing could be left of is forgotten."""
    values = (it.issuer, it.token_id, it.subject, it.at_ms, it.until_ms)
    return [(_FORGET_EXPIRED, (it.at_ms,)), (_REVOKE, values)]
