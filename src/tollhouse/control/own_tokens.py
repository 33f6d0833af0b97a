"""Tokens that this gateway signs itself: for a user of the store, for a while, to call some models."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tollhouse.domain.claims import OURS, Role
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.operations import Role as Held
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Database
from tollhouse.storage import memberships, tenancy
from tollhouse.storage.tenancy import Kind

ID_BYTES = 12
RUNNING = frozenset({Held.OWNER, Held.ADMIN})


@dataclass(frozen=True, slots=True)
class Wish:
    user: str
    """By its whole name, such as `acme/anna`."""

    project: str
    models: Sequence[str]
    lives_s: int


async def issue(
    database: Database,
    sign: Callable[[Mapping[str, Any]], str],
    wish: Wish,
    longest_life_s: int,
    now_ms: int,
) -> str:
    """The token, which is kept nowhere. What it may is judged each time it comes, as its user stands then."""
    if not 0 < wish.lives_s <= longest_life_s:
        raise FieldInvalid(f"A token lives from 1 to {longest_life_s} seconds.", param="lives")
    tenant = wish.user.partition("/")[0]
    for kind, name in ((Kind.USER, wish.user), (Kind.PROJECT, f"{tenant}/{wish.project}")):
        if not any(it.id == name for it in await tenancy.members(database, kind, tenant)):
            raise Conflict(f"there is no {kind} {name!r}")
    return sign(await claims_for(database, wish, now_ms // 1000))


async def claims_for(database: Database, wish: Wish, since_s: int) -> Mapping[str, Any]:
    """What such a token says. Of its role, that it only reads is looked at anew each time."""
    tenant, _, user = wish.user.partition("/")
    held = {each.role for each in await memberships.memberships(database, user=wish.user)}
    return {
        "iss": OURS,
        "aud": OURS,
        "sub": wish.user,
        "jti": secrets.token_hex(ID_BYTES),
        "iat": since_s,
        "exp": since_s + wish.lives_s,
        "tenant": tenant,
        "project": wish.project,
        "user": user,
        "username": user,
        "role": _role(held).value,
        "models": list(wish.models),
    }


def _role(held: set[Held]) -> Role:
    if held & RUNNING:
        return Role.ADMIN
    return Role.READONLY if held == {Held.READONLY} else Role.USER
