"""The upstream itself, to know what a call takes when nothing stands between."""

from __future__ import annotations

from bench.client import Door
from bench.systems import Place, System


def prepared(place: Place) -> System:
    return System("direct", "", Door(place.upstream))
