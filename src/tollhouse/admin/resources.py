"""All of the Admin API in one list. What is not in it is not there."""

from __future__ import annotations

from tollhouse.admin import acts, keys, money, people, tokens
from tollhouse.admin.resource import Resource

RESOURCES: tuple[Resource, ...] = (
    *people.rows(),
    *keys.rows(),
    *money.rows(),
    *tokens.rows(),
    *acts.rows(),
)
