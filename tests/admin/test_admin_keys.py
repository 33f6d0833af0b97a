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
