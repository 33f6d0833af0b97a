"""What ships with the house as data, and how it is read."""

from __future__ import annotations

import tomllib
from importlib import resources

from tollhouse.domain.pricebook import Pricebook, pricebook


def seed_prices() -> Pricebook:
    """The price book that a new house starts with; whatever an operator sets comes before it."""
    text = resources.files(__name__).joinpath("prices.toml").read_text("utf-8")
    return pricebook(tomllib.loads(text))
