"""All of the Admin API in one list. What is not in it is not there."""

from __future__ import annotations

from tollhouse.admin import (
    access,
    acts,
    budgets,
    calls,
    issuers,
    keys,
    limits,
    outside,
    people,
    price_updates,
    prices,
    sessions,
    tokens,
)
from tollhouse.admin.resource import Resource

RESOURCES: tuple[Resource, ...] = (
    *people.rows(),
    *keys.rows(),
    *budgets.rows(),
    *limits.rows(),
    *prices.rows(),
    *price_updates.rows(),
    *calls.rows(),
    *outside.rows(),
    *access.rows(),
    *tokens.rows(),
    *sessions.rows(),
    *issuers.rows(),
    *acts.rows(),
)
