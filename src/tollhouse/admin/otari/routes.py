"""The rows under both roots that otari's clients ask: `/api/v1`, and `/v1` as they did before.

They are rows of the one table that the door serves, but of a house of their own: an admin token opens them
and no key does, and a token opens nothing else of that door.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tollhouse.admin.asking import Office
from tollhouse.admin.otari import budgets, external, keys, pricing, set_price, usage, users
from tollhouse.admin.resource import BodyUnfit, Resource
from tollhouse.admin.routes import route
from tollhouse.admin.serving import Serve, serving
from tollhouse.pipeline.call import Call
from tollhouse.pipeline.house import House
from tollhouse.pipeline.route import Route
from tollhouse.ports import Dialect

ROOTS = ("/v1", "/api/v1")


RESOURCES: tuple[Resource, ...] = tuple(
    replace(row, is_guarded=False, unfit=BodyUnfit)
    for rows in (
        keys.rows,
        users.rows,
        budgets.rows,
        pricing.rows,
        usage.rows,
        external.rows,
        set_price.rows,
    )
    for row in rows()
)


def otari_routes(
    dialect: Dialect, office: Office | None = None, house: House | None = None
) -> Iterator[Route]:
    """Without an office they are described, and not served."""
    for root in ROOTS:
        for each in RESOURCES:
            most = each.most_bytes if each.body else 0
            serve = _within(house, serving(each, office))
            yield route(each.name, each.method, f"{root}{each.path}", dialect, serve, most)


def _within(own: House | None, serve: Serve) -> Serve:
    async def served(call: Call, house: House) -> None:
        await serve(call, own or house)

    return served
