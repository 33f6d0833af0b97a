"""The document says what the tables and the registry say."""

from __future__ import annotations

from typing import Any

import pytest

from tollhouse.admin import openapi
from tollhouse.admin.routes import admin_table
from tollhouse.dialects.fields import REFUSED
from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.domain.errors import REGISTRY
from tollhouse.server.health import OPEN, Health
from tollhouse.server.routes import route_table
from tollhouse.wiring.dialects import dialects

CALLS = list(route_table(dialects(), 4096))
ADMIN = list(admin_table(OpenAIChat()))

pytestmark = pytest.mark.req("S-139")


def test_every_route_is_in_the_document_and_nothing_else() -> None:
    made = document()

    listed = {(method, path) for path, item in made["paths"].items() for method in item}
    routes = {(route.method.lower(), route.path) for route in (*CALLS, *ADMIN)}
    routes = {(method, f"{path}{{name}}" if path[-1] == "/" else path) for method, path in routes}
    assert {each for each in listed if each[0] != "servers"} == routes | {
        ("get", path) for path in OPEN
    }


def test_the_open_paths_are_those_that_health_answers() -> None:
    assert set(OPEN) == {*Health("", lambda: True)._fixed, "/health/ready"}


def test_every_code_of_the_registry_stands_in_the_document_but_those_of_no_route() -> None:
    found = {code for _, _, code in said(document())}

    assert found == set(REGISTRY) - openapi.NOWHERE


def test_every_code_stands_under_its_status() -> None:
    assert all(REGISTRY[code].status == int(status) for _, status, code in said(document()))


def test_a_free_route_has_no_code_of_money_and_a_route_without_a_body_none_of_bodies() -> None:
    codes = {code for path, _, code in said(document()) if path == "/v1/models"}

    assert not {"budget_exhausted", "upstream_failed", "body_too_large", "json_malformed"} & codes
    assert {"key_unknown", "field_invalid", "overloaded", "host_not_allowed"} <= codes


def test_an_operation_names_its_credential_its_meter_and_its_bounds() -> None:
    operation = document()["paths"]["/v1/chat/completions"]["post"]

    assert operation["security"] == [{"key": []}]
    assert operation["x-tollhouse"] == {
        "route": "chat",
        "metered": "tokens",
        "audited": "always",
        "cancelled": "with_caller",
        "deadline_s": 1800.0,
        "max_body_bytes": 4096,
    }


def test_members_that_callers_may_not_set_are_forbidden_in_the_document() -> None:
    operation = document()["paths"]["/v1/chat/completions"]["post"]

    properties = operation["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert {name for name, schema in properties.items() if schema is False} == REFUSED


def test_operations_have_ids_of_their_own() -> None:
    ids = [
        operation["operationId"]
        for item in document()["paths"].values()
        for method, operation in item.items()
        if method != "servers"
    ]

    assert len(set(ids)) == len(ids)


def test_the_admin_routes_say_where_they_are_and_what_opens_them() -> None:
    item = document()["paths"]["/openapi.json"]

    assert item["servers"] == [{"url": "http://127.0.0.1:8401"}]
    assert item["get"]["security"] == [{"admin_token": []}]


def test_without_an_admin_listener_there_are_no_admin_routes() -> None:
    assert "/openapi.json" not in document(admin_url=None)["paths"]


def document(admin_url: str | None = "http://127.0.0.1:8401") -> dict[str, Any]:
    return openapi.document(CALLS, ADMIN, OPEN, version="1", admin_url=admin_url)


def said(made: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Path, status and code of every refusal in the document."""
    return [
        (path, status, code)
        for path, item in made["paths"].items()
        for method, operation in item.items()
        if method != "servers"
        for status, answer in operation["responses"].items()
        for form in answer["content"].values()
        for code in form.get("schema", {}).get("x-tollhouse-codes", ())
    ]
