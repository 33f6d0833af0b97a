"""A call that comes again under its Idempotency-Key: one call of a model, one charge, the same answer."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from openai import AsyncOpenAI

from journeys.endpoints import WITH_FILE, body_of, type_of
from journeys.gateway import MODEL, NANOS_IN, NANOS_OUT, Gateway, ask, gateway, now_ms, until
from journeys.provider import PROMPT_TOKENS, Asked, Provider, answer, provider
from servers import PostgresServer
from tollhouse.control import prices
from tollhouse.control.prices import Rates
from tollhouse.domain.tasks import Task
from tollhouse.pipeline.route import Metered
from tollhouse.server.routes import route_table
from tollhouse.wiring.dialects import dialects

pytestmark = pytest.mark.req("H-148", "S-93")

COST = PROMPT_TOKENS * NANOS_IN + 5 * NANOS_OUT
CHAT = "/v1/chat/completions"
ECHO = f"""[providers.echo]
kind = "echo"
[models.any]
targets = ["echo:any"]
does = {json.dumps(list(Task))}
"""
RATES = Rates("1", "2", per_image="0.01", per_second="0.001", per_character="0.000001")
PATHS = {
    each.name: each.path
    for each in reversed(list(route_table(dialects(), 10**6)))
    if each.metered is Metered.TOKENS
}


@dataclass
class Told:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["error"]["code"])

    @property
    def is_replayed(self) -> bool:
        return self.headers.get("idempotency-replayed") == "true"


@dataclass
class Place:
    """A gateway before a provider; what counts is what came since the test began."""

    door: Gateway
    up: Provider
    key: str = ""
    asked: int = 0
    spent: int = 0

    async def tell(self, body: Any, path: str = CHAT, key: str = "", **also: str) -> Told:
        headers = {**self.door.headers, "idempotency-key": key or self.key, **also}
        said = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with (
            aiohttp.ClientSession(self.door.origin) as session,
            session.post(path, data=said, headers=headers) as reply,
        ):
            return Told(reply.status, reply.headers, await reply.read())

    async def has_paid(self, calls: int) -> None:
        await self.door.nothing_is_held()
        assert len(self.up.asked) - self.asked == calls
        assert await self.door.spent() - self.spent == COST * calls


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
async def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Place]:
    directory = tmp_path_factory.mktemp("repeated")
    async with provider() as up:
        if request.param == "sqlite":
            async with gateway(directory, up.url, settings=ECHO) as door:
                yield await _furnished(door, up)
            return
        postgres: PostgresServer = request.getfixturevalue("postgres")
        with postgres.database() as url:
            async with gateway(directory, up.url, settings=ECHO, database=url) as door:
                yield await _furnished(door, up)


@pytest.fixture
async def place(served: Place) -> Place:
    served.up.script = None
    served.key, served.asked = str(uuid.uuid4()), len(served.up.asked)
    served.spent = await served.door.spent()
    return served


@pytest.mark.req("P-28")
@pytest.mark.parametrize("is_stream", [False, True])
async def test_the_same_call_again_gets_the_same_bytes_and_is_paid_for_once(
    place: Place, is_stream: bool
) -> None:
    body = ask(stream=is_stream)

    first, again = await place.tell(body), await place.tell(body)

    assert (first.status, first.is_replayed) == (200, False)
    assert (again.status, again.is_replayed) == (200, True)
    assert again.body == first.body
    assert again.headers["content-type"] == first.headers["content-type"]
    await place.has_paid(1)


async def test_another_body_under_the_same_key_is_refused(place: Place) -> None:
    await place.tell(ask())

    refused = await place.tell(ask("something else"))

    assert (refused.status, refused.code) == (422, "idempotency_mismatch")
    assert refused.headers["x-should-retry"] == "false"
    await place.has_paid(1)


async def test_the_same_call_beside_itself_is_told_to_wait(place: Place) -> None:
    go_on = _paused(place.up)
    first = asyncio.create_task(place.tell(ask()))
    await until(lambda: _has_asked(place), "the first call is under way")

    refused = await place.tell(ask())
    go_on.set()

    assert (refused.status, refused.code) == (409, "idempotency_in_flight")
    assert int(refused.headers["retry-after"]) > 0
    assert "x-should-retry" not in refused.headers
    assert (await first).status == 200
    assert (await place.tell(ask())).body == (await first).body
    await place.has_paid(1)


async def test_another_key_of_the_tenant_knows_nothing_of_it(place: Place) -> None:
    await place.tell(ask())
    other = await place.door.new_key(models=(MODEL,))
    bearer = {"authorization": f"Bearer {other.key}"}

    async def is_made() -> bool:
        told = await place.tell(ask("another"), **bearer)
        return told.status == 200

    await until(is_made, "the new key is known")

    await place.has_paid(2)


async def test_openais_client_waits_for_the_first_and_gets_its_answer(place: Place) -> None:
    go_on = _paused(place.up)
    headers = {"Idempotency-Key": place.key}
    async with AsyncOpenAI(
        base_url=place.door.base_url, api_key=place.door.key, max_retries=10
    ) as client:

        async def asking() -> Any:
            return await client.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": "hello"}], extra_headers=headers
            )

        first = asyncio.create_task(asking())
        await until(lambda: _has_asked(place), "the first call is under way")
        second = asyncio.create_task(asking())
        await until(lambda: _has_refused(place.door), "the second is told to wait")
        go_on.set()

        assert (await first) == (await second)
    await place.has_paid(1)


async def test_two_keys_with_one_request_are_none(place: Place) -> None:
    body = json.dumps(ask()).encode()
    sent = b"\r\n".join(
        (
            b"POST /v1/chat/completions HTTP/1.1",
            b"host: localhost",
            b"idempotency-key: a",
            b"idempotency-key: b",
            b"content-type: application/json",
            b"authorization: Bearer " + place.door.key.encode(),
            b"content-length: %d\r\n\r\n%b" % (len(body), body),
        )
    )

    reader, writer = await asyncio.open_connection("127.0.0.1", place.door.port)
    writer.write(sent)
    head = await reader.readuntil(b"Idempotency-Key")
    writer.close()

    assert head.startswith(b"HTTP/1.1 400 ")
    assert len(place.up.asked) == place.asked


@pytest.mark.parametrize("served", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", sorted(PATHS))
async def test_every_path_on_which_models_are_called_gives_its_answer_again(
    place: Place, name: str
) -> None:
    key = place.key
    first, again = [
        await place.tell(_divided(name, mark), PATHS[name], key, **_type(name, mark))
        for mark in ("toll-1111", "toll-2222")
    ]
    other = await place.tell(
        body_of(name, model="any", user="anna"), PATHS[name], key, **dict([type_of(name)])
    )

    assert (first.status, first.is_replayed) == (200, False), first.body
    assert (again.status, again.is_replayed) == (200, True)
    assert again.body == first.body
    assert other.status == 422
    await place.door.nothing_is_held()


@pytest.mark.parametrize("path", ["/v1/batches", "/v1/files"])
async def test_where_no_answer_is_kept_the_header_is_refused(place: Place, path: str) -> None:
    refused = await place.tell({}, path)

    assert (refused.status, refused.code) == (400, "field_invalid")
    assert json.loads(refused.body)["error"]["param"] == "Idempotency-Key"


async def test_what_is_kept_is_nowhere_in_clear(place: Place) -> None:
    prompt = f"canary {uuid.uuid4()}"
    first = await place.tell(ask(prompt))
    await place.tell(ask(prompt))
    spoken = json.loads(first.body)["choices"][0]["message"]["content"]

    told = place.door.log() + "".join(place.door.audit_lines())
    rows = str(await place.door.rows("SELECT * FROM repeats"))

    assert spoken
    for clear in (prompt, spoken, place.key):
        assert clear not in told
        assert clear not in rows


def _paused(up: Provider) -> asyncio.Event:
    go_on = asyncio.Event()

    async def pause(it: Provider, asked: Asked, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        await answer(it, asked, writer)

    up.script = pause
    return go_on


async def _has_asked(place: Place) -> bool:
    return len(place.up.asked) > place.asked


async def _has_refused(door: Gateway) -> bool:
    return any(each["code"] == "idempotency_in_flight" for each in door.calls()[-3:])


async def _furnished(door: Gateway, up: Provider) -> Place:
    """The echo has a price for everything that it can be asked for, and the key may ask it."""
    await door.on_store(lambda store: prices.set_price(store, "echo:any", RATES, None, now_ms()))
    issued = await door.new_key(models=(MODEL, "any"))
    door.key, door.key_id = issued.key, issued.id
    place = Place(door, up)

    async def is_known() -> bool:
        told = await place.tell(ask() | {"model": "any"}, key=str(uuid.uuid4()))
        return told.status == 200

    await until(is_known, "the price and the key are known")
    return place


def _divided(name: str, mark: str) -> bytes:
    """The same said with another boundary, where it is a form."""
    body = body_of(name, model="any")
    return body.replace(b"toll-4f0c", mark.encode()) if name in WITH_FILE else body


def _type(name: str, mark: str) -> dict[str, str]:
    header, media = type_of(name)
    return {header: media.replace("toll-4f0c", mark)}
