"""What binds a key beside its accounts, by the Admin API."""

from __future__ import annotations

from typing import Any

import pytest

from security.admin_api import ANY, Api

pytestmark = pytest.mark.req("OT-39", "B-18", "OT-5", "B-12")


@pytest.mark.parametrize(
    ("name", "value", "unsaid"),
    [
        ("is_exempt", True, False),
        ("per_conversation", "0.50", None),
        ("foreign_users", "tolerate", None),
    ],
)
async def test_what_binds_a_key_is_said_told_taken_back_and_written_down(
    api: Api, name: str, value: Any, unsaid: Any
) -> None:
    path = f"/keys/{await api.key()}"

    said = await api.ask("owner", "PATCH", path, {name: value}, ANY)
    unsaying = [*ANY, ("x-request-id", f"unsaying-{name}")]
    back = await api.ask("owner", "PATCH", path, {name: unsaid}, unsaying)

    assert (said.json[name], back.json[name]) == (value, unsaid)
    assert said.headers["etag"] != back.headers["etag"]
    (record,) = await api.records(f"unsaying-{name}")
    assert len(record["changed"]) == 1


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"is_exempt": None}, "is_exempt"),
        ({"per_conversation": 1}, "per_conversation"),
        ({"per_conversation": "-1"}, "per_conversation"),
        ({"per_conversation": "NaN"}, "per_conversation"),
        ({"foreign_users": "anybody"}, "foreign_users"),
        ({"is_exempt": True, "per_conversation": None}, None),
    ],
)
async def test_what_cannot_be_meant_is_named(api: Api, body: Any, param: str | None) -> None:
    got = await api.ask("owner", "PATCH", f"/keys/{await api.key()}", body, ANY)

    assert (got.status, got.code, got.json.get("param")) == (400, "field_invalid", param)


@pytest.mark.req("B-21")
@pytest.mark.parametrize(
    ("name", "value"), [("networks", ["10.0.0.0/8", "2001:db8::/32"]), ("purposes", ["embeddings"])]
)
async def test_where_a_key_may_be_used_and_what_for_is_said_told_and_taken_back(
    api: Api, name: str, value: Any
) -> None:
    key = await api.key()
    path, named = f"/keys/{key}", f"confining-{name}"

    said = await api.ask("owner", "PATCH", path, {name: value}, [*ANY, ("x-request-id", named)])
    back = await api.ask("owner", "PATCH", path, {name: []}, ANY)

    assert (said.json[name], back.json[name]) == (value, [])
    (record,) = await api.records(named)
    assert (record["operation"], record["changed"]) == ("keys.confine", {name: [[], value]})


@pytest.mark.req("B-21")
@pytest.mark.parametrize(("name", "value"), [("networks", ["all"]), ("purposes", ["all"])])
async def test_bounds_that_cannot_be_meant_are_named(api: Api, name: str, value: Any) -> None:
    body = {"tenant": "acme", "name": "web", name: value}

    patched = await api.ask("owner", "PATCH", f"/keys/{await api.key()}", {name: value}, ANY)
    made = await api.ask("owner", "POST", "/keys", body)

    for got in (patched, made):
        assert (got.status, got.code, got.json["param"]) == (400, "field_invalid", name)


@pytest.mark.req("P-37")
@pytest.mark.parametrize("said", [{}, {"expires_in_s": None}, {"expires_in_s": 60}])
async def test_how_long_a_key_lives_may_be_left_unsaid(api: Api, said: Any) -> None:
    got = await api.ask("owner", "POST", "/keys", {"tenant": "acme", "name": "web", **said})

    assert got.status == 201
    assert (got.json["expires_at"] is None) == (said == {"expires_in_s": None})


@pytest.mark.req("B-21")
async def test_when_a_key_may_be_used_is_said_told_and_taken_back(api: Api) -> None:
    path = f"/keys/{await api.key()}"

    said = await api.ask("owner", "PATCH", path, {"hours": "mon-wed  08:00-18:00"}, ANY)
    unfit = await api.ask("owner", "PATCH", path, {"hours": "always"}, ANY)
    nowhere = await api.ask("owner", "PATCH", path, {"hours": "mon Mars/Olympus"}, ANY)
    back = await api.ask("owner", "PATCH", path, {"hours": None}, ANY)

    assert said.json["hours"] == "mon,tue,wed 08:00-18:00 UTC"
    for got in (unfit, nowhere):
        assert (got.status, got.code, got.json["param"]) == (400, "field_invalid", "hours")
    assert back.json["hours"] is None
