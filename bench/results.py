"""What a run found: medians for people, each round for whoever doubts them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench.machine import Machine

PUBLISHED = Path(__file__).parent / "results" / "latest.json"
PRIVATE = Path(__file__).parent / "results" / "raw" / "latest.json"  # short or partial runs


@dataclass(frozen=True, slots=True)
class Results:
    made: str  # the day
    machine: Machine
    cores_are_apart: bool
    base: str
    versions: dict[str, str]
    rounds: int
    seconds: float
    figures: dict[str, dict[str, float]]  # by system, by name
    every_round: dict[str, list[dict[str, float]]]

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(_rounded(self)), indent=1) + b"\n")


def read(path: Path) -> Results:
    return msgspec.json.decode(path.read_bytes(), type=Results)


def _rounded(value: object) -> object:
    """Four decimals are more than any of these figures can carry."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return _rounded(msgspec.to_builtins(value)) if isinstance(value, Results) else value
