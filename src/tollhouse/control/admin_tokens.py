"""Admin tokens: minted for minutes, shown once, kept nowhere."""

from __future__ import annotations

from dataclasses import dataclass

from tollhouse.control.keys import Draw, draw
from tollhouse.control.peppers import Peppers
from tollhouse.domain import admin_tokens
from tollhouse.domain.errors import FieldInvalid

LIFETIME_S = 15 * 60


@dataclass(frozen=True, slots=True)
class Minted:
    """The only moment at which the token is seen."""

    id: str
    token: str
    expires_at_ms: int

    def __repr__(self) -> str:
        return f"Minted(id={self.id!r})"


def mint(peppers: Peppers, ttl_s: int, now_ms: int, draw: Draw = draw) -> Minted:
    """Whoever may read the pepper may mint."""
    if not 0 < ttl_s <= admin_tokens.LONGEST_S:
        raise FieldInvalid("An admin token lives for up to 12 hours.", param="ttl")
    token_id, expires_at_s = draw(admin_tokens.ID_LENGTH), now_ms // 1000 + ttl_s
    pepper = peppers.versions[peppers.current]
    token = admin_tokens.assemble(peppers.current, pepper, token_id, expires_at_s)
    return Minted(token_id, token, expires_at_s * 1000)
