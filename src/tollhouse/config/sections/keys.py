"""What holds for every key, whoever issues it."""

from __future__ import annotations

from typing import Literal

from tollhouse.config.fields import Section, setting
from tollhouse.domain.lifetimes import DAY_S, Lifetimes


class KeysSettings(Section):
    """How long keys may live."""

    longest_life_days: int | None = setting(
        "How many days a key may live, and its new secret after a rotation. Left out, as long as whoever issues "
        "it says, and for ever if they do.",
        ge=1,
        le=3650,
    )
    beyond: Literal["refuse", "cap"] = setting(
        "What becomes of a key that is to live longer, or for ever: `refuse` does not issue it, `cap` lets it "
        "live as long as it may.",
        "refuse",
    )

    @property
    def lifetimes(self) -> Lifetimes:
        longest_s = None if self.longest_life_days is None else self.longest_life_days * DAY_S
        return Lifetimes(longest_s, self.beyond == "cap")
