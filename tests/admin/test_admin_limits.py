"""Limits by the Admin API: what is said of one holds for its next call."""

from __future__ import annotations

from typing import Any

import pytest

from security.admin_api import ANY, Api

pytestmark = pytest.mark.req("OT-21", "P-39", "B-12")


async def test_what_is_said_of_one_is_told_with_the_state_that_it_changes(api: Api) -> None:
    path = f"/limits/key:{await api.key()}"
    unsaid = await api.ask("owner", "GET", path)

    said = await change(api, path, {"concurrent": 4}, unsaid.headers["etag"])
    late = await change(api, path, {"concurrent": 9}, unsaid.headers["etag"])
    more = await change(api, path, {"requests_per_minute": 60}, said.headers["etag"])

    assert unsaid.json == {"subject": path.rpartition("/")[2]}
    assert (late.status, late.code) == (412, "precondition_failed")
    assert more.json == {**unsaid.json, "concurrent": 4, "requests_per_minute": 60}


async def test_what_was_said_is_taken_back_once(api: Api) -> None:
    path = f"/limits/key:{await api.key()}"
    await change(api, path, {"concurrent": 4})

    first, then = [await api.ask("owner", "DELETE", path, headers=ANY) for _ in range(2)]

    assert (first.status, then.status, then.code) == (200, 409, "conflict")
    assert (await api.ask("owner", "GET", path)).json == {"subject": path.rpartition("/")[2]}


@pytest.mark.parametrize(
    ("subject", "body", "status", "param"),
    [
        ("key:none", {"concurrent": 1}, 404, None),
        ("model:none", {"concurrent": 1}, 409, None),
        ("route:none", {"concurrent": 1}, 409, None),
        ("route:chat", {}, 400, "limits"),
        ("route:chat", {"concurrent": -1}, 400, "concurrent"),
        ("route:chat", {"concurrent": 2**60}, 400, "concurrent"),
        ("route:chat", {"concurrent": 1.5}, 400, "concurrent"),
        ("route:chat", {"concurrent": True}, 400, "concurrent"),
        ("route:chat", {"concurrent": None}, 400, "concurrent"),
        ("route:chat", {"queue_weight": 2}, 400, "queue_weight"),
        ("route:chat", {"calls": 2}, 400, "calls"),
    ],
)
async def test_what_cannot_be_meant_changes_nothing_and_is_named(
    api: Api, subject: str, body: Any, status: int, param: str | None
) -> None:
    got = await change(api, f"/limits/{subject}", body)

    assert (got.status, got.json.get("param")) == (status, param), got
    listed = (await api.ask("owner", "GET", "/limits")).json["data"]
    assert subject not in [each["subject"] for each in listed]


async def test_an_admin_of_a_tenant_sees_its_limits_and_no_others(api: Api) -> None:
    key, tenant = await api.key(), await api.tenant()
    for subject in (f"key:{key}", f"tenant:{tenant}"):
        await change(api, f"/limits/{subject}", {"concurrent": 3})

    listed = (await api.ask("own-admin", "GET", "/limits")).json["data"]

    subjects = {each["subject"] for each in listed}
    assert f"key:{key}" in subjects
    assert f"tenant:{tenant}" not in subjects
    assert (await api.ask("own-admin", "GET", f"/limits/tenant:{tenant}")).status == 404


async def test_who_runs_a_tenant_bounds_its_projects_and_not_itself(api: Api) -> None:
    project = (await api.project()).replace("/", "%2F")

    below = await change(api, f"/limits/project:{project}", {"concurrent": 3}, who="own-admin")
    itself = await change(api, "/limits/tenant:acme", {"concurrent": 3}, who="own-admin")

    assert (below.status, itself.status, itself.code) == (200, 403, "role_insufficient")


async def change(api: Api, path: str, body: Any, seen: str = "*", who: str = "owner") -> Any:
    return await api.ask(who, "PATCH", path, body, [("if-match", seen)])
