"""How long a key may live at most, where a house says so."""

from __future__ import annotations

from dataclasses import dataclass

from tollhouse.domain.errors import FieldInvalid

DAY_S = 86_400
USUAL_S = 90 * DAY_S


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Nothing said, a key may live for ever."""

    longest_s: int | None = None
    are_capped: bool = False
    """Whether what is asked beyond is cut to the longest, and not refused."""

    @property
    def usual_s(self) -> int:
        """Of a key of which nothing is said."""
        return USUAL_S if self.longest_s is None else min(USUAL_S, self.longest_s)

    def end_ms(self, wanted_ms: int | None, now_ms: int) -> int | None:
        """When a key ends that is to end then; None is never. Raises FieldInvalid."""
        if not self.is_beyond(wanted_ms, now_ms):
            return wanted_ms
        if not self.are_capped:
            raise FieldInvalid(
                f"A key lives for up to {(self.longest_s or 0) // DAY_S} days here.",
                param="expires_in",
            )
        return self.capped_ms(wanted_ms, now_ms)

    def capped_ms(self, wanted_ms: int | None, now_ms: int) -> int | None:
        """The same, cut to the longest in any case."""
        if self.longest_s is None or not self.is_beyond(wanted_ms, now_ms):
            return wanted_ms
        return now_ms + self.longest_s * 1000

    def is_beyond(self, wanted_ms: int | None, now_ms: int) -> bool:
        if self.longest_s is None:
            return False
        return wanted_ms is None or wanted_ms > now_ms + self.longest_s * 1000


FOR_EVER = Lifetimes()
