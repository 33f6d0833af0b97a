"""Every route x every guard x streamed or whole: each cell acts, or the route says why it does not apply."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import pytest

from fakes import FakeExchange, FakeProvider
from journeys import endpoints, recordings
from journeys.gateway import MODEL, Gateway, furnish, now_ms, prepared, until
from journeys.provider import Asked, Provider
from pipeline.houses import World, call, snapshot
from security.wire import Got, bearer, recorded, request, send
from tollhouse.admin.matrix import GUARDS, cell
from tollhouse.control import prices
from tollhouse.control.prices import Rates
from tollhouse.domain.errors import UpstreamTimeout
from tollhouse.domain.pricing import Price
from tollhouse.domain.snapshot import DatedPrice, Names, Snapshot
from tollhouse.domain.tasks import Task
from tollhouse.pipeline.route import ID, Metered, Route, Takes
from tollhouse.ports import Body
from tollhouse.server.routes import route_table
from tollhouse.wiring import Store
from tollhouse.wiring.dialects import dialects

ROUTES = {f"{each.method} {each.path}": each for each in route_table(dialects(), 2**20)}
HUNG = "hung"
NUMBERS = count()
ACTING = [
    (name, is_stream, guard)
    for name, route in ROUTES.items()
    for is_stream in (False, True)
    for guard in GUARDS
    if cell(route, guard, is_stream=is_stream).stands
]


REFUSED = {
    "ollama_manage": (501, "refused"),
    "file_upload": (415, "refused"),
    "batch_create": (400, "refused"),
    **dict.fromkeys(("batch_show", "batch_cancel"), (404, "refused")),
    "receipt": (404, "refused"),
    **dict.fromkeys(("file_show", "file_delete", "file_content"), (404, "refused")),
}
"""How it ends where nothing is offered, and where what is asked for is not there."""


def cells(guard: str) -> pytest.MarkDecorator:
    found = [(name, is_stream) for name, is_stream, each in ACTING if each == guard]
    return pytest.mark.parametrize(("name", "is_stream"), found)


@pytest.fixture(scope="module")
async def door(up: Provider, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    up.script = silent
    it = prepared(
        tmp_path_factory.mktemp("matrix"),
        up.url,
        settings='[providers.echo]\nkind = "echo"\n',
        up='speaks = ["chat", "responses"]',
        store=f'[models.{HUNG}]\ntargets = ["up:hung"]\ndoes = {json.dumps([*Task])}\n',
        targets=("echo:echo",),
    )
    async with served(it) as each:
        yield each


@pytest.fixture(scope="module")
async def narrow(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    """One request a minute."""
    it = prepared(
        tmp_path_factory.mktemp("narrow"),
        "http://127.0.0.1:1/v1",
        settings='[providers.echo]\nkind = "echo"\n',
        targets=("echo:echo",),
    )
    text = it.config.read_text()
    it.config.write_text(text.replace("requests_per_minute = 0", "requests_per_minute = 1"))
    async with served(it) as each:
        yield each


@pytest.mark.req("P-5", "B-10")
def test_no_cell_is_empty() -> None:
    for route in ROUTES.values():
        for guard in GUARDS:
            for is_stream in (False, True):
                assert cell(route, guard, is_stream=is_stream).says


@pytest.mark.req("P-5")
def test_every_route_answers_somehow_and_each_that_costs_has_an_example() -> None:
    for route in ROUTES.values():
        assert any(cell(route, "audit", is_stream=is_stream).stands for is_stream in (False, True))
        assert route.metered is Metered.FREE or route.name in endpoints.EXAMPLES


@pytest.mark.req("P-5", "P-2")
@cells("key")
async def test_without_a_key_nothing_is_answered(door: Door, name: str, is_stream: bool) -> None:
    got, record = await asked(door, name, None, is_stream=is_stream)

    assert (got.status, record["code"]) == (401, "key_missing")


@pytest.mark.req("P-5")
@cells("grant")
async def test_a_model_that_is_not_granted_is_not_answered(
    door: Door, name: str, is_stream: bool
) -> None:
    got, record = await asked(door, name, door.powerless, is_stream=is_stream)

    assert record["code"] == "model_not_granted"
    assert 400 <= got.status < 500


@pytest.mark.req("P-5", "P-3")
@cells("budget")
async def test_what_cannot_be_held_is_not_answered(door: Door, name: str, is_stream: bool) -> None:
    got, record = await asked(door, name, door.spent, is_stream=is_stream)

    assert (got.status, record["code"], record["owed_nanos"]) == (402, "budget_exhausted", 0)


@pytest.mark.req("P-5")
@cells("rate")
async def test_the_second_request_in_a_minute_is_one_too_many(
    narrow: Door, name: str, is_stream: bool
) -> None:
    await asked(narrow, name, narrow.gateway.key, is_stream=is_stream)

    got, record = await asked(narrow, name, narrow.gateway.key, is_stream=is_stream)

    assert (got.status, record["code"]) == (429, "rate_limited")


@pytest.mark.req("P-5", "P-1")
@cells("deadline")
async def test_a_call_that_takes_too_long_is_ended(name: str, is_stream: bool) -> None:
    route = replace(ROUTES[name], deadline_s=0.02)
    world = World(providers={"first": Silent()}, snapshot=whatever_is_asked())
    made = replace(
        call(raw=read_as(route, body_of(route, is_stream=is_stream, model="m"))), route=route
    )

    with pytest.raises(UpstreamTimeout, match=r"within 0\.02 s"):
        await route.serve(made, world.house)


@pytest.mark.req("P-5", "P-1")
@cells("cancel")
async def test_a_caller_who_hangs_up_takes_the_upstream_with_them(
    door: Door, up: Provider, name: str, is_stream: bool
) -> None:
    route, before = ROUTES[name], up.hung_up
    raw = request(
        body_of(route, is_stream=is_stream, model=HUNG),
        (bearer(door.gateway.key), endpoints.type_of(route.name)),
        target=route.path,
    )
    so_far = len(up.asked)
    _, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(raw)

    async def has_come() -> bool:
        return len(up.asked) > so_far

    async def has_gone() -> bool:
        return up.hung_up > before

    await until(has_come, "the upstream is asked")
    writer.transport.abort()
    await until(has_gone, "the upstream is left")


@pytest.mark.req("P-5", "S-60")
@cells("audit")
async def test_a_call_leaves_one_record(door: Door, name: str, is_stream: bool) -> None:
    got, record = await answered(door, name, is_stream=is_stream)

    route = ROUTES[name].name
    ending = REFUSED.get(route, (200, "ok"))
    assert got.status == ending[0]
    assert (record["route"], record["status"], record["outcome"]) == (route, *ending)
    assert record["key"] == door.gateway.key_id


@pytest.mark.req("P-5", "P-3", "B-20")
@cells("usage")
async def test_a_call_is_settled_for_what_it_came_to(
    door: Door, name: str, is_stream: bool
) -> None:
    _, record = await answered(door, name, is_stream=is_stream)

    outcome, owed, held, route = await _settled(door, record["call"])
    assert (outcome, route) == ("completed", ROUTES[name].name)
    assert 0 < owed <= held
    assert owed == record["owed_nanos"]


async def _settled(door: Door, call: str) -> Any:
    """Its row, once it is: an answer does not wait for its settlement."""
    sql = f"SELECT outcome, owed, held, route FROM calls WHERE id = '{call}' AND state = 'settled'"

    async def is_settled() -> bool:
        return bool(await door.gateway.rows(sql))

    await until(is_settled, "the call is settled")
    (row,) = await door.gateway.rows(sql)
    return row


@dataclass
class Door:
    gateway: Gateway
    powerless: str
    spent: str

    @property
    def port(self) -> int:
        return self.gateway.port


class Silent(FakeProvider):
    """Speaks everything, and never answers."""

    def __init__(self) -> None:
        super().__init__(FakeExchange(None))

    def speaks(self, dialect: str) -> bool:
        return True


@asynccontextmanager
async def served(it: Gateway) -> AsyncIterator[Door]:
    await furnish(it, 10**12)
    await it.on_store(_price)
    it.key, it.key_id = await _key(it)
    powerless, spent = await it.new_key(), await it.new_key(models=("*",), limit=1)
    async with it.serving():
        yield Door(it, powerless.key, spent.key)


async def _key(it: Gateway) -> tuple[str, str]:
    issued = await it.new_key(models=("*",))
    return issued.key, issued.id


async def _price(store: Store) -> None:
    """By everything that is metered."""
    rates = Rates("1", "2", per_image="0.01", per_character="0.001", per_second="0.001")
    for target in ("echo:echo", "up:hung"):
        await prices.set_price(store, target, rates, now_ms() + 1, now_ms())


def whatever_is_asked() -> Snapshot:
    """One model that does everything, at prices by the token and by the character."""
    plain = snapshot()
    model = replace(plain.names.models["m"], does=frozenset(Task))
    by_units = {
        target: (DatedPrice(0.0, Price(1, target, 1, 1, 1, 1, per_character=1, per_second=1)),)
        for target in plain.prices
    }
    return replace(plain, names=Names({"m": model}), prices=by_units)


def body_of(route: Route, *, is_stream: bool, model: str = MODEL) -> bytes:
    is_chosen = cell(route, "key", is_stream=not is_stream).stands
    choice = {"stream": is_stream} if is_chosen else {}
    return endpoints.body_of(route.name, model=model, **choice)


def read_as(route: Route, raw: bytes) -> Body:
    """As the door would have read it."""
    return recordings.read(raw) if route.takes is Takes.FORM else raw


async def asked(
    door: Door, name: str, key: str | None, *, is_stream: bool
) -> tuple[Got, dict[str, Any]]:
    """What came back, and its one record."""
    route = ROUTES[name]
    request_id = f"matrix-{next(NUMBERS)}"
    headers = [
        endpoints.type_of(route.name),
        ("x-request-id", request_id),
        *([bearer(key)] if key else []),
    ]
    body = body_of(route, is_stream=is_stream) if route.method == "POST" else b""
    path = route.path.replace(ID, "one")
    target = path + MODEL if path.endswith("/") else path
    got = await send(door.port, request(body, headers, method=route.method, target=target))
    return got, await recorded(door.gateway, request_id)


async def answered(door: Door, name: str, *, is_stream: bool) -> tuple[Got, dict[str, Any]]:
    return await asked(door, name, door.gateway.key, is_stream=is_stream)


async def silent(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()
