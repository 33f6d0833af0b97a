"""Files that the settings name and that are not what they should be: a gateway does not start with them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from tollhouse.config import Settings
from tollhouse.config.problems import Problem
from tollhouse.wiring import issuers, static_tokens, ways
from tollhouse.wiring.beside import unusable_bundles


def unusable(settings: Settings) -> Iterator[Problem]:
    parts = (ways, issuers, static_tokens)
    found = chain.from_iterable(part.unusable(settings) for part in parts)
    return chain(found, unusable_bundles(settings))
