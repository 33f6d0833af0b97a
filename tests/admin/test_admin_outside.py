"""Usage from outside by the Admin API: named by its place where it does not fit, and counted once."""

from __future__ import annotations

from typing import Any

import pytest

from security.admin_api import Api

pytestmark = pytest.mark.req("OT-78")

EVENT = {
    "id": "e-1",
    "at": "2026-01-31T12:00:00Z",
    "user": "acme/owner",
    "target": "up:m-real",
    "input": 10,
    "output": 5,
    "kinds": {"reasoning": 2},
    "owed": "0.000001",
}


async def test_events_are_counted_once_and_told_with_what_each_account_spends(api: Api) -> None:
    body = wish(api, EVENT, {**EVENT, "id": "e-2"})

    first = await api.ask("finance", "POST", "/calls/import", body)
    again = await api.ask("finance", "POST", "/calls/import", body)

    assert (first.json["events"], first.json["again"], first.json["owed"]) == (2, 0, "0.000002")
    assert first.json["accounts"][-1] == {
        "owner": f"outside:acme/{body['source']}",
        "owed": "0.000002",
    }
    assert (again.json["events"], again.json["again"], again.json["accounts"]) == (0, 2, [])
    calls = await counted(api, body)
    assert [(each["route"], each["source"]) for each in calls] == [("outside", "outside")] * 2
    account = await api.ask("finance", "GET", f"/budgets/outside:acme%2F{body['source']}")
    assert (account.status, account.json["spent"]) == (200, "0.000002")


@pytest.mark.parametrize(
    ("event", "param"),
    [
        ({**EVENT, "id": "e-2", "colour": "blue"}, "events[1].colour"),
        ({**EVENT, "id": "e-2", "input": "10"}, "events[1].input"),
        ({**EVENT, "id": "e-2", "at": "2026-01-31"}, "events[1].at"),
        ({**EVENT, "id": "e-2", "user": "acme/nobody"}, "events[1].user"),
        ({**EVENT, "input": 11}, "events[1].id"),
        ("an event", "events[1]"),
    ],
)
async def test_one_that_does_not_fit_is_named_and_none_is_counted(
    api: Api, event: Any, param: str
) -> None:
    body = wish(api, EVENT, event)

    got = await api.ask("finance", "POST", "/calls/import", body)

    assert (got.status, got.json["param"]) == (400, param), got
    assert await counted(api, body) == []


async def test_more_than_a_batch_is_refused(api: Api) -> None:
    many = wish(api, *({**EVENT, "id": f"e-{number}"} for number in range(501)))
    none = wish(api)

    for body in (many, none):
        got = await api.ask("finance", "POST", "/calls/import", body)
        assert (got.status, got.json["param"]) == (400, "events")


async def test_a_tenant_that_is_not_ones_own_is_told_like_one_that_never_was(api: Api) -> None:
    other = await api.tenant()

    got = [
        await api.ask("own-finance", "POST", "/calls/import", {**wish(api, EVENT), "tenant": it})
        for it in (other, "nowhere")
    ]

    assert [(each.status, each.code) for each in got] == [(404, "not_found")] * 2


async def counted(api: Api, body: dict[str, Any]) -> list[dict[str, Any]]:
    got = await api.ask("finance", "GET", "/calls?tenant=acme&limit=1000")
    return [each for each in got.json["data"] if each["key"] == f"outside:{body['source']}"]


def wish(api: Api, *events: Any) -> dict[str, Any]:
    return {"tenant": "acme", "source": api.fresh(), "events": list(events)}
