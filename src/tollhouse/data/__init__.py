"""What ships with the house as data, and how it is read."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from tollhouse.domain.pricebook import Pricebook, pricebook
from tollhouse.domain.vendors import Vendor, vendors


def seed_prices() -> Pricebook:
    """The price book that a new house starts with; whatever an operator sets comes before it."""
    return pricebook(_table("prices.toml"))


@cache
def catalogue() -> Mapping[str, Vendor]:
    """Vendors and engines, by the kind that settings name them by."""
    return vendors(_table("catalogue.toml"))


@cache
def profiles() -> Mapping[str, Mapping[str, Any]]:
    """What another gateway's users are used to, as settings that lie beneath their own; by its name."""
    found = resources.files(__name__).joinpath("profiles").iterdir()
    return {
        file.name.removesuffix(".toml"): tomllib.loads(file.read_text("utf-8")) for file in found
    }


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files(__name__).joinpath(name).read_text("utf-8"))
