"""How requests to the Admin API are made: with the state that was seen, once, by known members, page by page."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from journeys.gateway import free_port, gateway, until
from security.admin_api import ANY, OFF, Api, furnish
from security.wire import JSON, bearer, request, send

pytestmark = pytest.mark.req("B-12", "S-45", "S-52", "P-39")


async def test_of_two_who_change_one_state_one_does_and_the_other_is_told(api: Api) -> None:
    key = await api.key()
    seen = (await api.ask("owner", "GET", f"/keys/{key}")).headers["etag"]

    ends = await asyncio.gather(
        *(
            api.ask("owner", "PATCH", f"/keys/{key}", {"grant": [f"m{n}"]}, [("if-match", seen)])
            for n in range(6)
        )
    )

    assert sorted(got.status for got in ends) == [200, *[412] * 5]
    (won,) = [got for got in ends if got.status == 200]
    assert len(won.json["models"]) == 1
    assert won.headers["etag"] != seen


@pytest.mark.parametrize(("method", "body"), [("PATCH", OFF), ("DELETE", None)])
async def test_who_does_not_say_what_they_saw_changes_nothing(
    api: Api, method: str, body: Any
) -> None:
    project = (await api.project()).replace("/", "%2F")

    got = await api.ask("owner", method, f"/projects/{project}", body)

    assert (got.status, got.code) == (428, "precondition_required")
    assert (await api.ask("owner", "GET", f"/projects/{project}")).json["is_disabled"] is False


async def test_a_request_that_comes_again_is_answered_again_and_done_once(api: Api) -> None:
    wish = {"tenant": "acme", "name": api.fresh()}
    key = [("idempotency-key", api.fresh())]

    first, again = [await api.ask("owner", "POST", "/keys", wish, key) for _ in range(2)]

    assert (first.status, again.status) == (201, 201)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json == {**first.json, "key": None}
    listed = (await api.ask("owner", "GET", "/keys")).json["data"]
    assert [each["name"] for each in listed].count(wish["name"]) == 1
    stored = (await api.gateway.rows("SELECT body FROM replies")) + (
        await api.gateway.rows("SELECT asked FROM replies")
    )
    assert first.json["key"] not in str(stored)


async def test_requests_that_come_at_once_under_one_key_are_done_once(api: Api) -> None:
    wish = {"tenant": "acme", "name": api.fresh()}
    key = [("idempotency-key", api.fresh())]

    ends = await asyncio.gather(*(api.ask("owner", "POST", "/keys", wish, key) for _ in range(6)))

    assert {got.status for got in ends} <= {201, 409}
    listed = (await api.ask("owner", "GET", "/keys")).json["data"]
    assert [each["name"] for each in listed].count(wish["name"]) == 1


async def test_a_key_that_came_with_another_request_is_refused(api: Api) -> None:
    key = [("idempotency-key", api.fresh())]
    await api.ask("owner", "POST", "/tenants", {"tenant": api.fresh()}, key)

    got = await api.ask("owner", "POST", "/tenants", {"tenant": api.fresh()}, key)

    assert (got.status, got.code) == (422, "idempotency_mismatch")


@pytest.mark.req("S-13")
@pytest.mark.parametrize(
    ("path", "body", "code", "param"),
    [
        ("/tenants", {"tenant": "x", "owner": "me"}, "field_refused", "owner"),
        ("/tenants", {}, "field_invalid", "tenant"),
        ("/tenants", {"tenant": 7}, "field_invalid", "tenant"),
        ("/tenants", {"tenant": "No"}, "field_invalid", "tenant"),
        ("/keys", {"tenant": "acme", "name": "k", "limit": 1.5}, "field_invalid", "limit"),
        ("/keys", {"tenant": "acme", "name": "k", "limit": "-1"}, "field_invalid", "limit"),
        ("/keys", {"tenant": "acme", "name": "k", "limit": "1e9"}, "field_invalid", "limit"),
        ("/keys", {"tenant": "acme", "name": "k", "priority": "top"}, "field_invalid", "priority"),
        ("/prices", {"target": "a:b", "input": "NaN", "output": "1"}, "field_invalid", "input"),
        (
            "/prices",
            {"target": "a:b", "input": "1", "output": "1", "tiers": [{"above": 9, "input": "NaN"}]},
            "field_invalid",
            "tiers[0].input",
        ),
        ("/members", {"user": "acme/owner", "at": "acme", "role": "owner"}, "field_invalid", "at"),
    ],
)
async def test_a_member_that_is_wrong_is_named(
    api: Api, path: str, body: Any, code: str, param: str
) -> None:
    got = await api.ask("owner", "POST", path, body)

    assert (got.status, got.code, got.json["param"]) == (400, code, param)


@pytest.mark.req("OT-28", "OT-32", "B-19")
async def test_a_price_says_all_that_was_set_and_who_set_it(api: Api) -> None:
    wish = {
        "target": f"up:{api.fresh()}",
        "input": "3",
        "output": "15",
        "kinds": {"audio_input": "40"},
        "tiers": [{"above": 200_000, "input": "6"}],
        "tenant": "acme",
        "effective_at": "2027-01-01T00:00:00Z",
        "effective_to": "2027-07-01T00:00:00Z",
    }

    told = await api.made("/prices", wish)

    assert {name: told[name] for name in wish} == wish
    assert told["set_by"]


async def test_a_member_that_comes_twice_is_refused(api: Api) -> None:
    raw = request(
        b'{"tenant": "a", "tenant": "b"}',
        [bearer(api.tokens["owner"]), JSON],
        method="POST",
        target="/admin/v1/tenants",
    )

    got = await send(api.port, raw)

    assert (got.status, got.code) == (400, "json_duplicate_key")


async def test_what_is_in_use_is_not_deleted_and_told_by_what(api: Api) -> None:
    got = await api.ask("owner", "DELETE", "/tenants/acme", headers=ANY)

    assert (got.status, got.code) == (409, "in_use")
    assert "keys" in got.json["detail"]


async def test_a_list_is_read_page_by_page_to_its_end(api: Api) -> None:
    made = {await api.user() for _ in range(5)}
    found, after, pages = set(), "", 0

    while after is not None:
        path = f"/users?tenant=acme&limit=3{'&after=' + after if after else ''}"
        page = (await api.ask("owner", "GET", path)).json
        assert len(page["data"]) <= 3
        found |= {each["id"] for each in page["data"]}
        after, pages = page["next"], pages + 1

    assert made <= found
    assert pages > 1


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "limit=1&limit=2", "after=%21", "nobody=1"]
)
async def test_a_query_that_is_not_understood_is_refused(api: Api, query: str) -> None:
    got = await api.ask("owner", "GET", f"/users?{query}")

    assert (got.status, got.code) == (400, "field_invalid")


@pytest.mark.req("OT-15", "OT-16", "OT-17", "OT-24", "B-7")
async def test_a_key_is_issued_listed_rotated_and_shut_out_with_its_user(api: Api) -> None:
    user = await api.user()
    key = await api.made("/keys", {"tenant": "acme", "name": "k", "user": user, "models": ["m"]})

    fresh = (await api.ask("owner", "POST", f"/keys/{key['id']}/rotate", {})).json
    await api.ask("owner", "PATCH", f"/users/{user.replace('/', '%2F')}", OFF, ANY)
    shown = (await api.ask("owner", "GET", f"/keys/{key['id']}")).json

    assert (fresh["id"], fresh["key"] != key["key"]) == (key["id"], True)
    assert (shown["state"], "key" in shown) == ("blocked", False)


@pytest.mark.req("P-39")
async def test_an_auditor_reads_who_changed_what_page_by_page(api: Api) -> None:
    key = await api.key()
    for model in ("a", "b", "c"):
        await api.ask("admin", "PATCH", f"/keys/{key}", {"grant": [model]}, ANY)

    told: list[Any] = []
    after: str | None = ""
    while after is not None:
        more = f"&after={after}" if after else ""
        page = await api.ask("auditor", "GET", f"/acts?subject=key:{key}&limit=2{more}")
        told += page.json["data"]
        after = page.json["next"]

    assert [each["operation"] for each in told] == [*["keys.grant"] * 3, "keys.create"]
    assert told[0]["changed"]["models"] == [["a", "b"], ["a", "b", "c"]]


@pytest.mark.req("S-110", "B-12")
async def test_where_no_record_can_be_written_nothing_is_changed(tmp_path: Path) -> None:
    port = free_port()
    lines = f'[admin]\nlisten = "127.0.0.1:{port}"\n'
    async with gateway(tmp_path, "http://127.0.0.1:1/v1", settings=lines) as served:
        api = Api(served, port)
        await furnish(api)
        shutil.rmtree(tmp_path / "data" / "audit")

        async def is_refused() -> bool:
            return (await api.ask("owner", "GET", "/tenants")).status == 503

        await until(is_refused, "the log is known to be gone")
        got = await api.ask("owner", "POST", "/tenants", {"tenant": "bolt"})

        assert (got.status, got.code) == (503, "audit_unavailable")
        assert await served.rows("SELECT id FROM tenants") == [("acme",)]
