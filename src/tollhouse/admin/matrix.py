"""Which guard stands on which route, by what the route declares: no cell is empty, and each says why."""

from __future__ import annotations

from dataclasses import dataclass

from tollhouse.admin.shapes import shape_of
from tollhouse.pipeline.route import Metered, Route

GUARDS = ("key", "grant", "budget", "rate", "guardrail", "deadline", "cancel", "audit", "usage")
OF_CALLS = frozenset(("grant", "budget", "rate", "deadline", "cancel", "usage"))
WHOLE = ("application/json", "text/plain")


@dataclass(frozen=True, slots=True)
class Cell:
    stands: bool
    says: str
    """How it is told, or why it does not apply."""


def cell(route: Route, guard: str, *, is_stream: bool) -> Cell:
    if is_stream and not _streams(route):
        return Cell(stands=False, says="in one piece")
    if not is_stream and not _is_whole(route):
        return Cell(stands=False, says="only streams")
    if guard == "guardrail" and not route.guardrails:
        return Cell(stands=False, says="none bound")
    if guard in OF_CALLS and route.metered is Metered.BATCH:
        return Cell(stands=False, says="by the batch")
    if guard in OF_CALLS and route.metered is Metered.FREE:
        return Cell(stands=False, says="free")
    return Cell(stands=True, says=_told(route, guard))


def _streams(route: Route) -> bool:
    return any(media not in WHOLE for media in shape_of(route.name, route.path).answers)


def _is_whole(route: Route) -> bool:
    """A route that only ever refuses does so in one piece."""
    answers = shape_of(route.name, route.path).answers
    return any(media in WHOLE for media in answers) or not answers


def _told(route: Route, guard: str) -> str:
    match guard:
        case "deadline":
            return f"{route.deadline_s:g} s"
        case "cancel":
            return route.cancelled.value.replace("_", " ")
        case "audit":
            return route.audited.value
        case "guardrail":
            return ", ".join(route.guardrails)
    return "yes"
