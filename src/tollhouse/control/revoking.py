"""Tokens that others signed are taken back here: one by its id, or all about a subject up to now."""

from __future__ import annotations

from collections.abc import Sequence

from tollhouse.domain.claims import LEEWAY_S
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.spiffe import LONGEST
from tollhouse.ports import Database
from tollhouse.storage import people
from tollhouse.storage.people import Revocation

MS_PER_S = 1000


async def revoke(
    database: Database, issuer: str, longest_life_s: int, token_id: str, subject: str, now_ms: int
) -> Revocation:
    """Kept until the last token that it could concern has expired. Raises FieldInvalid."""
    if bool(token_id) == bool(subject):
        raise FieldInvalid("Name the id of a token (`jti`), or a subject (`sub`).", param="subject")
    if len(token_id or subject) > LONGEST:
        raise FieldInvalid(f"It has more than {LONGEST} characters.", param="subject")
    until_ms = now_ms + (longest_life_s + LEEWAY_S) * MS_PER_S
    revocation = Revocation(issuer, token_id, subject, now_ms, until_ms)
    await database.write(*people.revoking(revocation))
    return revocation


async def listed(database: Database) -> Sequence[Revocation]:
    """Those that still matter; the last one first."""
    return await people.revocations(database)
