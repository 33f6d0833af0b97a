"""Reference pages and the code say the same."""

from __future__ import annotations

import re

import pytest
from scripts import reference

from tollhouse.admin.routes import admin_table
from tollhouse.config import Settings
from tollhouse.dialects.fields import REFUSED
from tollhouse.dialects.openai_chat import OpenAIChat
from tollhouse.domain.acts import Act
from tollhouse.domain.audit import Record
from tollhouse.domain.operations import OPERATIONS
from tollhouse.domain.roles import Actor
from tollhouse.server.health import Health
from tollhouse.server.routes import route_table, unrouted
from tollhouse.wiring.dialects import dialects


@pytest.mark.parametrize("name", reference.GENERATED)
def test_a_generated_page_is_what_the_code_says(name: str) -> None:
    page = (reference.PAGES / name).read_text("utf-8")

    assert page == reference.GENERATED[name](), "write it anew with `make docs`"


def test_the_page_of_routes_is_the_table_of_routes() -> None:
    listed = re.findall(
        r"^\| (GET|HEAD|POST|DELETE) \| `([^`]+)` \|.*\| (tokens|batch|free) \| (\d+) s \|$",
        page("routes.md"),
        re.MULTILINE,
    )

    routes = route_table(dialects(), 1)

    assert {
        (each.method, each.path, each.metered.value, f"{each.deadline_s:.0f}") for each in routes
    } == set(listed)


def test_the_page_of_routes_names_every_open_path() -> None:
    open_paths = re.findall(r"^\| GET, HEAD \| `([^`]+)` \|", page("routes.md"), re.MULTILINE)

    health = Health("", lambda: True)

    assert set(open_paths) == {*health._fixed, "/health/ready"}


def test_the_page_of_routes_names_every_refused_member() -> None:
    assert all(f"`{member}`" in page("routes.md") for member in REFUSED)


def test_the_page_of_audit_records_has_every_field_in_order() -> None:
    section = page("audit-record.md").split("## A call\n")[1].split("## ")[0]
    listed = re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE)

    assert listed == [name for name in record().fields() if name not in {"kind", "at"}]


def test_the_page_of_audit_records_has_every_field_of_an_act_in_order() -> None:
    section = page("audit-record.md").split("## An act\n")[1].split("## ")[0]
    listed = re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE)

    assert listed == [name for name in an_act().fields() if name not in {"kind", "at"}]


def test_the_page_of_audit_records_names_every_route() -> None:
    chat = OpenAIChat()
    names = {
        each.name for each in (*route_table(dialects(), 1), *admin_table(chat), unrouted(chat))
    }

    assert all(f"`{name}`" in page("audit-record.md") for name in names)


def test_the_ports_that_the_pages_name_are_the_defaults() -> None:
    settings = Settings()

    assert str(settings.server.listen) == "127.0.0.1:8400"
    assert str(settings.metrics.listen) == "127.0.0.1:9400"


def page(name: str) -> str:
    return (reference.PAGES / name).read_text("utf-8")


def record() -> Record:
    return Record("c", "r", 0, "chat", "POST", 200, "ok", "::1", 0)


def an_act() -> Act:
    host = Actor("host:test", "host", ())
    return Act(
        id="a",
        request_id="r",
        at_ms=0,
        actor=host,
        operation=OPERATIONS["prices.seed"],
        subject="s",
        outcome="ok",
        changed={},
    )
