"""Settings that do not go together."""

from __future__ import annotations

from dataclasses import dataclass

from tollhouse.config.problems import Place


@dataclass(frozen=True, slots=True)
class Clash:
    """Names every key that it rests on, the one to report it under first."""

    about: tuple[Place, ...]
    found: str
    expected: str
    hint: str | None = None


def idle(place: Place, cause: Place, because: str) -> Clash:
    return Clash((place, cause), f"a setting without effect: {because}", "nothing")
