"""From samples to the figures that are shown: percentiles, medians, what was added, ratios."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median

Figures = Mapping[str, float]


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of all do not exceed."""
    rank = math.ceil(len(values) * percent / 100)
    return sorted(values)[max(rank, 1) - 1]


def with_added(figures: Figures, direct: Figures) -> dict[str, float]:
    """A round's figures, and for each latency what it is above a direct call in the same round."""
    added = {f"added_{name}": figures[name] - direct[name] for name in direct if name in figures}
    return {**figures, **added}


def stream_kb(figures: Figures, streams: int) -> float:
    """What an open stream takes: all that came on top of the idle memory, whatever it came from."""
    return (figures["open_mb"] - figures["idle_mb"]) * 1024 / streams


def medians(rounds: Sequence[Figures]) -> dict[str, float]:
    """The median of each figure over all rounds."""
    return {name: median(figures[name] for figures in rounds) for name in rounds[0]}


def ratio(figures: Figures, base: Figures, name: str) -> float | None:
    """How many times the base's figure. None where a figure is missing or the base's is nothing."""
    mine, theirs = figures.get(name), base.get(name)
    return mine / theirs if mine is not None and theirs and theirs > 0 else None


def translated_x_relayed(request_cpu_us: float, lanes: dict[str, float]) -> float:
    """A served request with the native lane taken out and the translated one put in, beside it as it was."""
    added = lanes["translated_lane_us"] - lanes["native_lane_us"]
    return (request_cpu_us + added) / request_cpu_us
