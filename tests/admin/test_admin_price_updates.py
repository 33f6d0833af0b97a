"""Price updates by the Admin API: seen, then approved as they were seen, or rejected."""

from __future__ import annotations

import pytest

from security.admin_api import Api
from tollhouse.data import seed_prices

pytestmark = pytest.mark.req("B-19", "OT-31", "P-39")


async def test_an_update_shows_what_it_would_change(api: Api) -> None:
    update = await api.price_update(("3", "4"), ("1", "20"))

    got = await api.ask("finance", "GET", f"/price-updates/{update}")

    small, large = got.json["changes"]
    assert (got.json["open"], got.json["jumps"]) == (2, [large["target"]])
    assert small["moves"][0] == {"rate": "input", "above": 0, "old": "3", "new": "4"}
    assert (small["is_jump"], small["verdict"], large["is_jump"]) == (False, None, True)
    assert await rate(api, small["target"]) == "3"


async def test_what_is_approved_holds_and_a_jump_only_by_its_name(api: Api) -> None:
    update = await api.price_update(("3", "4"), ("1", "20"))
    shown = (await api.ask("finance", "GET", f"/price-updates/{update}")).json
    small, large = (each["target"] for each in shown["changes"])

    first = await api.ask("finance", "POST", f"/price-updates/{update}/approve", {})
    between = await rate(api, small), await rate(api, large)
    second = await api.ask(
        "finance", "POST", f"/price-updates/{update}/approve", {"jumps": [large]}
    )

    assert first.json == {"id": update, "added": 1, "held": [large]}
    assert between == ("4", "1")
    assert (second.json["added"], await rate(api, large)) == (1, "20")
    changes = (await api.ask("finance", "GET", f"/price-updates/{update}")).json["changes"]
    assert [each["decided_by"] for each in changes] == ["acme/finance"] * 2


async def test_who_saw_other_prices_approves_nothing(api: Api) -> None:
    update = await api.price_update(("3", "4"))
    seen = (await api.ask("finance", "GET", f"/price-updates/{update}")).headers["etag"]
    await api.price_update(("5", "6"))

    got = await api.ask(
        "finance", "POST", f"/price-updates/{update}/approve", {}, [("if-match", seen)]
    )

    assert (got.status, got.code) == (412, "precondition_failed")
    shown = await api.ask("finance", "GET", f"/price-updates/{update}")
    assert shown.json["open"] == 1
    assert shown.headers["etag"] != seen


async def test_an_approval_that_comes_again_is_done_once(api: Api) -> None:
    update, key = await api.price_update(("3", "4")), [("idempotency-key", api.fresh())]

    first, again = [
        await api.ask("finance", "POST", f"/price-updates/{update}/approve", {}, key)
        for _ in range(2)
    ]

    assert (first.json["added"], again.json) == (1, first.json)
    assert again.headers["idempotency-replayed"] == "true"


async def test_what_is_rejected_never_holds(api: Api) -> None:
    update = await api.price_update(("3", "4"))

    got = await api.ask("finance", "POST", f"/price-updates/{update}/reject", {})
    late = await api.ask("finance", "POST", f"/price-updates/{update}/approve", {})

    (change,) = (await api.ask("finance", "GET", f"/price-updates/{update}")).json["changes"]
    assert got.json == {"id": update, "rejected": 1}
    assert (late.json["added"], change["verdict"]) == (0, "rejected")
    assert await rate(api, change["target"]) == "3"


async def test_the_book_of_this_version_is_laid_before_the_house(api: Api) -> None:
    same = await api.ask("finance", "POST", "/price-updates", {"book": "packaged"})
    cheaper = ("UPDATE prices SET input = 1 WHERE model = $1", (seed_prices().listings[0].target,))
    await api.gateway.on_store(lambda store: store.write(cheaper))

    made = await api.ask("finance", "POST", "/price-updates", {"book": "packaged"})
    other = await api.ask("finance", "POST", "/price-updates", {"book": "/etc/passwd"})

    listed = (await api.ask("finance", "GET", "/price-updates?limit=1000")).json["data"]
    (found,) = [each for each in listed if each["id"] == made.json["id"]]
    assert (same.json["id"], same.json["open"]) == (None, 0)
    assert (found["book"], found["open"], found["made_by"]) == ("packaged", 1, "acme/finance")
    assert (other.status, other.code, other.json["param"]) == (400, "field_invalid", "book")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("POST", "/approve"), ("POST", "/reject")]
)
async def test_an_update_that_is_not_there_is_not_found(api: Api, method: str, path: str) -> None:
    body = {} if method == "POST" else None

    got = await api.ask("finance", method, f"/price-updates/none{path}", body)

    assert (got.status, got.code) == (404, "not_found")


async def rate(api: Api, target: str) -> str:
    """What input costs at this moment."""
    listed = (await api.ask("owner", "GET", "/prices?limit=1000")).json["data"]
    return str(next(each["input"] for each in listed if each["target"] == target))
