"""Admin tokens: minted for minutes, shown once, kept nowhere. The store knows their ids, to take them back."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tollhouse.control.keys import Draw, draw
from tollhouse.control.peppers import Peppers
from tollhouse.control.places import standing_at
from tollhouse.domain import admin_tokens, sessions
from tollhouse.domain.admin_tokens import Claims
from tollhouse.domain.errors import FieldInvalid, KeyDisabled, KeyUnknown
from tollhouse.domain.operations import OPERATIONS
from tollhouse.domain.roles import Actor, place_of
from tollhouse.domain.sessions import Held
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Database
from tollhouse.storage import memberships, tenancy, tokens
from tollhouse.storage.tenancy import Kind
from tollhouse.storage.tokens import TokenRow

LIFETIME_S = 15 * 60
TOUCH_EVERY_MS = 60_000
KEPT_MS = 30 * 86_400_000
"""So long it is listed after its end."""


@dataclass(frozen=True, slots=True)
class Minted:
    """The only moment at which the token is seen."""

    id: str
    token: str
    expires_at_ms: int

    def __repr__(self) -> str:
        return f"Minted(id={self.id!r})"


async def mint(
    database: Database,
    peppers: Peppers,
    claims: Claims,
    ttl_s: int,
    by: str,
    now_ms: int,
    draw: Draw = draw,
) -> Minted:
    """Whoever may read the pepper may mint."""
    if not 0 < ttl_s <= admin_tokens.LONGEST_S:
        raise FieldInvalid("An admin token lives for up to 12 hours.", param="ttl")
    await insist_on(database, claims)
    token_id, expires_at_s = draw(admin_tokens.ID_LENGTH), now_ms // 1000 + ttl_s
    pepper = peppers.versions[peppers.current]
    token = admin_tokens.assemble(peppers.current, pepper, token_id, expires_at_s, claims)
    row = TokenRow(
        *(token_id, claims.user, claims.role, claims.at, claims.operations, by, now_ms),
        expires_at_s * 1000,
    )
    await tokens.add(database, row, now_ms - KEPT_MS)
    return Minted(token_id, token, expires_at_s * 1000)


async def listed(database: Database) -> list[TokenRow]:
    return await tokens.tokens(database)


async def revoke(database: Database, token_id: str, now_ms: int) -> None:
    """It opens nothing from the next request on, wherever that is made."""
    if not await tokens.revoke(database, token_id, now_ms):
        raise Conflict(f"there is no token {token_id[:40]!r} that could be taken back")


async def actor(database: Database, token_id: str, claims: Claims, peer: str, now_ms: int) -> Actor:
    """Who comes with a token that was proved: what its user holds now. Raises KeyUnknown, KeyDisabled."""
    row = await tokens.token(database, token_id)
    if row is None:
        raise KeyUnknown
    if row.revoked_at_ms is not None:
        raise KeyDisabled("This token was taken back.")
    await tokens.touch(database, token_id, now_ms, now_ms - TOUCH_EVERY_MS)
    comes = Actor(
        claims.user or row.minted_by,
        "api",
        (claims.ceiling,),
        user=claims.user,
        token=token_id,
        peer=peer,
        ceiling=claims.ceiling,
        only=claims.operations,
    )
    if not claims.user:
        return comes
    held = await held_by(database, claims.user)
    if held is None:
        raise KeyDisabled("The user of this token is shut out.")
    return replace(comes, grants=sessions.grants(held))


async def held_by(database: Database, user: str) -> Held | None:
    """The roles of a user at this moment; None of one who is not here, or is shut out."""
    tenant = user.partition("/")[0]
    people = await tenancy.members(database, Kind.USER, tenant)
    if not any(each.id == user and not each.is_disabled for each in people):
        return None
    held = await memberships.memberships(database, user=user)
    return tuple([(each.role.value, each.at) for each in held])


async def insist_on(database: Database, claims: Claims) -> None:
    place_of(claims.at)
    if await standing_at(database, claims.at) is None:
        raise Conflict(f"there is no {claims.at}")
    if claims.user and await standing_at(database, f"user:{claims.user}") is None:
        raise Conflict(f"there is no user {claims.user[:100]!r}")
    if len(claims.operations) > admin_tokens.MOST_OPERATIONS:
        raise FieldInvalid("A token is narrowed to at most 20 operations.", param="may")
    for name in claims.operations:
        known = name in OPERATIONS or name.endswith(".*")
        if not admin_tokens.OPERATION.fullmatch(name) or not known:
            raise FieldInvalid(f"{name[:60]!r} is no operation, nor `prefix.*`.", param="may")
