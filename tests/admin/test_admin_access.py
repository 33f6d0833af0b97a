"""The access review by the Admin API."""

from __future__ import annotations

import pytest

from security.admin_api import ANY, Api

pytestmark = pytest.mark.req("B-44", "P-39")


async def test_an_auditor_reads_what_each_key_reaches_and_what_speaks_against_it(api: Api) -> None:
    key = await api.key(models=["*"], expires_in_s=None)

    got = await api.ask("auditor", "GET", "/access-review?limit=1000")

    (row,) = [each for each in got.json["data"] if each["key"] == key]
    assert (row["grants"], row["reaches"], row["unused"]) == (["*"], ["m"], ["m"])
    assert row["findings"] == ["never_expires", "every_model"]
    assert row["limit"] == "1000.00"


async def test_a_key_that_is_revoked_is_nobodys_to_review(api: Api) -> None:
    key = await api.key()
    await api.ask("owner", "POST", f"/keys/{key}/revoke", {}, ANY)

    got = await api.ask("auditor", "GET", "/access-review?limit=1000")

    assert key not in [each["key"] for each in got.json["data"]]


async def test_who_runs_a_tenant_reviews_its_keys_and_no_others(api: Api) -> None:
    tenant = await api.tenant()
    strange = (await api.made("/keys", {"tenant": tenant, "name": "k"}))["id"]
    own = await api.key()

    for query in ("?limit=1000", f"?tenant={tenant}"):
        seen = (await api.ask("own-auditor", "GET", f"/access-review{query}")).json["data"]
        assert strange not in [each["key"] for each in seen]
        assert (own in [each["key"] for each in seen]) == ("tenant" not in query)


@pytest.mark.parametrize("window", ["0", "3651", "-1", "x", "1.5", ""])
async def test_a_window_that_is_no_number_of_days_is_refused(api: Api, window: str) -> None:
    got = await api.ask("auditor", "GET", f"/access-review?window={window}")

    assert (got.status, got.code, got.json["param"]) == (400, "field_invalid", "window")
