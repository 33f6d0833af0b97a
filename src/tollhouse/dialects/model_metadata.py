"""What a model does, holds and costs: for who chooses one before calling."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from tollhouse.domain.pricebook import UNITS, dollars_per_million, dollars_per_unit
from tollhouse.domain.pricing import CLASSES, Price
from tollhouse.domain.snapshot import Model, Target

PriceOf = Callable[[Target], Price | None]


def described(models: Iterable[Model], price_of: PriceOf) -> bytes:
    """As a list in OpenAI's shape. `price_of` is what a call would be billed at."""
    data = [_described(model, price_of) for model in models]
    return msgspec.json.encode({"object": "list", "data": data})


def _described(model: Model, price_of: PriceOf) -> dict[str, Any]:
    return {
        "id": model.name,
        "object": "model.metadata",
        "does": sorted(model.does),
        "tools": model.takes_tools,
        "strict": model.is_strict,
        "context_tokens": model.context_tokens,
        "max_output_tokens": model.max_output,
        "prices": _prices([price_of(target) for target in model.targets]),
    }


def _prices(prices: Sequence[Price | None]) -> list[dict[str, Any] | None]:
    """In the order in which targets are asked; null where there is none."""
    return [_price(price) if price else None for price in prices]


def _price(price: Price) -> dict[str, Any]:
    """In the words of the price book: dollars per million tokens, or per unit, as text."""
    units = {name: dollars_per_unit(picos) for name in UNITS if (picos := getattr(price, name))}
    tiers = [{"above": tier.above, **_by_million(tier.rates)} for tier in price.tiers]
    classes = _by_million((name, getattr(price, name)) for name in CLASSES)
    return classes | _by_million(price.kinds) | units | ({"tiers": tiers} if tiers else {})


def _by_million(rates: Iterable[tuple[str, int]]) -> dict[str, str]:
    return {name: dollars_per_million(picos) for name, picos in rates}
